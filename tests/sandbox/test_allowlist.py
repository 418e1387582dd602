"""Which hosts a rule means, and which addresses need naming."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.executors.network.allowlist import canonical, match, objection, parse
from llmrepl.executors.network.words import network_rule, proxy_variables, reach

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1",
    "fd00::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1", "2002:7f00:1::",
    "198.18.0.1", "192.0.2.1", "64:ff9b:1::7f00:1",
]  # fmt: skip
LINK_LOCAL = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"]
SPECIAL = [
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "239.1.1.1",
    "ff02::1",
    "255.255.255.255",
    "::ffff:0.0.0.0",
]
GLOBAL = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"]


@pytest.mark.parametrize(
    ("rule", "host", "port", "allowed"),
    [
        ("example.org", "example.org", 443, True),
        ("example.org", "example.org", 80, True),
        ("example.org", "example.org", 8080, False),
        ("example.org:8080", "example.org", 8080, True),
        ("example.org:8080", "example.org", 443, False),
        ("example.org", "www.example.org", 443, False),
        ("example.org", "notexample.org", 443, False),
        ("*.example.org", "www.example.org", 443, True),
        ("*.example.org", "a.b.example.org", 443, True),
        ("*.example.org", "example.org", 443, False),
        ("*.example.org", "evilexample.org", 443, False),
        ("Example.ORG", "EXAMPLE.org.", 443, True),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("127.0.0.1:80", "localhost", 80, False),
        ("127.0.0.1:80", "::ffff:127.0.0.1", 80, False),
        ("[::1]:80", "[0:0::1]", 80, True),
    ],
)
def test_a_rule_means_the_hosts_it_names(rule, host, port, allowed):
    assert (match([parse(rule)], canonical(host), port) is not None) is allowed


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.", "a b", "http://x.org", "x.org/", "x.org:0", "x.org:65536", "x.org:", "::1",
     "[fe80::1%eth0]:80", "*.1.2.3.4", "*.[::1]", "a..b", "x\n.org", "a" * 64, "[x.org]:80"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text):
    with pytest.raises(ValueError, match="is no HOST"):
        parse(text)


@given(st.text(max_size=80))
def test_a_canonical_host_stays_as_it_is(text):
    host = canonical(text)
    assert canonical(host) == host
    assert host == host.lower()
    assert not set(host) & set(" \r\n/@?#%[]")


@pytest.mark.parametrize("text", GLOBAL)
def test_addresses_of_the_internet_need_no_naming(text):
    assert objection(ip_address(text), parse("*.example.org")) == ""


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_for_rules_that_name_host_and_port(text):
    address = ip_address(text)
    for rule in ("example.org", "*.example.org", "*.example.org:80"):
        assert objection(address, parse(rule)) == "private"
    assert objection(address, parse("example.org:80")) == ""


@pytest.mark.parametrize("text", LINK_LOCAL)
def test_addresses_of_the_network_itself_are_for_rules_that_name_the_address(text):
    address = ip_address(text)
    for rule in ("example.org", "example.org:80", "169.254.169.254"):
        assert objection(address, parse(rule)) == "link-local"
    shown = f"[{text}]" if ":" in text else text
    assert objection(address, parse(f"{shown}:80")) == ""


@pytest.mark.parametrize("text", SPECIAL)
def test_addresses_that_are_nobodys_are_never_reached(text):
    shown = f"[{text}]" if ":" in text else text
    assert objection(ip_address(text), parse(f"{shown}:80")) == "special"


def test_without_a_network_there_are_no_variables_and_one_sentence():
    assert proxy_variables(()) == {}
    assert network_rule(()) == "There is no network."
    assert reach(()) == "no network"


def test_the_variables_lead_to_the_proxy_but_for_the_sandbox_s_own_services():
    found = proxy_variables(("example.org",))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        assert found[name] == found[name.upper()] == "http://127.0.0.1:3128"
    assert found["no_proxy"] == found["NO_PROXY"] == "localhost,127.0.0.1,::1"
    named = ("localhost:80", "127.0.0.1:81", "[::1]:82")
    assert proxy_variables(named)["no_proxy"] == ""
    assert "example.org" in network_rule(("example.org",))
