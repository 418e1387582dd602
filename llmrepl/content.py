"""What a request is made of, as far as the number of its tokens depends on it."""

from __future__ import annotations

from dataclasses import dataclass

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
