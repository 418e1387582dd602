from __future__ import annotations

import hashlib
import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrepl.accounting import pack as packer
from llmrepl.accounting.ranks import DATA, SPLITS, load, pack, unpack
from llmrepl.errors import LlmreplError
from tests.accounting.conftest import rank_file


@pytest.mark.parametrize("name", SPLITS)
def test_the_packed_vocabulary_holds_tiktokens_rank_file(name):
    import tiktoken_ext.openai_public

    assert hashlib.sha256(rank_file(name)).hexdigest() == packer.SHA256[name]
    assert packer.SHA256[name] in inspect.getsource(tiktoken_ext.openai_public)


@pytest.mark.parametrize("name", SPLITS)
def test_words_are_cut_as_tiktoken_cuts_them(name, originals):
    assert load(name)._pat_str == originals[name]._pat_str


def test_packing_again_gives_the_same_files(tmp_path):
    for name in SPLITS:
        (tmp_path / f"{name}.tiktoken").write_bytes(rank_file(name))
    packer.main(tmp_path, tmp_path)
    for name in SPLITS:
        assert unpack((tmp_path / f"{name}.xz").read_bytes()) == unpack(
            (DATA / f"{name}.xz").read_bytes()
        )


def test_other_bytes_than_tiktokens_are_refused():
    with pytest.raises(LlmreplError, match="sha256"):
        packer.tokens_of(b"aGVsbG8= 0\n", packer.SHA256["o200k_base"])


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=255), unique=True))
def test_unpacking_gives_back_what_was_packed(tokens):
    assert list(unpack(pack(tokens))) == tokens
