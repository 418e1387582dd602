"""What programs need and the sandbox must not break."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, ends, gives, prints, python, that

TITLE = "What must still work"

CASES = (
    case(
        "threads",
        "Threads and pools of them",
        python(
            "from concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor(4) as pool: print(sum(pool.map(abs, range(-100, 0))))"
        ),
        prints("5050\n"),
    ),
    case(
        "multiprocessing",
        "Processes, pools, queues, locks and shared values of multiprocessing",
        python("""
import multiprocessing as m
context = m.get_context("fork")
def square(n): return n * n
queue, lock, value = context.Queue(), context.Lock(), context.Value("i", 0)
def put():
    with lock: value.value += 1
    queue.put("put")
process = context.Process(target=put); process.start()
got = queue.get(timeout=10); process.join()
with context.Pool(2) as pool: squares = pool.map(square, range(5))
got, value.value, squares
"""),
        gives("('put', 1, [0, 1, 4, 9, 16])"),
    ),
    case(
        "asyncio",
        "asyncio with programs, timeouts and pipes, at the top level too",
        python("""
import asyncio
process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
out, _ = await process.communicate(b"through a pipe")
results = await asyncio.gather(*(asyncio.sleep(0.01, n) for n in range(3)))
out, results
"""),
        gives("(b'through a pipe', [0, 1, 2])"),
    ),
    case(
        "subprocess",
        "subprocess with input, output, errors and time limits",
        python("""
import subprocess
done = subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input="in", capture_output=True, text=True)
try: subprocess.run(["sleep", "60"], timeout=0.05)
except subprocess.TimeoutExpired: late = True
done.stdout, done.stderr, done.returncode, late
"""),
        gives(r"('in', 'err\n', 3, True)"),
    ),
    case(
        "git",
        "git: status, log and diff; in a copy also add and commit",
        bash(
            "git status --short | grep -v sock; echo more >> file.txt; git diff --stat | tail -1;"
            " git -c user.name=a -c user.email=a@example.org commit -qam second; git log --format=%s;"
            " git reset -q --hard HEAD~; git status --short file.txt"
        ),
        that(
            "they do",
            lambda seen: "1 insertion" in seen.last.out and "second\nfirst\n" in seen.last.out,
        ),
    ),
    case(
        "git-read-only",
        "git in a project that is read-only: status, log and diff",
        bash("git status --short file.txt; git log --format=%s; git diff"),
        prints("first\n"),
        policy="read-only",
    ),
    case(
        "pipelines",
        "Pipes, here-documents, substitutions, background jobs and traps of bash",
        bash("""
cat <<END | tr a-z A-Z
here
END
diff <(echo a) <(echo b) > /dev/null || echo differ
sleep 0.01 & wait $!; echo waited; trap 'echo trapped' USR1; kill -USR1 $$
read -r line <<< "a line"; echo "$line"; arr=(1 2 3); echo "${#arr[@]}"; seq 100000 | sort -rn | head -1"""),
        prints("HERE\ndiffer\nwaited\ntrapped\na line\n3\n100000\n"),
    ),
    case(
        "databases",
        "SQLite, with a journal and locks, in /tmp, in the copy and in memory",
        python("""
import sqlite3
found = []
for place in ("/tmp/x.db", "x.db", ":memory:"):
    base = sqlite3.connect(place)
    base.execute("pragma journal_mode = wal"); base.execute("create table t (n)")
    with base: base.executemany("insert into t values (?)", [(n,) for n in range(10)])
    found.append(base.execute("select sum(n) from t").fetchone()[0]); base.close()
for name in ("/tmp/x.db", "x.db"): os.unlink(name)
found
"""),
        gives("[45, 45, 45]"),
    ),
    case(
        "files",
        "Temporary files, locks, links, memory maps, watches and named pipes",
        python("""
import fcntl, mmap, tempfile, threading
with tempfile.TemporaryDirectory() as place:
    path = place + "/file"
    with open(path, "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX); file.write(b"x" * 4096); file.flush()
        with mmap.mmap(file.fileno(), 4096) as part: part[0:1] = b"y"
    os.symlink("file", place + "/link"); os.link(path, place + "/hard"); os.mkfifo(place + "/pipe")
    threading.Thread(target=lambda: open(place + "/pipe", "w").write("piped")).start()
    found = open(place + "/link", "rb").read(2), os.stat(path).st_nlink, open(place + "/pipe").read()
    watch = _libc.inotify_init1(0); found += (watch >= 0,); os.close(watch)
found
"""),
        gives("(b'yx', 2, 'piped', True)"),
    ),
    case(
        "socket-pairs",
        "Pairs of sockets, with descriptors sent over them",
        python("""
import socket
one, other = socket.socketpair()
socket.send_fds(one, [b"x"], [os.open("/etc/hosts", os.O_RDONLY)])
_, fds, _, _ = socket.recv_fds(other, 1, 1)
os.read(fds[0], 9)
"""),
        gives("b'127.0.0.1'"),
    ),
    case(
        "time-and-language",
        "Times, time zones, languages and characters of every kind",
        python("""
import datetime, locale, time, zoneinfo
open("/tmp/ünï — 日本", "w").close(); os.unlink("/tmp/ünï — 日本")
abs(time.time() - datetime.datetime.now().timestamp()) < 5, "ünï — 日本 🎉"
"""),
        gives("(True, 'ünï — 日本 🎉')"),
    ),
    case(
        "randomness-and-hashes",
        "Randomness, hashes and certificates",
        python(
            "import hashlib, secrets, ssl\nlen(secrets.token_bytes(64)), hashlib.sha256(b'').hexdigest()[:8],"
            " ssl.create_default_context() is not None"
        ),
        gives("(64, 'e3b0c442', True)"),
    ),
    case(
        "virtual-environments",
        "A virtual environment of one's own, in /tmp",
        bash(
            "python3 -m venv --without-pip /tmp/venv && /tmp/venv/bin/python -c 'import sys; print(sys.prefix)';"
            " rm -rf /tmp/venv",
            timeout=20,
        ),
        prints("/tmp/venv\n"),
    ),
    case(
        "scripts-of-the-project",
        "Programs of the project's",
        bash("./script.sh; sh script.sh; python3 -c 'import os; print(sorted(os.listdir())[-1])'"),
        prints("script\nscript\nsub\n"),
    ),
    case(
        "numpy",
        "numpy, where it is there, with its threads",
        python("""
import importlib.util
if importlib.util.find_spec("numpy") is None:
    found = 499500
else:
    import numpy
    found = int((numpy.arange(1000.0) @ numpy.ones(1000)))
found
"""),
        gives("499500"),
        policy="default",
        alone=True,
    ),
    case(
        "signals",
        "Alarms, handlers, and children that are waited for",
        python("""
import signal, time
rang = []
signal.signal(signal.SIGALRM, lambda *_: rang.append(True)); signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.1)
pid = os.fork()
if not pid: os._exit(7)
rang, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""),
        gives("([True], 7)"),
    ),
    case(
        "terminals-of-its-own",
        "Programs that want a terminal, in one that the block makes",
        python(
            "import pty\nread = lambda fd: os.read(fd, 1024)\npty.spawn(['sh', '-c', 'test -t 1'], read)"
        ),
        gives("0"),
    ),
    case(
        "processor-intensive",
        "All processors",
        bash(
            "nproc > /dev/null; for n in 1 2; do (i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done) & done; wait;"
            " echo done"
        ),
        ends("ok"),
        prints("done\n"),
    ),
)
