"""What is left of a service's limits."""

from datetime import UTC, datetime, timedelta

import pytest
from vendor_calls import opened, partly, server

from llmrepl.ports import Allowance, Rationed
from llmrepl.testing import Refused, Wire
from llmrepl_providers.rations import date_in

LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
PAST = "2024-03-26T20:00:00Z"


def anthropic(reset):
    return {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": reset,
        "anthropic-ratelimit-tokens-limit": "many",
        "anthropic-ratelimit-tokens-remaining": "16000",
    }


MISTRAL = {
    "x-ratelimit-limit-tokens-minute": "5000000",
    "x-ratelimit-remaining-tokens-minute": "4999911",
    "x-ratelimit-limit-req-minute": "720",
    "x-ratelimit-remaining-req-minute": "717",
}


def after(kind, item, **fields):
    with server(kind, item, **fields) as served:
        provider = opened(kind, served.url)
        partly(provider)
    assert isinstance(provider, Rationed)
    return provider.allowances


@pytest.mark.parametrize("refused", [False, True])
def test_what_anthropic_says_is_left_is_told_until_it_is_full_again(refused):
    headers = anthropic(LATER.replace("+00:00", "Z"))
    item = Refused(429, headers=headers) if refused else "ok"
    (requests,) = after("anthropic", item, wire=Wire(headers=headers))
    assert (requests.kind, requests.left, requests.most) == ("requests", 49, 50)
    assert 0 < requests.again <= 3600


def test_what_is_full_again_is_not_told():
    assert after("anthropic", "ok", wire=Wire(headers=anthropic(PAST))) == []


def test_what_mistral_says_is_left_of_a_minute_is_told():
    assert after("mistral", "ok", wire=Wire(headers=MISTRAL)) == [
        Allowance("requests", 717, 720),
        Allowance("tokens", 4_999_911, 5_000_000),
    ]


def test_a_service_that_says_nothing_of_limits_has_none(kind):
    assert after(kind, "ok") == []


def test_a_date_without_a_zone_is_in_utc():
    assert date_in("2024-03-26T20:00:00") == date_in(PAST)
    assert date_in("soon") is None
