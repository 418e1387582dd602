"""What a request is made of, as far as the number of its tokens depends on it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

MESSAGE_TOKENS = 4
"""What a message costs beyond its text: role and separators (3 to 4 by OpenAI's own account)."""

IMAGE_TOKENS = 765
"""What an image takes, about: a picture of 1024 x 1024 by OpenAI's own account.

Other services say from 85 to 1,600 for it, or more.
"""


@dataclass(frozen=True, slots=True)
class Content:
    """A text, a message, or all of a request.

    `tokens` are those of the text, as we count. `kinds` says more of it, each number a sum over the
    text; which ones they are is the meter's business.
    """

    tokens: int = 0
    kinds: tuple[int, ...] = ()
    messages: int = 0
    images: int = 0

    def __add__(self, other: Content) -> Content:
        if not (self.kinds and other.kinds):
            kinds = self.kinds or other.kinds
        else:
            kinds = tuple(a + b for a, b in zip(self.kinds, other.kinds, strict=True))
        return Content(
            self.tokens + other.tokens,
            kinds,
            self.messages + other.messages,
            self.images + other.images,
        )

    def __sub__(self, other: Content) -> Content:
        return self + Content(
            -other.tokens, tuple(-kind for kind in other.kinds), -other.messages, -other.images
        )

    @property
    def total(self) -> int:
        """The tokens of everything, as long as nothing else is known of the model."""
        return self.tokens + MESSAGE_TOKENS * self.messages + IMAGE_TOKENS * self.images


class Contents(Sequence[Content]):
    """Contents by the thousand, all of as many kinds, in an eighth of the memory."""

    def __init__(self) -> None:
        self._numbers = array("I")
        self._width = 1

    def append(self, content: Content) -> None:
        """Add one at the end.

        Raises:
            ValueError: it has more kinds or fewer than those before it.
        """
        numbers = (content.tokens, content.messages, content.images, *content.kinds)
        if self._numbers and len(numbers) != self._width:
            raise ValueError(f"a content of {len(numbers)} numbers after ones of {self._width}")
        self._width = len(numbers)
        self._numbers.extend(numbers)

    @overload
    def __getitem__(self, place: int) -> Content: ...
    @overload
    def __getitem__(self, place: slice) -> list[Content]: ...
    def __getitem__(self, place: int | slice) -> Content | list[Content]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        start = range(len(self))[place] * self._width
        tokens, messages, images, *kinds = self._numbers[start : start + self._width]
        return Content(tokens, tuple(kinds), messages, images)

    def __len__(self) -> int:
        return len(self._numbers) // self._width
