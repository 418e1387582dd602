"""How a model's service counts, learnt from the counts it reports. Pure: numbers in, numbers out.

Each report is one number about a mixture of contents. A Bayesian linear regression finds what a
token of each kind of ours is to the service. It begins at one for one, and supposes that the kinds
differ from that together rather than each on its own, so that the first report already tells most.
How sure it is of itself goes by how far its estimates were from the reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from llmrepl.accounting.kinds import KINDS, SIZES
from llmrepl.content import IMAGE_TOKENS, MESSAGE_TOKENS, Content

PLACES = 2 * len(KINDS) + len(SIZES) + 3
"""What a count depends on: the numbers of the meter, messages, images, and each request."""

TOGETHER, APART, GUESSED = 1.0, 0.5, 0.1
"""How far a token of ours may be from one of the service's: all kinds together, one kind, and an
estimated token from a counted one of that kind. Standard deviations, as all of these."""

BY_SIZE = 0.2
"""How many tokens more or less each character may be."""

MESSAGE, IMAGE, REQUEST = 4.0, 500.0, 20.0
"""How far messages, images and the frame of a request may be from what we suppose, in tokens."""

LEAST_NOISE, NOISE = 1.5, 0.02
"""What is left unexplained of a count, at first: tokens, and a part of what is counted."""

SUPPOSED = 3.0
"""How many reports it takes to outweigh what is supposed of the noise."""

MOST = 25.0
"""The most by which one report may speak for noise, in variances."""

LEAST_SCALE = 0.05
"""The least of the supposed noise that remains, in variances."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many tokens, and their standard deviation."""

    tokens: float
    error: float


def vector(content: Content, requests: int = 1) -> list[float]:
    """Return what the count of a content depends on.

    Args:
        content: what is sent, or what more is sent than in the request before.
        requests: 1 for a whole request, 0 for what was added to one.
    """
    kinds = content.kinds or (content.tokens, *[0] * (PLACES - 4))
    return [*map(float, kinds), float(content.messages), float(content.images), float(requests)]


def _prior() -> tuple[list[float], list[list[float]]]:
    """Return what a token of each kind is before any report, and how it may differ."""
    kinds, sizes = len(KINDS), len(SIZES)
    mean = [1.0] * (2 * kinds) + [0.0] * sizes + [float(MESSAGE_TOKENS), float(IMAGE_TOKENS), 0.0]
    spread = [0.0] * (2 * kinds) + [BY_SIZE] * sizes + [MESSAGE, IMAGE, REQUEST]
    matrix = [[0.0] * PLACES for _ in range(PLACES)]
    for row in range(PLACES):
        matrix[row][row] = spread[row] ** 2
    for row in range(2 * kinds):
        for column in range(2 * kinds):
            same = row % kinds == column % kinds
            matrix[row][column] += TOGETHER**2 + (APART**2 if same else 0.0)
        if row >= kinds:
            matrix[row][row] += GUESSED**2
    return mean, matrix


class Calibration:
    """What is known of how one model's service counts."""

    def __init__(self) -> None:
        self._mean, self._matrix = _prior()
        self._surprise = SUPPOSED
        self.reports = 0

    def size(self, content: Content) -> float:
        """Return the tokens of a part of a request."""
        return max(0.0, _dot(self._mean, vector(content, 0)))

    def estimate(self, content: Content, requests: int = 1) -> Estimate:
        """Return how many tokens the service will count; arguments as `vector` takes them."""
        x = vector(content, requests)
        tokens = max(0.0, _dot(self._mean, x))
        spread = max(0.0, _dot(x, _times(self._matrix, x))) + _noise(tokens)
        return Estimate(tokens, sqrt(spread * self._scale))

    def learn(self, content: Content, counted: float, requests: int = 1) -> None:
        """Take in what the service counted; arguments as `vector` takes them."""
        x = vector(content, requests)
        gain = _times(self._matrix, x)
        tokens = _dot(self._mean, x)
        spread = max(0.0, _dot(x, gain)) + _noise(max(tokens, counted))
        off = counted - tokens
        for row, part in enumerate(gain):
            self._mean[row] += part * off / spread
            line = self._matrix[row]
            for column in range(PLACES):
                line[column] -= part * gain[column] / spread
        self._surprise += min(MOST, off**2 / spread)
        self.reports += 1

    @property
    def _scale(self) -> float:
        """What the variances are worth, by the reports so far."""
        return max(LEAST_SCALE, self._surprise / (SUPPOSED + self.reports))


def _noise(tokens: float) -> float:
    """Return the variance that nothing explains."""
    return LEAST_NOISE**2 + (NOISE * tokens) ** 2


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(map(float.__mul__, left, right))


def _times(matrix: Sequence[Sequence[float]], x: Sequence[float]) -> list[float]:
    return [_dot(line, x) for line in matrix]
