"""What a crash leaves without a price gets one, and what cannot be written waits."""

import threading
from concurrent.futures import CancelledError
from decimal import Decimal

import pytest

from llmrepl.accounting import Ledger, Spender, UsageError
from llmrepl.accounting.accounts import periods
from llmrepl.accounting.charges import Charge
from llmrepl.accounting.trouble import Trouble
from llmrepl.accounting.worker import Worker
from llmrepl.budgets import Budget
from llmrepl.usage import Price, Usage, cost_of

WHOSE = Spender("mine", "/tea", "ada")
PRICE = Price(Decimal(1), Decimal(2), source="configuration")
SENT = Usage(1000, 0, estimated=True)
BROKEN = Charge(9, 9, "openai", "tea", status="interrupted", usage=SENT)


def spent(ledger):
    (drawn,) = ledger.drawn(WHOSE, [Budget("user", Decimal(1))], periods(10**12))
    return drawn.spent


def test_what_a_crash_broke_off_costs_what_the_call_before_did(tmp_path):
    ledger = Ledger(tmp_path / "usage.db", lambda _: pytest.fail("nobody has to be asked"))
    whole = Usage(1000, 500)
    before = Charge(8, 8, "openai", "tea", usage=whole, cost=cost_of(whole, PRICE))
    ledger.add(WHOSE, [before, BROKEN])
    assert spent(ledger) == Decimal("0.003")
    ledger.close()


def test_the_first_call_of_all_has_the_price_of_today(tmp_path):
    ledger = Ledger(tmp_path / "usage.db", lambda charge: cost_of(charge.usage, PRICE))
    ledger.add(WHOSE, [BROKEN])
    assert spent(ledger) == Decimal("0.001")
    ledger.close()


def test_what_nobody_knows_the_price_of_is_in_no_sum(tmp_path):
    ledger = Ledger(tmp_path / "usage.db")
    ledger.add(WHOSE, [BROKEN])
    assert spent(ledger) == 0
    ledger.close()


def test_a_worker_does_one_thing_after_the_other_and_nothing_once_it_is_closed():
    worker, done = Worker("test"), []
    assert not worker.begun
    for number in range(20):
        worker.submit(lambda number=number: done.append((number, threading.get_ident())))
    failed = worker.submit(lambda: 1 / 0)
    worker.close(30)
    worker.close(30)
    assert [number for number, _ in done] == [*range(20)]
    assert len({thread for _, thread in done}) == 1
    assert isinstance(failed.exception(), ZeroDivisionError)
    with pytest.raises(CancelledError):
        worker.submit(done.clear).result()


def test_a_trouble_is_told_once():
    trouble = Trouble()
    assert trouble.take() == ""
    trouble.note(UsageError("it is locked", hint="wait"))
    trouble.note(UsageError("it is locked still", hint="wait"))
    assert (trouble.take(), trouble.take()) == ("it is locked (wait)", "")
    trouble.note(UsageError("it is locked again", hint="wait"))
    assert trouble.take() == ""
