"""Looks for a text in the bytes of files, in every form in which a program may have written it."""

import json
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

PIECE = 9
"""Bytes of the text's end that give it away: an index of words may share beginnings."""


def forms(text):
    """Each way to write `text` that is looked for, by its name."""
    raw = text.encode()
    folded = unicodedata.normalize("NFKD", text.casefold())
    folded = "".join(c for c in folded if not unicodedata.combining(c)).encode()
    found = {
        "utf-8": raw,
        "latin-1": text.encode("latin-1"),
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "utf-32": text.encode("utf-32-le"),
        "JSON": json.dumps(text)[1:-1].encode(),
        "JSON twice": json.dumps(json.dumps(text))[3:-3].encode(),
        "hex": raw.hex().encode(),
        "quoted": quote(text).encode(),
        "folded": folded,
        "a word's end": folded[-PIECE:],
        "backwards": raw[::-1],
    }
    for shift in range(3):  # base64 looks another way at each of three places
        begin, end = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6  # of its bits alone
        for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            found[f"{name} +{shift}"] = encode(b"\0" * shift + raw)[begin:end]
    return found


def traces(root, text, *, but=()):
    """The files below `root` that hold `text`, each with the forms in which it does.

    Args:
        root: all files below it are read, whatever they are.
        text: what is looked for.
        but: directories that are left out.
    """
    wanted = forms(text)
    found = {}
    for path in root.rglob("*"):
        if any(path.is_relative_to(place) for place in but) or path.is_symlink():
            continue
        content = str(path.relative_to(root)).encode(errors="surrogateescape") + b"\n"
        if path.is_file():
            content += path.read_bytes()
        if held := [name for name, form in wanted.items() if form in content]:
            found[path] = held
    return found
