"""Records sessions/golden and sessions/regressions anew: `python -m tests.replaying.recording`.

Each session comes from the replies below, through the scripted provider, or a server on this
machine, and the real sandbox, in a copy of `.project` that lies at the same place every time.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llmrepl.conversing.commands.continuing import GO_ON
from llmrepl.sessions.branching.forking import _chain
from llmrepl.sessions.format import encode_header
from llmrepl.sessions.reader import LogReader
from llmrepl.testing import ModelServer, Reply, Wire

ROOT = Path(__file__).parents[2]
SESSIONS = ROOT / "sessions"
PLACE, HOME = Path("/tmp/tea"), Path("/tmp/tea-home")
LLMREPL = str(Path(sys.executable).with_name("llmrepl"))


@dataclass
class Recipe:
    """What a session is recorded from.

    `prompts` are turns, each a process of its own. `interrupted` presses Ctrl-C once a call runs.
    `fork_of` is a session whose first turn is copied and gone on from. `window` is how many tokens
    the model takes at once, where that is limited. `others` are the replies of a second model, who
    is asked where the first fails. `natively`: the replies come over HTTP, from a service that has
    tools of its own.
    """

    name: str
    prompts: tuple[str, ...]
    replies: tuple[str | Reply, ...]
    options: tuple[str, ...] = ()
    interrupted: bool = False
    fork_of: str = ""
    window: int = 0
    others: tuple[str, ...] = ()
    natively: bool = False
    folder: str = "golden"


def python(code, said="I'll look.", **options):
    return _block("python", code, said, options)


def bash(code, said="I'll look.", **options):
    return _block("bash", code, said, options)


def _block(language, code, said, options):
    more = "".join(f' {name}="{value}"' for name, value in options.items())
    return f'{said}\n\n<helpers lang="{language}"{more}>\n{code}\n</helpers>'


PLOT = """\
import csv, hashlib, os, struct, zlib

cups = [int(row["tea"]) for row in csv.DictReader(open("sales.csv"))]
width, height, bar = 200, 100, 40
rows = [bytearray(b"\\xff" * width * 3) for _ in range(height)]
for number, value in enumerate(cups):
    for y in range(height - value // 2, height):
        left = (number * (bar + 8) + 8) * 3
        rows[y][left : left + bar * 3] = b"\\x2e\\x7d\\x32" * bar
pixels = b"".join(b"\\0" + bytes(row) for row in rows)


def chunk(kind, data):
    sums = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + sums


os.makedirs("/tmp/artifacts", exist_ok=True)
with open("/tmp/artifacts/tea.png", "wb") as file:
    file.write(b"\\x89PNG\\r\\n\\x1a\\n")
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(pixels)))
    file.write(chunk(b"IEND", b""))
hashlib.sha256(pixels).hexdigest()"""
"""Draws bars with the standard library. Its checksum is of the pixels: zlibs pack differently."""

COUNTED = """\
delay: 0.2
rate: 40

One, two, three, four, five: that took about **half a second**.

- It came word by word.
- So did the numbers."""

MONTHS = "\n\n".join(
    f"- **{month}** was a month like others, with its weeks, its tea and its coffee; the file has"
    " one row for it, with the cups that were sold, and nothing of the weather, of holidays or of"
    " prices, so that whatever else could be said of it here would be a guess and no finding."
    for month in ("January", "February", "March", "April")
)

SUMMARY = """\
purpose: compact

The person asked which months sales.csv has: Jan, Feb, Mar, Apr. All numbers from 0 to 1000 were \
printed; their sum is 500500."""

SUMS = """\
import csv
rows = list(csv.DictReader(open("sales.csv")))
total = {drink: sum(int(row[drink]) for row in rows) for drink in ("tea", "coffee")}
total"""
DIFFERENCE = 'total["coffee"] - total["tea"]'

RECIPES = (
    Recipe(
        "several-steps",
        ("Which drink sold better, and by how much?",),
        (
            python("import csv\nrows = list(csv.DictReader(open('sales.csv')))\nrows[0]"),
            python(
                "total = {k: sum(int(r[k]) for r in rows) for k in ('tea', 'coffee')}\ntotal",
                "With the rows that are there:",
            ),
            python("total['coffee'] - total['tea']", "And the difference:"),
            "Coffee, by **620** cups.",
        ),
    ),
    Recipe(
        "bash-pipeline",
        ("Which month sold the most tea?",),
        (
            bash("tail -n +2 sales.csv | sort -t, -k2 -nr | head -1"),
            bash("export BEST=Apr; mkdir -p /tmp/work; cd /tmp/work; pwd"),
            bash('echo "$BEST in $PWD"', "What was exported lasts:"),
            "April.",
        ),
    ),
    Recipe(
        "mends-an-error",
        ("What is the mean of tea?",),
        (
            python("raise KeyError('Tea')", "A guess at the column:"),
            bash("head -1 sales.csv; exit 3", "What are the columns?"),
            python("import statistics\nstatistics.mean([120, 135, 150, 180])", "Then so:"),
            "146.25.",
        ),
    ),
    Recipe(
        "runs-out-of-time",
        ("Wait for it.",),
        (
            bash("sleep 30", "I'll wait.", timeout=1),
            python("'still here'", "That was too long."),
            "It does not come.",
        ),
    ),
    Recipe(
        "is-denied",
        ("Fetch example.org.",),
        (
            bash("curl -s https://example.org", "I'll fetch it."),
            "I may not.",
        ),
        ("--net", "example.org", "--approval", "deny"),
    ),
    Recipe(
        "meets-a-limit",
        ("Make a large list.",),
        (
            bash("head -c 300000000 /dev/zero > /tmp/large; stat -c %s /tmp/large; rm /tmp/large"),
            python("x = bytearray(3 << 30)"),
            python("len('small')", "Smaller:"),
            "There is a limit.",
        ),
    ),
    Recipe(
        "is-interrupted",
        ("Wait for me.",),
        (
            python("ready = 1\nready", "First this."),
            bash("echo waiting; sleep 25", timeout=28),
            "Never said.",
        ),
        interrupted=True,
    ),
    Recipe(
        "forked-here",
        ("How many lines?", "And how many words?"),
        (
            bash("wc -l < sales.csv"),
            "Five.",
            bash("wc -w < sales.csv"),
            "Five too.",
        ),
    ),
    Recipe(
        "is-a-fork",
        ("And how many bytes?",),
        ("—", "—", bash("wc -c < sales.csv"), "64."),
        fork_of="forked-here",
    ),
    Recipe(
        "speaks-many-scripts",
        ("Wie viel Tee? 茶はいくつ? 🍵",),
        (
            python("print('Tee: 585 · 茶 · чай · شاي · 🍵')\n'e\\u0301 👩\u200d👩\u200d👧'"),
            bash("printf 'naïve\\tcafé\\n'; printf '\\033[31mred\\033[0m\\n'"),
            "585 🍵",
        ),
    ),
    Recipe(
        "writes-a-lot",
        ("Print all numbers.",),
        (
            python("for n in range(60_000):\n    print(n)"),
            "They are many.",
        ),
    ),
    Recipe(
        "leaves-artifacts",
        ("Draw the sales.",),
        (
            python(
                "import os\nos.makedirs('/tmp/artifacts', exist_ok=True)\n"
                'svg = \'<svg xmlns="http://www.w3.org/2000/svg"><rect height="585"/></svg>\'\n'
                "open('/tmp/artifacts/tea.svg', 'w').write(svg)"
            ),
            "It is in tea.svg.",
        ),
    ),
    Recipe(
        "draws-a-plot",
        ("Plot the cups of tea by month.",),
        (
            bash("cat sales.csv", "First the figures:"),
            python(PLOT, "There is no library for plots here, so I'll write the picture myself:"),
            python(
                "data = open('/tmp/artifacts/tea.png', 'rb').read()\n"
                "data[:4], 0 < len(data) < 4000",
                "Is it one?",
            ),
            "The plot is in **tea.png**: 120, 135, 150 and 180 cups, more every month.",
        ),
    ),
    Recipe(
        "comes-slowly",
        ("Count to five, slowly.",),
        (
            "delay: 0.3\nrate: 30\nreasoning: A loop with a pause will do.\n\n"
            + python(
                "import time\nfor n in range(1, 6):\n    print(n, flush=True)\n    time.sleep(0.1)",
                "I'll count in Python, with a tenth of a second between two numbers.",
            ),
            COUNTED,
        ),
    ),
    Recipe(
        "changes-files",
        ("January was 121. Correct it, and add a file of totals.",),
        (
            bash("sed -i 's/Jan,120/Jan,121/' sales.csv && head -2 sales.csv"),
            python("open('totals.txt', 'w').write('tea 586\\n')"),
            bash("cat totals.txt; rm totals.txt; ls"),
            "Done.",
        ),
    ),
    Recipe(
        "compacts",
        (
            "Which months are there? Tell me about each, at length.",
            "Print all numbers up to 1000, and keep the sum.",
            "Now the cups of tea in all.",
            "And how many numbers were there?",
        ),
        (
            bash("cut -d, -f1 sales.csv | tail -n +2"),
            "There are four: Jan, Feb, Mar and Apr.\n\n" + MONTHS,
            python("for n in range(1001):\n    print(n)\ntotal = sum(range(1001))\ntotal"),
            "The sum is **500500**.\n\n" + MONTHS,
            python("import csv\nsum(int(row['tea']) for row in csv.DictReader(open('sales.csv')))"),
            SUMMARY,
            "**585** cups.",
            python("len(range(1001))", "Counted again:"),
            "**1001** numbers, with the sum 500500.",
        ),
        window=3300,
    ),
    Recipe(
        "falls-back",
        ("How many cups of tea were sold, and what is that a month?",),
        (
            "error: busy\nretry_after: 0.02\n\nRate limit reached.",
            python(
                "import csv\ntea = [int(row['tea']) for row in csv.DictReader(open('sales.csv'))]\n"
                "sum(tea)"
            ),
            *("error: unreachable\n\nNo server answers any more.", "Never said."),
            "error: unreachable\n\nNo server answers any more.",
        ),
        others=(
            "Never said.",
            python("sum(tea) / len(tea)", "With the list that is there:"),
            "**585** cups, 146.25 a month.",
        ),
    ),
    Recipe(
        "goes-on",
        ("Which months are there, and how much tea was sold?", GO_ON),
        (
            bash("cut -d, -f1 sales.csv | tail -n +2"),
            "error: broken\n\nThere are four, Jan, Feb, Mar and Apr. Of tea, they sold\n",
            python(
                "import csv\nsum(int(row['tea']) for row in csv.DictReader(open('sales.csv')))",
                "(which I have yet to add up)",
            ),
            "**585** cups.",
        ),
    ),
    Recipe(
        "calls-natively",
        ("Which drink sold better, and in which month most?",),
        (
            Reply(
                "I'll look at both.",
                "Two questions, two calls.",
                calls=(
                    ("python", {"code": SUMS}),
                    ("bash", {"code": "tail -n +2 sales.csv | sort -t, -k3 -nr | head -1"}),
                ),
            ),
            Reply("", "The totals are there still.", calls=(("python", '{"code": "total['),)),
            Reply("Once more, whole:", calls=(("python", {"code": DIFFERENCE, "timeout": 5}),)),
            "Coffee, by **620** cups; most of it in January.",
        ),
        natively=True,
    ),
    Recipe(
        "differs-each-time",
        ("What time is it, and who are you?",),
        (
            python(
                "import os, tempfile, time, uuid\nprint('pid', os.getpid(), object(), uuid.uuid4())"
            ),
            python("print(time.time(), time.time_ns(), time.ctime())\ntempfile.mkdtemp()"),
            bash("date; date -Is; date +%s; date +%F; pwd"),
            "It differs each time.",
        ),
        folder="regressions",
    ),
    Recipe(
        "has-no-such-tool",
        ("Search the web.",),
        (
            '<helpers lang="ruby">\nputs 1\n</helpers>',
            bash("no-such-program --version"),
            "There is none.",
        ),
        folder="regressions",
    ),
)


def record(recipe, target, home):
    """Record a session into the directory `target`."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree(SESSIONS / "golden" / ".project", PLACE)
    home.mkdir(exist_ok=True)
    with _answering(recipe, home) as (model, found):
        log = _recorded(recipe, target, home, model, found)
    shutil.rmtree(PLACE)
    shutil.rmtree(home)
    log.chmod(0o644)
    return log


@contextmanager
def _answering(recipe, home):
    """Yield the name of a model that gives the replies, and where it is found."""
    if not recipe.natively:
        yield _script(home / f"{recipe.name}.txt", recipe.replies), {}
        return
    with ModelServer(recipe.replies, wire=Wire(reasoning="reasoning_content")) as server:
        yield (
            "openai/calling",
            {"OPENAI_BASE_URL": f"{server.url}/v1", "LLMREPL_MODELS_TOOLS": "native"},
        )


def _recorded(recipe, target, home, model, found):
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LLMREPL_SESSIONS_DIRECTORY": str(target),
        "LLMREPL_SANDBOX_PYTHON": "/usr/bin/python3",
        **found,
    }
    log = target / f"{recipe.name}.jsonl"
    log.unlink(missing_ok=True)
    chosen = ["--model", model]
    if recipe.window:
        environ["LLMREPL_CONTEXT_WINDOW"] = str(recipe.window)
    if recipe.others:
        other = _script(home / f"{recipe.name}-2.txt", recipe.others)
        environ["LLMREPL_MODELS_MAIN"] = f"{model},{other}"
        chosen = []
    if recipe.fork_of:
        _fork(target / f"{recipe.fork_of}.jsonl", log)
    for prompt in recipe.prompts:
        command = [LLMREPL, "run", "--session", recipe.name, *chosen]
        _run([*command, *recipe.options, prompt], environ, log if recipe.interrupted else None)
    return log


def _script(path, replies):
    """Write a model's replies, and return its name."""
    path.write_text("====\n" + "====\n".join(f"{reply}\n" for reply in replies))
    return f"scripted/~/{path.name}"


def _fork(original, log):
    """Copy the first turn of a session, as `branching.forking` does, under a fixed id."""
    reader = LogReader(original)
    lines = [line for line, found in reader.lines() if found.turn == 1]
    origin = (reader.header.id, len(lines))
    header = reader.header._replace(id=log.stem, forked_from=origin)
    log.write_bytes(b"".join(_chain(encode_header(header), lines)))


def _run(command, environ, watched):
    with subprocess.Popen(
        command, cwd=PLACE, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        while watched and process.poll() is None:
            if watched.exists() and watched.read_text().count('"tool.started"') == 2:
                time.sleep(0.5)  # so that it has written
                process.send_signal(signal.SIGINT)
                break
            time.sleep(0.05)
        process.wait(60)


def main():
    """Record all of them, or those that are named."""
    os.umask(0o022)
    named = sys.argv[1:]
    for recipe in RECIPES:
        if not named or recipe.name in named:
            log = record(recipe, SESSIONS / recipe.folder, HOME)
            sys.stdout.write(f"{log.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
