"""Writes GGUF files with tiny models whose replies are known: no weights are fetched for a test.

A model is a table of successors: attention and feed-forward layers add nothing, the embedding of
each token is a direction of its own, and the output layer turns it into that of the next one.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{{ '<|im_start|>assistant\n' }}"
)
UNKNOWN, BEGIN, END, START, STOP = range(5)
SPECIAL = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")
BYTES = len(SPECIAL)
"""The number of the token of byte 0."""

NEWLINE = BYTES + 10
NORMAL, IS_UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
LAYERS, HEADS, HEAD, WIDE = 2, 1, 8, 8
ALIGNMENT = 32
CERTAIN = 40.0
"""How much likelier the next token is; 0 makes all equally likely."""

HELLO = ("Hello", " there", ", ", "世", " and", " welcome", ".")
WORDS = [f" word{number}" for number in range(20)]
"""What models of the tests say."""


def recite(path: Path, *pieces: str, **changes) -> Path:
    """Write a model that says these pieces and stops; each is a token, or bytes where it is one.

    Args:
        path: where to.
        pieces: texts that differ, one token each; those of other than ASCII are one for each byte.
        changes: those of `write`.
    """
    own = [" ", *(piece for piece in pieces if piece.isascii())]
    number = {piece: BYTES + 256 + index for index, piece in enumerate(own)}
    walk = []
    for piece in pieces:
        walk += [number[piece]] if piece in number else [BYTES + byte for byte in piece.encode()]
    endless = changes.pop("endless", False)
    steps = list(zip([NEWLINE, *walk], [*walk, walk[0] if endless else STOP], strict=True))
    return write(path, own, dict(steps), **changes)


def write(  # noqa: PLR0913 - a file has many parts
    path: Path,
    pieces: Sequence[str] = (),
    successors: dict[int, int] | None = None,
    *,
    context: int = 512,
    certain: float = CERTAIN,
    template: str | None = TEMPLATE,
    metadata: dict | None = None,
    without: Sequence[str] = (),
) -> Path:
    """Write a model of the architecture `llama`, and return where it is."""
    texts = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    texts += [piece.replace(" ", "\u2581") for piece in pieces]
    kinds = [IS_UNKNOWN, *[CONTROL] * 4, *[BYTE] * 256, *[NORMAL] * len(pieces)]
    words = len(texts)
    width = -(-words // 32) * 32
    keys = {
        "general.architecture": "llama",
        "general.name": "Tiny",
        "llama.context_length": context,
        "llama.embedding_length": width,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": WIDE,
        "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.attention.key_length": HEAD,
        "llama.attention.value_length": HEAD,
        "llama.rope.dimension_count": HEAD,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.scores": [0.0] * BYTES + [-1000.0] * 256 + [-1.0] * len(pieces),
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.unknown_token_id": UNKNOWN,
        "tokenizer.ggml.bos_token_id": BEGIN,
        "tokenizer.ggml.eos_token_id": STOP,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": template,
        **(metadata or {}),
    }

    output = bytearray(4 * words * width)
    for word, following in (successors or {}).items():
        struct.pack_into("<f", output, 4 * (following * width + word), certain)
    embedding = bytearray(4 * words * width)
    for word in range(words):
        struct.pack_into("<f", embedding, 4 * (word * width + word), 1.0)
    ones = struct.pack(f"<{width}f", *[1.0] * width)
    tensors = {"token_embd.weight": ((width, words), bytes(embedding))}
    for layer in range(LAYERS):
        shapes = {
            **dict.fromkeys(("attn_q", "attn_k", "attn_v"), (width, HEADS * HEAD)),
            "attn_output": (HEADS * HEAD, width),
            **dict.fromkeys(("ffn_gate", "ffn_up"), (width, WIDE)),
            "ffn_down": (WIDE, width),
        }
        for name, shape in shapes.items():
            tensors[f"blk.{layer}.{name}.weight"] = (shape, bytes(4 * shape[0] * shape[1]))
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{name}.weight"] = ((width,), ones)
    tensors["output_norm.weight"] = ((width,), ones)
    tensors["output.weight"] = ((width, words), bytes(output))
    keys = {key: value for key, value in keys.items() if value is not None and key not in without}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(keys, tensors))
    return path


def encoded(keys: dict, tensors: dict, version: int = 3) -> bytes:
    """Return a GGUF file with weights of 32 bits."""
    head = [b"GGUF", struct.pack("<IQQ", version, len(tensors), len(keys))]
    for key, value in keys.items():
        head += [_string(key), _value(value)]
    at = 0
    for name, (shape, data) in tensors.items():
        head.append(_string(name) + struct.pack("<I", len(shape)))
        head.append(struct.pack(f"<{len(shape)}QIQ", *shape, 0, at))
        at += -(-len(data) // ALIGNMENT) * ALIGNMENT
    found = b"".join(head)
    body = b"".join(data + bytes(-len(data) % ALIGNMENT) for _, data in tensors.values())
    return found + bytes(-len(found) % ALIGNMENT) + body


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _string(value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_string, value))
        case [float(), *_]:
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
        case _:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
