"""What the ledger says of how long models took for their messages."""

import pytest

from llmrepl.accounting.charges import Charge
from llmrepl.accounting.database import UsageError
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.accounting.speeds import DAYS, LOOKED_AT, MEASURED, speeds

NOW = 10**12
DAY = 24 * 60 * 60 * 1000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "usage.db"


def keep(path, *charges, session="s"):
    ledger = Ledger(path)
    ledger.add(Spender(session), charges)
    ledger.close()


def test_each_model_has_its_times_the_oldest_first(path):
    keep(
        path,
        Charge(1, NOW - 30, "a", "x", ms=3.0),
        Charge(2, NOW - 20, "a", "x", ms=2.0),
        Charge(3, NOW - 10, "b", "x/y", ms=1.0),
    )
    keep(path, Charge(1, NOW - 25, "a", "x", ms=9.0), session="other")
    assert speeds(path, NOW) == {"a/x": (3.0, 9.0, 2.0), "b/x/y": (1.0,)}


@pytest.mark.parametrize(
    "charge",
    [
        Charge(1, NOW - 1, "a", "x", status="failed", ms=1.0),
        Charge(1, NOW - 1, "a", "x", status="cancelled", ms=1.0),
        Charge(1, NOW - 1, "a", "x", purpose="compact", ms=1.0),
        Charge(1, NOW - DAYS * DAY - 1, "a", "x", ms=1.0),
        Charge(1, NOW, "a", "x", ms=1.0),  # which whoever asks has measured themselves
    ],
)
def test_what_broke_off_is_a_summary_long_ago_or_just_now_says_nothing(path, charge):
    keep(path, charge)
    assert speeds(path, NOW) == {}


def test_only_the_last_ones_count(path):
    keep(path, *(Charge(n, NOW - 1000 + n, "a", "x", ms=float(n)) for n in range(100)))
    assert speeds(path, NOW) == {"a/x": tuple(map(float, range(100 - MEASURED, 100)))}


def test_a_long_history_is_not_read_to_its_beginning(path):
    keep(path, Charge(0, NOW - DAY, "old", "x", ms=1.0))
    keep(path, *(Charge(n, NOW - n, "a", "x", ms=1.0) for n in range(1, LOOKED_AT + 1)))
    assert set(speeds(path, NOW)) == {"a/x"}


def test_without_a_file_nothing_is_known_and_none_is_made(path):
    assert speeds(path, NOW) == {}
    assert not path.exists()


def test_a_file_that_is_none_is_an_error(path):
    path.write_text("no database")
    with pytest.raises(UsageError):
        speeds(path, NOW)
