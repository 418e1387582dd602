"""Leaving something behind that runs later: on the host, in the project, or in later blocks."""

from __future__ import annotations

from tests.sandbox.abuse.case import (
    bash,
    case,
    ends,
    gives,
    host,
    prints,
    python,
    that,
)
from tests.sandbox.abuse.stage import Stage

TITLE = "Persistence"

OBEYED = (
    *(".git/hooks/pre-commit", ".git/config", ".gitconfig", ".gitmodules", ".envrc", ".bashrc"),
    *(
        ".bash_profile",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".vscode/tasks.json",
        ".idea/workspace.xml",
    ),
    *("sitecustomize.py", "usercustomize.py", "evil.pth", ".mcp.json", ".claude/settings.json"),
    *(".codex/config.toml", ".cursor/mcp.json", ".npmrc", ".husky/pre-commit", ".tool-versions"),
    *(".pre-commit-config.yaml", ".vimrc", ".exrc", ".devcontainer/devcontainer.json", ".direnv/x"),
    *(".config/autostart/x", ".local/bin/x", ".ssh/authorized_keys", ".llmrepl.toml", ".netrc"),
)
"""What programs of the person's run or obey without asking."""

WRITE_ALL = f"""
found = {{}}
for name in {OBEYED!r}:
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    found[name] = tried(lambda: open(name, "a").write("# evil\\n"))
sorted(set(found.values()))
"""


def _apply(stage: Stage) -> object:
    return stage.session.wait(stage.session.executor.written.apply())


def _next_session(stage: Stage) -> str:
    with stage._session("copy") as session:
        return session.bash(f"ls /tmp . ~ | grep -c {stage.world.marker}").out


CASES = (
    case(
        "start-up-files",
        "Hooks, start-up files and editors' tasks that a block writes reach no real file",
        python(WRITE_ALL),
        that("blocks see what they wrote", lambda seen: "done" in seen.last.value),
        alone=True,
    ),
    case(
        "start-up-files-applied",
        "Where a person applies all changes, those files are not among them",
        python(WRITE_ALL + "\nopen('harmless', 'w').write('harmless\\n')"),
        host(_apply),
        that(
            "each is refused and named",
            lambda seen: {path for path, _ in seen.last.refused} >= set(OBEYED) - {".netrc"},
        ),
        that("the harmless one is written", lambda seen: seen.last.done == ("harmless",)),
        alone=True,
        changes=("harmless",),
    ),
    case(
        "renamed-parent",
        "A hook does not come in by renaming the directory around it and putting another there",
        bash(
            "mv .git x; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit; mkdir a;"
            " echo evil > a/pre-commit; rm -rf .git/hooks; mv a .git/hooks; mv sub .vscode; rm -rf x"
        ),
        ends("ok"),
        host(_apply),
        that(
            "nothing of it is applied",
            lambda seen: not any(path.startswith((".git", ".vscode")) for path in seen.last.done),
        ),
        alone=True,
        changes=("sub",),
    ),
    case(
        "renamed-parent-read-only",
        "Nor is one made or moved in a project that is read-only",
        bash("mv .git x; mkdir .git; mv .git/hooks h; echo evil > .git/hooks/pre-commit; ls -A"),
        that("nothing changes", lambda seen: "x" not in seen.last.out.split()),
        policy="read-only",
    ),
    case(
        "home",
        "Start-up files in the sandbox's home directory are read by no later block",
        bash(
            "for f in .bashrc .bash_profile .profile .bash_login .inputrc .zshenv; do"
            " echo 'echo STARTED' > ~/$f; done"
        ),
        bash("echo on; rm -rf ~/.bash* ~/.profile ~/.inputrc ~/.zshenv"),
        prints("on\n"),
    ),
    case(
        "python-start-up",
        "Modules and start-up files of Python's that a block writes are not read by the supervisor",
        bash("""
for d in . /tmp ~; do
    for n in json socket struct os sitecustomize usercustomize resource select fcntl array; do
        echo 'open("/tmp/taken", "a").write(str(__import__("os").getpid()) + "\\n")' > $d/$n.py
    done
done; cd /tmp"""),
        bash("kill -9 -1"),
        bash("echo on"),
        prints("on\n"),
        bash(
            "grep -cx 1 /tmp/taken 2>/dev/null; cd <<project>>; rm -f *.py /tmp/*.py ~/*.py /tmp/taken"
        ),
        that("process 1 reads none", lambda seen: seen.last.out in ("", "0\n")),
        alone=True,
    ),
    case(
        "exported-variables",
        "Variables that bash hands on, the loader's among them, change neither the supervisor nor"
        " Python, and can be mended",
        bash(
            "echo 'echo SOURCED' > /tmp/env.sh; export LD_PRELOAD=/tmp/none.so BASH_ENV=/tmp/env.sh"
            " ENV=/tmp/env.sh PYTHONSTARTUP=/tmp/x.py PYTHONPATH=/tmp PROMPT_COMMAND='echo P'"
            " PS4='$(echo Q)' IFS=o PATH=/nowhere LD_LIBRARY_PATH=/tmp"
        ),
        python("[name for name in ('LD_PRELOAD', 'BASH_ENV', 'PYTHONPATH') if name in os.environ]"),
        gives("[]"),
        bash(
            "unset LD_PRELOAD BASH_ENV ENV IFS PYTHONSTARTUP PYTHONPATH PROMPT_COMMAND PS4"
            " LD_LIBRARY_PATH; export PATH=/usr/bin:/bin; echo mended; rm /tmp/env.sh"
        ),
        prints("mended\n"),
    ),
    case(
        "functions",
        "Functions, aliases and options of a block are not those of the next, exported or not",
        bash(
            "ls() { echo TAKEN; }; cd() { echo TAKEN; }; export -f ls cd; alias echo='echo TAKEN';"
            " readonly -f ls; shopt -s extdebug; set -o noexec"
        ),
        bash("type -t ls; echo free"),
        prints("file\nfree\n"),
        bash("builtin() { echo TAKEN; }; printf() { :; }; trap() { :; }; exit() { :; }"),
        bash("echo free"),
        prints("free\n"),
    ),
    case(
        "handed-on-state",
        "Text that a block puts where its variables are kept is not run by the next one",
        bash(r"printf '/tmp\0exit 9\n' >&62; trap - EXIT"),
        bash(r"""printf '/tmp\0declare -x A="$(touch /tmp/<<marker>>)"\n' >&62; trap - EXIT"""),
        bash(r"""printf '/tmp\0declare -x A="x"; touch /tmp/<<marker>>\n' >&62; trap - EXIT"""),
        bash("ls /tmp | grep -c <<marker>>; echo ran; cd <<project>>"),
        prints("0\nran\n"),
    ),
    case(
        "huge-environment",
        "A large environment, or thousands of variables, do not keep later blocks from running",
        bash(
            "export BIG=$(head -c 120000 /dev/zero | tr '\\0' x); for n in $(seq 400); do"
            " export V$n=$BIG; done",
            timeout=15,
        ),
        bash("echo on"),
        prints("on\n"),
        bash("export $(for n in $(seq 3000); do echo N$n=$n; done)"),
        bash("/bin/echo $N3000; for n in ${!N*} ${!V*} BIG; do unset $n; done 2>/dev/null"),
        prints("3000\n"),
    ),
    case(
        "working-directory",
        "A working directory that is gone, closed or oddly named does not keep blocks from running",
        bash("mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone"),
        bash("echo on; mkdir $'/tmp/a\\nb\\x01'; cd $'/tmp/a\\nb\\x01'"),
        prints("on\n"),
        bash("pwd | wc -l; mkdir /tmp/shut; cd /tmp/shut; chmod 0 /tmp/shut"),
        prints("2\n"),
        bash("cd <<project>>; chmod 700 /tmp/shut; rm -rf /tmp/shut /tmp/a*; echo on"),
        prints("on\n"),
    ),
    case(
        "broken-python",
        "A block that breaks Python from within loses Python at most",
        python(
            "import builtins, sys, json\njson.dumps = json.loads = None\n"
            "builtins.repr = builtins.len = None\nsys.modules.clear(); sys.path[:] = []"
        ),
        bash("echo on"),
        prints("on\n"),
        python("import signal; os.kill(os.getpid(), signal.SIGKILL)"),
    ),
    case(
        "python-hooks",
        "Hooks that a block sets in Python cannot fake how a bash block ends",
        python(
            "import sys, atexit, threading\nsys.excepthook = sys.displayhook = lambda *a: None\n"
            "sys.settrace(lambda *a: None); threading.settrace(lambda *a: None)\n"
            "atexit.register(os._exit, 0)"
        ),
        bash("exit 3"),
        ends("error", "exit code 3"),
        python("import signal; os.kill(os.getpid(), signal.SIGKILL)"),
    ),
    case(
        "timers",
        "Nothing can be given to the system to run later",
        bash(
            "for c in 'crontab -' 'at now' 'batch' 'systemd-run --user true' 'systemctl start cron'; do"
            " echo 'touch /var/tmp/<<marker>>' | timeout 2 $c >/dev/null 2>&1 && echo done; done;"
            " ls /var/spool /run/systemd /etc/cron.d 2>/dev/null"
        ),
        prints(""),
    ),
    case(
        "next-session",
        "Nothing that a session wrote is in another one",
        bash("echo left > /tmp/<<marker>>; echo left > <<marker>>; echo left > ~/<<marker>>"),
        host(_next_session),
        that("nothing is there", lambda seen: seen.last == "0\n"),
        bash("rm -f /tmp/<<marker>> <<marker>> ~/<<marker>>"),
    ),
)
