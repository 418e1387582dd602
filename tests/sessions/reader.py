"""Reads sessions with what docs/reference/session-format.md says, and not a line of llmrepl.

python reader.py FILE          the turns, what they cost, and what is wrong with the file
python reader.py FILE --json   the records
"""

import hashlib
import json
import sys
from decimal import Decimal
from pathlib import Path


def read(path):
    """Return the header, the records that count, and what is wrong with the file."""
    *lines, unfinished = path.read_bytes().split(b"\n")
    header, before, records = json.loads(lines[0]), lines[0], []
    if header.get("llmrepl") != "session" or header.get("version") != 1:
        raise ValueError(f"{path} is no session of a version that is known here")
    for line in [*lines[1:], unfinished] if unfinished else lines[1:]:
        try:
            record = json.loads(line.decode())
        except ValueError:
            return header, records, "torn" if line is unfinished else "damaged"
        if not isinstance(record, dict) or record.get("seq") != len(records) + 1:
            return header, records, "damaged"
        if record.get("prev") != hashlib.sha256(before).hexdigest():
            return header, records[:-1], "damaged"
        records.append(record)
        before = line
    return header, records, ""


def told(header, records, wrong):
    """Yield a line about the session, one for each turn, and one about what is wrong."""
    origin = header["forked_from"]
    yield header["id"] + (f", forked from {origin['id']} at {origin['seq']}" if origin else "")
    for record in records:
        data = record["data"]
        if record["type"] == "turn.started":
            texts = [part["text"] for part in data["prompt"] if part["kind"] == "text"]
            yield f"{record['turn']}. {' '.join(texts)}"
        elif record["type"] == "turn.finished":
            cost, names = data.get("cost"), ("input", "output", "cache_read", "cache_write")
            spent = sum(Decimal(cost[name]) for name in names) if cost else "unknown"
            yield f"{data['reason']}, cost: {spent}"
    if wrong:
        yield wrong


if __name__ == "__main__":
    found = read(Path(sys.argv[1]))
    as_json = "--json" in sys.argv
    shown = (json.dumps(record) for record in found[1]) if as_json else told(*found)
    sys.stdout.writelines(f"{line}\n" for line in shown)
