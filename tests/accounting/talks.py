"""Conversations of many kinds of content, and services that count them in ways of their own."""

from __future__ import annotations

import argparse
import base64
import email.message
import http.client
import inspect
import random
import re
import tarfile
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from llmrepl.accounting.estimates import Estimates
from llmrepl.accounting.tokens import Tokens
from llmrepl.content import Content
from llmrepl.context.prompt import system_prompt
from llmrepl.ports import ChatMessage, Request
from llmrepl.usage import Usage
from tests.accounting.samples import ENGLISH, JAPANESE

SOURCES = [inspect.getsource(m) for m in (argparse, email.message, tarfile, http.client)]
PATIENT = 20
"""Calls after which estimates are judged."""


def code(chance):
    lines = chance.choice(SOURCES).splitlines(keepends=True)
    size = chance.randint(5, 150)
    start = chance.randrange(len(lines) - size)
    return "".join(lines[start : start + size])


def english(chance):
    said = ENGLISH.replace("\n", " ").split(". ")
    return ". ".join(chance.choices(said, k=chance.randint(1, 15)))


def japanese(chance):
    return "。".join(chance.choices(JAPANESE.split("。"), k=chance.randint(1, 20)))


def base64_lines(chance):
    return base64.encodebytes(chance.randbytes(chance.randint(50, 3000))).decode()


def white_space(chance):
    if chance.random() < 0.5:
        rows = range(chance.randint(3, 60))
        return "\n".join(" ".join(f"{chance.randrange(9999):>12}" for _ in "abcdef") for _ in rows)
    widths = chance.choices((2, 4, 8, 12, 20, 40), k=chance.randint(5, 200))
    ends = chance.choices(("\n", "\n\n"), k=len(widths))
    return "".join(f"{' ' * width}end;{end}" for width, end in zip(widths, ends, strict=True))


MIXTURES = {
    "code": [code],
    "white space": [white_space],
    "Japanese": [japanese],
    "base64": [base64_lines],
    "all of them": [code, white_space, japanese, base64_lines, english],
}

_PIECE = re.compile(
    r" ?[A-Za-z]{1,5}|[ ]{1,16}|\t|\n|[0-9]|[\x21-\x7e]|[^\x00-\x7f]{1,2}|.", re.DOTALL
)


class Service:
    """Counts texts its own way, and adds what a chat template adds."""

    def __init__(self, tokens, message=5, frame=9):
        self.tokens, self.message, self.frame = tokens, message, frame


def services():
    """Return by name: a real vocabulary that is not ours, short pieces, and bytes."""
    old = Tokens("cl100k_base")
    old.load()
    return {
        "cl100k_base": Service(old.count),
        "pieces": Service(lambda text: len(_PIECE.findall(text)), message=4, frame=2),
        "bytes": Service(lambda text: len(text.encode()), message=20, frame=40),
    }


class Judged(NamedTuple):
    """How far an estimate was off, as a part of the count and in its own standard deviations."""

    off: float
    deviations: float
    first: bool


EMPTY = Content()


@dataclass
class Talk:
    """One session with a service: what was sent so far, and what it has counted."""

    service: Service
    meter: Tokens
    lineage: int
    content: Content = EMPTY
    counted: int = 0

    def add(self, text):
        self.content += self.meter.content(text) + Content(messages=1)
        self.counted += self.service.tokens(text) + self.service.message

    def request(self, estimates):
        model = estimates.of(("test", "model"))
        estimate = model.estimate(self.content, self.lineage)
        request = Request(
            "model",
            "",
            (ChatMessage("user", ""),),
            estimated_tokens=round(estimate.tokens),
            content=self.content,
            lineage=self.lineage,
        )
        return request, estimate


LINEAGES = count(1)


def sessions(service, mixture, meter, seed, many=8, turns=12):
    """Yield what a talk is before each request of some sessions, and whether it is the first."""
    chance = random.Random(seed)
    for number in range(many):
        talk = Talk(service, meter, next(LINEAGES))
        talk.counted = service.frame
        rules = ["Blocks read the project and write a copy of it."] * chance.randint(1, 8)
        talk.add(system_prompt(directory=f"/home/me/project-{number}", rules=rules))
        for turn in range(chance.randint(3, turns)):
            kind = chance.choice(mixture)
            question = f"{english(chance)}\n" if chance.random() < 0.5 else ""
            talk.add(question + kind(chance))
            yield talk, not turn
            talk.add(chance.choice((english, code))(chance))


def judged(service, mixture, meter, seed, estimates=None):
    """Return how far the estimates were off, from the first `PATIENT` calls on."""
    estimates = estimates or Estimates()
    found = []
    for number, (talk, first) in enumerate(sessions(service, mixture, meter, seed)):
        request, estimate = talk.request(estimates)
        off = abs(estimate.tokens - talk.counted)
        if number >= PATIENT:
            found.append(Judged(off / talk.counted, off / estimate.error, first))
        said = estimates.learn("test", request, Usage(talk.counted, 1))
        assert not said, said
    return found


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
