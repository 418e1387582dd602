"""Faults that are planted on purpose: each is found, and what is told of it mends it."""

import json

import pytest

from tests.health.faults import FAULTS
from tests.providers.raw import raw_server, response


def checked(machine, found, *args):
    ran = machine.run("check", "--json", found.check, *found.args, *args, command=found.command)
    return ran, [json.loads(line) for line in ran.lines]


def test_there_are_enough_of_them():
    assert len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_with_what_mends_it(machine, serve, fault):
    found = fault(machine, serve)
    ran, rows = checked(machine, found)
    row = next((row for row in rows if row["status"] == found.status), None)
    assert row is not None, ran
    assert found.message in row["message"]
    assert found.fix in row["fix"]
    assert ran.code == (found.status == "failed")
    assert row["repairable"] == found.repaired
    if found.repaired:
        repaired, rows = checked(machine, found, "--fix")
        assert repaired.err.startswith(f"{found.check}: ")
        assert {row["status"] for row in rows} == {"ok"}
        assert {row["status"] for row in checked(machine, found)[1]} == {"ok"}


@pytest.mark.parametrize(
    ("date", "proxy"),
    [(b"Mon, 01 Jan 2020 00:00:00 +99999999999999", ""), (b"soon", ""), (b"", "socks5://host")],
)
def test_a_time_that_is_none_is_not_told(machine, date, proxy):
    with raw_server(response(headers=b"Date: " + date + b"\r\n")) as (address, _):
        place = "http://model.example.com" if proxy else address
        ran = machine.run("check", "clock", OPENAI_BASE_URL=place, ALL_PROXY=proxy)
    assert (ran.code, ran.lines) == (0, ["- clock: no service told the time"])


def test_a_clock_that_is_wrong_is_found(machine):
    date = b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    with raw_server(response(headers=date)) as (address, received):
        ran = machine.run("check", "clock", "--model", "openai/x", OPENAI_BASE_URL=address)
    assert "s ahead of that of openai" in ran.lines[0]
    assert "timedatectl set-ntp true" in ran.lines[1]
    assert received[0].startswith(b"HEAD ")
