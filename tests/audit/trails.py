"""Logs to damage and to look into."""

import json

from llmrepl.audit.log import AuditLog
from llmrepl.audit.place import files
from llmrepl.audit.reading import entries, verify


def write(directory, count, *, most=8 * 2**20, first=1):
    """Write `count` entries, and return the log's report."""
    log = AuditLog(directory, most=most)
    for number in range(first, first + count):
        log.append("test.made", {"number": number, "text": f"é{number}"}, at=number)
    log.close()
    return verify(directory)


def numbers(directory):
    """Return the numbers of the entries that `write` made."""
    return [data["number"] for _, data in entries(directory) if data and "number" in data]


def repairs(directory):
    """Return why the log was repaired, each time."""
    return [
        data["reason"] for _, data in entries(directory) if data and data["type"] == "log.repaired"
    ]


def lines(directory):
    """Return the current file's lines as data."""
    return [json.loads(line) for line in files(directory)[-1].read_bytes().splitlines()]
