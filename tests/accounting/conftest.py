"""tiktoken's own encodings, loaded from the packed vocabularies turned back into its rank files."""

from __future__ import annotations

import base64
import hashlib

import pytest

from llmrepl.accounting.ranks import DATA, SPLITS, unpack

ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


def rank_file(name: str) -> bytes:
    ranks = unpack((DATA / f"{name}.xz").read_bytes())
    lines = (b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items())
    return b"".join(lines)


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """Each encoding as tiktoken itself builds it, hash check included."""
    import tiktoken

    cache = tmp_path_factory.mktemp("tiktoken")
    for name in SPLITS:
        key = hashlib.sha1(ADDRESS.format(name).encode()).hexdigest()
        (cache / key).write_bytes(rank_file(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        return {name: tiktoken.get_encoding(name) for name in SPLITS}
