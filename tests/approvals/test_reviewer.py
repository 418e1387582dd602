"""Reviews in a process of their own: text that hangs or ends it costs a review and no more."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from llmrepl.approvals.review import decode_review, encode_review, review_bash, review_python
from llmrepl.approvals.reviewer import Reviewer
from llmrepl.events import ToolRequested
from tests.approvals.test_bash import TOLD
from tests.approvals.test_python import TOLD as PYTHON_TOLD


@pytest.fixture(scope="module")
def shared():
    made = Reviewer()
    yield made
    made.close()


def test_the_process_says_what_the_reader_says(shared):
    for source in TOLD:
        assert shared.read("bash", source) == review_bash(source)
    for source in PYTHON_TOLD:
        assert shared.read("python", source) == review_python(source)


@pytest.mark.parametrize("source", [*TOLD, "$(x) > 'a\nb'", "\udc80"])
def test_a_review_survives_the_way_through_the_pipe(source):
    review = review_bash(source)
    assert decode_review(encode_review(review)) == review


def told(review):
    (sentence,) = review.sentences()
    assert review.dangers() == (sentence,)
    return sentence


def test_a_process_that_was_ended_is_replaced(shared):
    shared.warm()
    shared._process.kill()
    shared._process.wait()
    assert shared.read("bash", "rm a").sentences() == ("deletes a",)


def test_a_process_that_dies_of_a_block_costs_one_review():
    made = Reviewer()
    made.warm()
    made._process.send_signal(signal.SIGSTOP)

    async def dies():
        review = asyncio.create_task(asyncio.to_thread(made.read, "bash", "rm a"))
        await asyncio.sleep(0.1)
        made._process.kill()
        return await review

    assert told(asyncio.run(dies())) == "cannot be told: the process that reads it ended"
    assert made.read("bash", "rm a").sentences() == ("deletes a",)
    made.close()


def test_a_process_that_hangs_is_ended():
    made = Reviewer(seconds=0.2)
    made.warm()
    made._process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert told(made.read("bash", "rm a")) == "cannot be told: reading it took longer than 0.2 s"
    assert time.monotonic() - began < 2
    made.close()
    made.close()
    assert made._process is None


def test_the_process_sees_nothing_of_the_persons_variables(shared):
    shared.warm()
    environ = Path(f"/proc/{shared._process.pid}/environ").read_bytes()
    assert {line.partition(b"=")[0] for line in environ.split(b"\0")} == {b"PATH", b""}


@pytest.mark.parametrize(
    "source",
    [
        "rm " + " ".join(f"a{i}" for i in range(9000)),
        "\n".join(["rm " + " ".join(f"a{i}" for i in range(250))] * 60),
        "sudo " * 12_000 + "rm",
        "x=1 " * 15_000 + "ls",
        "a;" * 30_000,
        "$(" * 20_000,
        "[" * 60_000,
    ],
    ids=lambda source: source[:8],
)
def test_no_block_takes_longer_than_it_may(shared, source):
    began = time.monotonic()
    review = shared.read("bash", source)
    assert review.dangers() or review.touches  # what a fast machine has read in time is no danger
    assert time.monotonic() - began < 10


def request(language, **arguments):
    return ToolRequested(call_id="1", name="fetch", language=language, arguments=arguments)


def test_calls_are_reviewed_by_their_language(shared):
    review = asyncio.run(shared.review(request("bash", code="rm a")))
    assert review.sentences() == ("deletes a",)
    assert asyncio.run(shared.review(request("tool"))).sentences() == ("starts fetch",)
    assert "it has no code" in told(asyncio.run(shared.review(request("python"))))


@pytest.mark.parametrize(
    ("source", "why"),
    [("x" * 64_001, "it has 64001 characters"), ("a\x1b[2J", "the character '\\x1b' (line 1)")],
)
def test_what_is_too_long_or_cannot_be_shown_is_not_read_at_all(source, why):
    made = Reviewer()
    assert why in told(made.read("python", source))
    assert made._process is None
