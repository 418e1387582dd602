"""The facts about a model in a file that matter here, from the file's own header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrepl_local.gguf import NotGguf, read_header

OTHER_KINDS = {
    "adapter": "an adapter (LoRA), which changes a model and is none",
    "mmproj": "what a model sees images with, and not the model",
    "imatrix": "what files are made smaller with, and no model",
    "vocab": "a vocabulary without a model",
}
"""What else GGUF files hold, by `general.type`."""

NOT_FOR_CHAT = frozenset(
    {
        "bert",
        "clip",
        "gte",
        "jina-bert-v2",
        "modern-bert",
        "nomic-bert",
        "t5encoder",
        "wavtokenizer",
    }
)
"""Architectures that write no text."""

BYTES_OF_HALF = 2
"""What llama.cpp keeps of a context is in numbers of 16 bits."""

SMALLEST_CONTEXT = 512
"""For a file that does not say how much the model can take at once."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model without loading it.

    Args:
        architecture: as llama.cpp calls it, like `llama` or `qwen3`.
        title: what its makers call it; may be empty.
        context: how many tokens it was trained to take at once.
        per_token: bytes of memory for each token of the context, at most.
        template: whether the file says how a conversation is written for the model.
    """

    architecture: str
    title: str
    context: int
    per_token: int
    template: bool


def read_facts(path: Path) -> Facts:
    """Return the facts about the model in a file.

    Raises:
        NotGguf: there is none in it that can chat, or a part is missing.
        OSError: the file cannot be read.
    """
    header = read_header(path)
    metadata = header.metadata
    kind = metadata.get("general.type", "model")
    architecture = str(metadata.get("general.architecture", ""))
    if kind in OTHER_KINDS:
        raise NotGguf(f"holds {OTHER_KINDS[kind]}")
    if architecture in NOT_FOR_CHAT:
        raise NotGguf(f"holds a model that writes no text ({architecture})")
    _check_parts(path, metadata)
    if not architecture or not header.tensors or "tokenizer.ggml.model" not in metadata:
        raise NotGguf("holds no language model")
    return Facts(
        architecture,
        str(metadata.get("general.name", "")),
        _number(metadata.get(f"{architecture}.context_length")) or SMALLEST_CONTEXT,
        _per_token(metadata, architecture),
        bool(metadata.get("tokenizer.chat_template")),
    )


def _check_parts(path: Path, metadata: Mapping[str, Any]) -> None:
    """Make sure that a model in several files is named by its first one, and that all are there."""
    parts = _number(metadata.get("split.count"))
    if parts < 2:  # noqa: PLR2004 - one part is the whole
        return
    number = _number(metadata.get("split.no"))
    names = [
        path.name.replace(_part(number + 1, parts), _part(other + 1, parts))
        for other in range(parts)
    ]
    if number:
        raise NotGguf(f"is part {number + 1} of {parts}; the first is {names[0]}")
    missing = [name for name in names if not path.with_name(name).exists()]
    if missing:
        raise NotGguf(f"is one of {parts} parts, and {missing[0]} is not beside it")


def _part(number: int, parts: int) -> str:
    return f"-{number:05}-of-{parts:05}"


def _per_token(metadata: Mapping[str, Any], architecture: str) -> int:
    """Return the bytes of keys and values for one token, over all layers."""

    def of(key: str) -> Any:
        return metadata.get(f"{architecture}.{key}")

    layers = _number(of("block_count"))
    heads = _number(of("attention.head_count"))
    each = _number(of("embedding_length")) // heads if heads else 0
    wide = (_number(of("attention.key_length")) or each) + (
        _number(of("attention.value_length")) or each
    )
    own = of("attention.head_count_kv")
    total = sum(map(_number, own)) if isinstance(own, tuple) else layers * (_number(own) or heads)
    return total * wide * BYTES_OF_HALF


def _number(found: Any) -> int:
    """Return a number; of numbers for each layer the largest one, and 0 for anything else."""
    if isinstance(found, tuple):
        return max(map(_number, found), default=0)
    return found if isinstance(found, int) and found > 0 else 0
