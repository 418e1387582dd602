"""Addresses that work once, and cookies: without HTTP."""

from hypothesis import given
from hypothesis import strategies as st

from llmrepl_textual.web.admission import ADMITTED_SECONDS, INVITED_SECONDS, Admission


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_token_lets_one_in_once():
    admission = Admission()
    token = admission.invite()
    given = admission.redeem(token)
    assert given is not None
    assert admission.admits(given.seat, given.secret)
    assert admission.redeem(token) is None


def test_a_token_that_is_too_old_lets_nobody_in_then_or_later():
    clock = Clock()
    admission = Admission(clock)
    token = admission.invite()
    clock.now += INVITED_SECONDS
    assert admission.redeem(token) is None
    clock.now -= 1
    assert admission.redeem(token) is None


def test_a_new_token_takes_the_place_of_the_one_before():
    admission = Admission()
    first, second = admission.invite(), admission.invite()
    assert admission.redeem(first) is None
    assert admission.redeem(second) is not None


def test_before_the_first_token_nothing_is_one():
    assert Admission().redeem("") is None


def test_a_pass_ends_unless_it_is_renewed():
    clock = Clock()
    admission = Admission(clock)
    given = admission.redeem(admission.invite())
    clock.now += ADMITTED_SECONDS - 1
    assert admission.admits(given.seat, given.secret)
    admission.renew(given.seat)
    clock.now += ADMITTED_SECONDS - 1
    assert admission.admits(given.seat, given.secret)
    clock.now += 1
    assert not admission.admits(given.seat, given.secret)


def test_the_secret_of_a_seat_opens_no_other():
    admission = Admission()
    first, second = (admission.redeem(admission.invite()) for _ in range(2))
    assert not admission.admits(first.seat, second.secret)
    assert not admission.admits(second.seat, first.secret)


@given(st.text(), st.text())
def test_no_text_is_a_token_or_a_secret(seat, text):
    admission = Admission()
    given = admission.redeem(admission.invite())
    admission.invite()
    assert admission.redeem(text) is None
    assert not admission.admits(given.seat, text)
    assert not admission.admits(seat, text)
