"""Reads a session by docs/reference/session-format.md alone: its turns, or its records."""

import json
from decimal import Decimal
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from sys import argv, stdout, version_info


def put_back(record, blobs):
    """Put the texts that stand in blobs back into a record; yield those that are lost."""
    for pointer, blob in record.pop("blobs", {}).items():
        *way, last = [s.replace("~1", "/").replace("~0", "~") for s in pointer.split("/")[1:]]
        place, file = record, blobs / blob["sha256"]
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        content = file.read_bytes() if file.exists() else b""
        if sha256(content).hexdigest() == blob["sha256"]:
            place[int(last) if isinstance(place, list) else last] = content.decode()
        else:
            yield f"record {record['seq']}: blob {blob['sha256']} is lost"


def read(path):
    """Return the header, the records that count, and what is wrong with the file."""
    zstd = "compression.zstd" if version_info >= (3, 14) else "backports.zstd"
    unpacked = import_module(zstd).decompress if path.suffix == ".zst" else bytes
    *lines, unfinished = unpacked(path.read_bytes()).split(b"\n")
    header, records, wrong = json.loads(lines[0]), [], []
    assert (header["llmrepl"], header["version"] in (1, 2, 3)) == ("session", True), "not known"
    for line in [*lines[1:], unfinished] if unfinished else lines[1:]:
        try:
            record = json.loads(line.decode())
        except ValueError:
            return header, records, [*wrong, "torn" if line is unfinished else "damaged"]
        counts = isinstance(record, dict) and record.get("seq") == len(records) + 1
        if not counts or record.get("prev") != sha256(lines[len(records)]).hexdigest():
            return header, records[:-1] if counts else records, [*wrong, "damaged"]
        wrong += put_back(record, path.parent / "blobs") if header["version"] == 2 else []
        records.append(record)
    return header, records, wrong


def told(header, records, wrong):
    origin, kinds = header["forked_from"], ("input", "output", "cache_read", "cache_write")
    yield header["id"] + (f", forked from {origin['id']} at {origin['seq']}" if origin else "")
    for record in [] if "seal" in header else records:
        kind, data = record["type"], record["data"]
        if kind == "turn.started":
            yield f"{record['turn']}. {' '.join(part.get('text', '') for part in data['prompt'])}"
        elif kind == "turn.finished":
            spent = sum(Decimal(data["cost"][name]) for name in kinds) if "cost" in data else "?"
            yield f"{data['reason']}, cost: {spent}"
    yield from [*wrong, *["it is sealed: only a key opens its records"] * ("seal" in header)]


if __name__ == "__main__":
    found = read(Path(argv[1]))
    stdout.writelines(f"{x}\n" for x in (map(json.dumps, found[1]) if argv[2:] else told(*found)))
