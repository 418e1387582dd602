"""The header of a file: what it says, and that nothing but a whole file passes."""

import ctypes
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import encoded, write

from llmrepl_local.facts import Facts, read_facts
from llmrepl_local.gguf import BLOCKS, LONGEST_ARRAY, Length, NotGguf, read_header

KEYS = {
    "general.architecture": "llama",
    "a.number": 7,
    "a.fraction": 0.5,
    "a.truth": True,
    "some.words": ["one", "zwei"],
    "some.fractions": [0.25, 0.5],
    "tokenizer.ggml.model": "llama",
}
WEIGHTS = {"w": ((4, 2), bytes(32))}
WHOLE = encoded(KEYS, WEIGHTS)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.gguf"


def why_not(file: Path, data: bytes) -> str:
    file.write_bytes(data)
    with pytest.raises(NotGguf) as caught:
        read_header(file)
    return str(caught.value)


@pytest.mark.parametrize("version", [2, 3])
def test_a_header_is_read_with_all_kinds_of_values(file, version):
    file.write_bytes(encoded(KEYS, WEIGHTS, version))
    header = read_header(file)
    lists = {key: tuple(value) for key, value in KEYS.items() if isinstance(value, list)}
    assert header.metadata == {**KEYS, **lists}
    assert (header.tensors, header.size) == (1, file.stat().st_size)


@pytest.mark.parametrize("entry", ["word", 0.5, 3])
def test_of_a_vocabulary_only_the_length_is_kept(file, entry):
    file.write_bytes(encoded({"long": [entry] * (LONGEST_ARRAY + 1), "after": 1}, {}))
    assert read_header(file).metadata == {"long": Length(LONGEST_ARRAY + 1), "after": 1}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "is no GGUF file"),
        (b"GGUF", "in the middle of its header"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(16), "is of version 1 of the format"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(16), "the other byte order"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "in the middle of its header"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "in the middle of its header"),
        (b"GGUF" + struct.pack("<IQQQsI", 3, 0, 1, 1, b"k", 77), "a value of type 77"),
        (b"GGUF" + struct.pack("<IQQQsIIQ", 3, 0, 1, 1, b"k", 9, 9, 1), "an array of type 9"),
        (b"GGUF" + struct.pack("<IQQQsIIQ", 3, 0, 1, 1, b"k", 9, 4, 2**61), "middle of its header"),
        (b"GGUF" + struct.pack("<IQQQsI", 3, 1, 0, 1, b"w", 99), "99 dimensions"),
        (encoded({"general.alignment": 0}, {}), "its alignment is 0"),
    ],
)
def test_what_is_no_such_file_is_told(file, data, said):
    assert said in why_not(file, data)


def test_a_file_whose_weights_are_cut_off_says_how_much_is_there(file):
    assert (
        why_not(file, WHOLE[:-1])
        == f"is cut off: it has {len(WHOLE) - 1:,} of {len(WHOLE):,} bytes"
    )


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_never_taken_for_a_whole_one(tmp_path_factory, length):
    assert why_not(tmp_path_factory.getbasetemp() / "cut.gguf", WHOLE[:length])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(4, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))))
def test_a_damaged_header_is_read_or_told_and_nothing_else_happens(tmp_path_factory, changes):
    data = bytearray(WHOLE)
    for at, new in changes:
        data[at : at + len(new)] = new
    file = tmp_path_factory.getbasetemp() / "damaged.gguf"
    file.write_bytes(data)
    try:
        read_facts(file)
    except NotGguf as problem:
        assert str(problem)  # noqa: PT017 - which of both it is does not matter


def test_the_sizes_of_blocks_are_those_of_llama_cpp(llama):
    library = ctypes.CDLL(llama / "llama_cpp" / "lib" / "libggml-base.so")
    library.ggml_blck_size.restype = ctypes.c_int64
    library.ggml_type_size.restype = ctypes.c_size_t
    found = {kind: (library.ggml_blck_size(kind), library.ggml_type_size(kind)) for kind in BLOCKS}
    assert found == BLOCKS


def test_the_facts_about_a_model_come_from_its_file(tmp_path):
    facts = read_facts(write(tmp_path / "tiny.gguf", ["one"], context=4096))
    # Two layers of one head, each with keys and values of 8 numbers of two bytes.
    assert facts == Facts("llama", "Tiny", 4096, 2 * 1 * (8 + 8) * 2, template=True)


@pytest.mark.parametrize(
    ("changes", "per_token"),
    [
        ({"llama.attention.head_count": 4}, 2 * 4 * (8 + 8) * 2),
        ({"llama.attention.head_count": 4, "llama.attention.head_count_kv": 2}, 2 * 2 * 16 * 2),
        ({"llama.attention.head_count_kv": [0, 2]}, 2 * 16 * 2),
        ({"llama.attention.key_length": None, "llama.attention.value_length": None}, 2 * 576 * 2),
    ],
)
def test_heads_that_share_their_keys_take_less_memory(tmp_path, changes, per_token):
    facts = read_facts(write(tmp_path / "tiny.gguf", ["one"], metadata=changes))
    assert facts.per_token == per_token


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"general.type": "adapter"}, "holds an adapter (LoRA)"),
        ({"general.type": "mmproj"}, "holds what a model sees images with"),
        ({"general.architecture": "bert"}, "holds a model that writes no text (bert)"),
        ({"general.architecture": None}, "holds no language model"),
        ({"tokenizer.ggml.model": None}, "holds no language model"),
        ({"split.count": 3, "split.no": 1}, "is part 2 of 3; the first is m-00001-of-00003.gguf"),
        ({"split.count": 2}, "is one of 2 parts, and m-00002-of-00002.gguf is not beside it"),
    ],
)
def test_what_cannot_chat_is_refused_with_the_reason(tmp_path, changes, said):
    changes = dict(changes)
    number = 2 if changes.get("split.no") else 1
    count = changes.get("split.count", 1)
    file = write(tmp_path / f"m-{number:05}-of-{count:05}.gguf", metadata=changes)
    with pytest.raises(NotGguf) as caught:
        read_facts(file)
    assert str(caught.value).startswith(said)
