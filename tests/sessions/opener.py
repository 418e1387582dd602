"""Opens a sealed session by docs/reference/session-format.md alone: its header, and its records."""

import json
from base64 import b64decode
from hashlib import sha256
from hmac import digest

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tests.sessions import reader


def opened(path, identity):
    """Return the header with its `cwd`, the records with their blobs, and what is wrong."""
    header, lines, wrong = reader.read(path)
    seal = header.pop("seal")
    wrapped = pyrage.decrypt(b64decode(seal["key"]), [pyrage.x25519.Identity.from_str(identity)])
    keys = {
        word: digest(wrapped, f"llmrepl session {word}".encode(), "sha256")
        for word in ("id", "lines", "blobs", "names")
    }
    assert seal["id"] == keys["id"].hex()[:32], "the key of another session"

    def at(place, kind, content):
        cipher, data = ChaCha20Poly1305(keys[kind]), f"{seal['id']} {place}".encode()
        return cipher.decrypt(content[:12], content[12:], data)

    header["cwd"] = at("cwd", "lines", b64decode(seal["cwd"])).decode()
    records, before = [], ""
    for line in lines:
        place = f"{line['seq']} {before}"
        inside = json.loads(at(place, "lines", b64decode(line["sealed"])))
        before = sha256(line["sealed"].encode()).hexdigest()
        for blob in inside.get("blobs", {}).values():
            name = blob["sha256"]
            content = at(name, "blobs", (path.parent / "blobs" / name).read_bytes())
            assert digest(keys["names"], content, "sha256").hex() == name
            blob["content"] = content.decode()
        records.append({"prev": line["prev"], "seq": line["seq"], **inside})
    return header, records, wrong
