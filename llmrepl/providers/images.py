"""Images on their way to a model."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from llmrepl.errors import ProviderRefused
from llmrepl.parts import Image


def base64_of(image: Image) -> str:
    """Return the image's data in base64.

    Raises:
        ProviderRefused: its file cannot be read.
    """
    if image.data:
        return image.data
    try:
        return b64encode(Path(image.path).read_bytes()).decode("ascii")
    except OSError as error:
        raise ProviderRefused(f"the image {image.path} cannot be read: {error.strerror}") from None
