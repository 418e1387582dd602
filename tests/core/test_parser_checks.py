"""Checks survive any source, and tell what compiles from what does not."""

import subprocess
import sys

import pytest

from llmrepl.parser import check_python
from llmrepl.parser.checks import LONGEST_PYTHON


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "",
        "await x\nasync with a: pass",
        "return 1",
        "'\\d'; 1 is 1",
        "x = 1\ry = 2",
    ],
)
def test_python_that_can_be_parsed_passes(source):
    assert check_python(source) == ""


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = (", "'(' was never closed (line 1)"),
        ("x\n  y", "unexpected indent (line 2)"),
        ("x = '''", "unterminated triple-quoted string literal (detected at line 1) (line 1)"),
        ("if x:", "expected an indented block after 'if' statement on line 1 (line 1)"),
        ("\ud800", "UnicodeEncodeError: 'utf-8' codec can't encode character"),
        ("\ufeffx", "invalid non-printable character U+FEFF (line 1)"),
        ("-" * 100_000 + "x", "MemoryError"),
        ("x" + "+x" * 50_000, "RecursionError"),
        ("a" * (LONGEST_PYTHON + 1), "too long or too dense to check (131073 characters)"),
        ("import a" + ".a" * 1001, "too long or too dense"),
        ("import a" + ".\\\na" * 1001, "too long or too dense"),
        ("import a" + ".\\\r\na" * 1001, "too long or too dense"),
        ("f'" + "{x}" * 40_000 + "'", "too long or too dense"),
    ],
)
def test_python_that_cannot_be_parsed_is_told_in_one_line(source, problem):
    assert check_python(source).startswith(problem)


NASTY = """
import time
from llmrepl.parser import check_python
from llmrepl.parser.checks import LONGEST_PYTHON as SIZE

def full(unit, start="", end=""):
    return start + unit * ((SIZE - len(start) - len(end)) // len(unit)) + end

def nested(opening, inner, closing, depth):
    return opening * depth + inner + closing * depth

UNITS = ["(", "[", "{", "-", "~", "not ", "await ", "lambda:", "lambda x=", "x if y else ", "x**",
         "x+", "x and ", "x,", "()", "'a'", "f'{", "{x}", "*", "x=", "x.", "x[0]",
         "print ", "\\\\\\n", "\\0", "x:", "->", ":=", "1", "0x", "'''", "\\\\"]
sources = [full(unit) for unit in UNITS] + [full(unit, "x ", " x") for unit in UNITS[:11]]
sources += [full(" for x in y", "[x", "]"), full(" async for x in y", "{x", "}"),
            full(" if x", "[x for x in y", "]"), full(".b", "a"), full("()", "a"), full("[0]", "a"),
            full("elif x:\\n p\\n", "if x:\\n p\\n"), full(" a,", "with", " b: p"),
            full("|1", "match x:\\n case 1", ": p"), full("{x}", "f'", "'"), full("f" * 10, "0x")]
for depth in (90, 199, 201, 5000):
    for opening, closing in ("()", "[]", "{}", ("f(", ")"), ("{1:", "}"), ("f'{", "}'"),
                             ("(x for x in ", ")"), ("(lambda: ", ")"), ("(yield ", ")")):
        for inner in ("", "a b", "=", "$", "'"):
            sources.append(nested(opening, inner, closing, depth))
for depth in (20, 99, 101):
    for head in ("if x:", "try:", "for x in y:", "def f():", "class A:", "with a:", "match x:"):
        for inner in ("p", "a b", ""):
            body = "".join(" " * n + head + "\\n" for n in range(depth))
            sources.append(body + " " * depth + inner)
steps = (" " * n for n in range(60))
finals = "".join(f"{step}try:\\n{step} p\\n{step}finally:\\n" for step in steps)
sources.append(finals + " " * 60 + "p")
slowest = 0
for source in sources:
    began = time.process_time()
    assert isinstance(check_python(source), str)
    slowest = max(slowest, time.process_time() - began)
with open("/proc/self/status") as told:
    status = dict(line.split(":", 1) for line in told)
peak = int(status["VmHWM"].split()[0]) // 1024  # getrusage counts what the parent had as well
print(len(sources), "sources,", f"{slowest:.2f} s at most,", peak, "MiB")
assert slowest < 10, slowest
assert peak < 500, peak
"""


def test_no_source_crashes_or_stalls_the_process_or_writes_a_warning():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NASTY], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
