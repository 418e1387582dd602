"""Estimates learn how a service counts, and know how sure they are."""

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.accounting.calibration import Calibration
from llmrepl.accounting.calls import Call, Calls
from llmrepl.accounting.estimates import STUBBORN, TAUGHT, Estimates
from llmrepl.accounting.kinds import KINDS, SIZES, traits_of
from llmrepl.accounting.tokens import LONG, Tokens
from llmrepl.content import Content
from llmrepl.usage import Usage
from tests.accounting.samples import ENGLISH, SAMPLES
from tests.accounting.talks import LINEAGES, MIXTURES, Talk, judged, percentile, services

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def meter():
    tokens = Tokens()
    tokens.load()
    return tokens


@pytest.fixture(scope="module")
def counting():
    return services()


@pytest.mark.parametrize("mixture", MIXTURES)
@pytest.mark.parametrize("service", ["cl100k_base", "pieces", "bytes"])
def test_after_20_calls_95_of_100_estimates_are_within_5_percent(service, mixture, meter, counting):
    found = [
        one for seed in SEEDS for one in judged(counting[service], MIXTURES[mixture], meter, seed)
    ]
    assert len(found) > 50
    assert percentile([one.off for one in found], 0.95) <= 0.05
    assert percentile([one.deviations for one in found], 0.95) <= 3.5


def test_estimates_before_the_vocabulary_is_loaded_are_learnt_too(counting):
    found = judged(counting["cl100k_base"], MIXTURES["all of them"], Tokens(), 1)
    assert percentile([one.off for one in found], 0.95) <= 0.05


def content(tokens, messages=1):
    return Content(tokens, (tokens, *[0] * (2 * len(KINDS) - 1 + len(SIZES))), messages)


@given(st.integers(1, 100_000), st.integers(1, 50))
def test_before_any_report_a_token_of_ours_is_one_of_theirs(tokens, messages):
    estimate = Calibration().estimate(content(tokens, messages))
    assert estimate.tokens == pytest.approx(tokens + 4 * messages)
    assert estimate.error > tokens / 2


@given(st.floats(0.5, 5.0), st.lists(st.integers(5_000, 50_000), min_size=20, max_size=40))
def test_a_constant_ratio_is_found(ratio, sizes):
    calibration = Calibration()
    for size in sizes:
        calibration.learn(content(size), ratio * size + 9)
    estimate = calibration.estimate(content(20_000))
    assert estimate.tokens == pytest.approx(ratio * 20_000 + 9, rel=0.05)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 1)), max_size=300
    )
)
def test_whatever_is_reported_an_estimate_is_a_number_with_an_error(reports):
    calibration = Calibration()
    for ours, theirs, requests in reports:
        calibration.learn(content(ours), theirs, requests)
        estimate = calibration.estimate(content(1000))
        assert 0 <= estimate.tokens < 1e9
        assert 0 < estimate.error < 1e9


@given(st.text())
def test_the_sizes_of_a_text_are_its_characters(text):
    kind, (letters, blanks, ends, digits, signs, others) = traits_of(text)
    plain = sum(map(str.isascii, text))
    assert letters + blanks + ends + digits + signs == plain
    assert others == len(text.encode("utf-8", "replace")) - plain
    assert 0 <= kind < len(KINDS)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_content_has_the_tokens_of_a_count_by_kind(name, exact, meter):
    tokens = meter if exact else Tokens()
    found = tokens.content(SAMPLES[name])
    assert found.tokens == tokens.count(SAMPLES[name]) == sum(found.kinds[: 2 * len(KINDS)])
    assert not any(found.kinds[len(KINDS) : 2 * len(KINDS)] if exact else found.kinds[: len(KINDS)])


def test_of_a_long_text_the_kinds_are_sampled_as_the_count_is(meter):
    text = SAMPLES["code"] * (2 * LONG // len(SAMPLES["code"]))
    found = meter.content(text)
    assert found.tokens == meter.count(text)
    assert sum(found.kinds[: 2 * len(KINDS)]) == pytest.approx(found.tokens, rel=0.001)


contents = st.builds(
    Content,
    st.integers(0, 10**6),
    st.one_of(st.just(()), st.tuples(*[st.integers(0, 10**6)] * 3)),
    st.integers(0, 100),
    st.integers(0, 100),
)


@given(contents, contents)
def test_what_was_added_can_be_taken_away(one, other):
    assert (one + other).total == one.total + other.total
    back = one + other - other
    assert back.total == one.total
    assert back.kinds == one.kinds or not any(back.kinds)


class Taught:
    """A service that an estimator knows well."""

    def __init__(self, meter, service, calls=None):
        self.meter, self.service = meter, service
        self.estimates = Estimates(calls)
        for number in range(TAUGHT + 5):
            assert not self.call(number=number)

    def call(self, counts=lambda counted: counted, number=0, lineage=None):
        talk = Talk(self.service, self.meter, lineage or next(LINEAGES))
        talk.add(f"{number} {ENGLISH * 3}")
        request, self.estimate = talk.request(self.estimates)
        self.counted = talk.counted
        return self.estimates.learn("test", request, Usage(counts(talk.counted), 1))


def test_a_prompt_that_was_cut_is_said_once_and_teaches_nothing(meter, counting):
    taught = Taught(meter, counting["cl100k_base"])
    said = taught.call(lambda counted: counted // 2)
    assert "has probably not read the beginning" in said
    assert f"{taught.counted // 2:,}" in said
    assert not taught.call(lambda counted: counted // 3)
    assert not taught.call()
    assert taught.estimate.tokens == pytest.approx(taught.counted, rel=0.02)
    assert taught.call(lambda counted: counted // 2)


def test_a_prompt_that_lost_a_fifth_is_noticed_too(meter, counting):
    taught = Taught(meter, counting["cl100k_base"])
    assert taught.call(lambda counted: counted * 8 // 10)
    assert not taught.call(lambda counted: counted * 97 // 100)


class SlowCalls(Calls):
    """Calls on a disk that answers when `ready` is set."""

    def __init__(self, path):
        super().__init__(path)
        self.ready = threading.Event()

    def last(self, *name):
        assert self.ready.wait(60)
        return super().last(*name)


def test_what_the_disk_has_late_does_not_undo_what_was_learnt_anew(meter, counting, tmp_path):
    calls = SlowCalls(tmp_path / "usage.db")
    taught = Taught(meter, counting["bytes"], calls)
    taught.service = counting["cl100k_base"]
    for number in range(STUBBORN):
        taught.call(number=number)
    calls.ready.set()
    taught.estimates.load(("test", "model"))
    assert not taught.call()
    assert taught.estimate.tokens == pytest.approx(taught.counted, rel=0.05)
    taught.estimates.close()


def test_a_service_that_counts_less_from_now_on_is_believed_in_the_end(meter, counting, tmp_path):
    calls = Calls(tmp_path / "usage.db")
    taught = Taught(meter, counting["bytes"], calls)
    taught.service = counting["cl100k_base"]
    assert taught.call()
    for number in range(STUBBORN):
        assert not taught.call(number=number)
    assert taught.estimate.tokens == pytest.approx(taught.counted, rel=0.05)
    taught.estimates.close()
    again = Estimates(calls)
    again.load(("test", "model"))
    taught.estimates = again
    assert not taught.call()
    assert taught.estimate.tokens == pytest.approx(taught.counted, rel=0.05)
    again.close()


def test_a_count_that_is_ours_teaches_nothing(meter, counting):
    estimates = Estimates()
    talk = Talk(counting["bytes"], meter, next(LINEAGES))
    talk.add(ENGLISH)
    request, before = talk.request(estimates)
    assert not estimates.learn("test", request, Usage(5000, 1, estimated=True))
    assert talk.request(estimates)[1] == before


def test_only_what_came_since_the_last_count_is_estimated(meter, counting):
    chance = random.Random(1)
    talk = Talk(counting["bytes"], meter, next(LINEAGES))
    talk.add(SAMPLES["base64"])
    estimates = Estimates()
    request, _ = talk.request(estimates)
    estimates.learn("test", request, Usage(talk.counted, 1))
    talk.add(chance.choice(["Go on.", "Yes."]))
    _, estimate = talk.request(estimates)
    assert estimate.tokens == pytest.approx(talk.counted, abs=40)
    talk.lineage = next(LINEAGES)
    _, afresh = talk.request(estimates)
    assert afresh.error > estimate.error


CALL = Call("groq", "m", 90, 100, 7, content(80), 100)


def test_calls_come_back_as_they_were_the_last_ones_in_their_order(tmp_path):
    calls = Calls(tmp_path / "state" / "usage.db")
    assert not calls.last("groq", "m")
    assert not calls.models()
    for at in range(1, 6):
        calls.add(Call("groq", "m", 90, 100 + at, 7, content(80), 100, 0, "compact", at=at))
    calls.add(CALL)
    calls.close()
    found = Calls(calls.path).last("groq", "m", 3)
    assert [call.at for call in found[:2]] == [4, 5]
    assert found[1] == Call("groq", "m", 90, 105, 7, content(80), 100, 0, "compact", at=5)
    assert calls.models() == [("groq", "m", 6)]
    calls.close()
