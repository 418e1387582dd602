"""Reviews blocks in a process of its own: parsers in C meet hostile text here and nowhere else.

A line of JSON in, a line of JSON out, until the input ends. What a review costs is bounded by the
system, since a parser that loops cannot be interrupted from within.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import BinaryIO

from llmrepl.approvals.review import Review, encode_review, review_bash, review_python, unread

CPU_SECONDS = 3
"""CPU time that one review may take; the process ends beyond it."""

MEMORY = 1 << 30
OPEN_FILES = 32

_REVIEWS = {"python": review_python, "bash": review_bash}


def main() -> None:
    """Answer requests on the standard input: `{"language": …, "source": …}`."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    sys.setrecursionlimit(3000)
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each line of `requests` on `answers`."""
    for line in requests:
        _allow_more()
        request = json.loads(line)
        review = _review(request["language"], request["source"])
        answers.write(json.dumps(encode_review(review)).encode() + b"\n")
        answers.flush()


def _review(language: str, source: str) -> Review:
    try:
        return _REVIEWS[language](source)
    except Exception as error:  # noqa: BLE001 - the edge of a process: one bad block ends one review
        return unread(language, f"the review failed ({type(error).__name__})")


def _allow_more() -> None:
    """Give the next review its CPU time; orphaned in a loop, the process ends by itself."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, most))
