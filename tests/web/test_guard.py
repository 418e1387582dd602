"""What a request has to be like."""

import pytest
from multidict import CIMultiDict

from llmrepl.conversing.frontends import Listening
from llmrepl.errors import ConfigError
from llmrepl_textual.web.guard import Guard
from llmrepl_textual.web.serving import names_of

HOST = {"Host": "127.0.0.1:8421"}
OWN = {**HOST, "Origin": "http://127.0.0.1:8421"}


def fault(headers, **how):
    guard = Guard("http", ("127.0.0.1", "localhost"), 8421)
    return guard.fault(CIMultiDict(headers), **how)


@pytest.mark.parametrize(
    "headers",
    [
        HOST,
        OWN,
        {"Host": "LOCALHOST:8421"},
        {**HOST, "Sec-Fetch-Site": "none"},
        {**HOST, "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_what_comes_from_an_address_bar_or_the_page_is_answered(headers):
    assert fault(headers) == ""


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "127.0.0.1:80", "evil.example:8421", "127.0.0.1.evil.example:8421",
     "localhost.:8421", "127.0.0.1:8421@evil.example", "127.1:8421", "0.0.0.0:8421"],
)  # fmt: skip
def test_another_name_is_refused_wherever_it_leads(host):
    assert "a name" in fault({"Host": host})


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", "http://127.0.0.1:9000", "http://localhost:8421",
     "https://127.0.0.1:8421", "http://127.0.0.1:8421.evil.example"],
)  # fmt: skip
@pytest.mark.parametrize("socket", [True, False])
def test_another_page_is_refused(origin, socket):
    assert "another page" in fault({**HOST, "Origin": origin}, socket=socket)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "SAME-SITE", "other"])
def test_so_is_one_on_another_port_of_this_machine(site):
    assert "another page" in fault({**HOST, "Sec-Fetch-Site": site})


def test_a_socket_needs_an_origin():
    assert fault(OWN, socket=True) == ""
    assert "another page" in fault(HOST, socket=True)


def test_a_usual_port_stands_in_no_address():
    guard = Guard("https", ("box.example",), 443)
    assert guard.origin == "https://box.example"
    told = {"Host": "box.example", "Origin": "https://box.example"}
    assert guard.fault(CIMultiDict(told), socket=True) == ""
    assert "wss://box.example;" in guard.headers("box.example")["Content-Security-Policy"]


def test_a_strange_name_does_not_get_into_the_policy():
    guard = Guard("http", ("127.0.0.1",), 8421)
    policy = guard.headers("x; script-src *")["Content-Security-Policy"]
    assert "script-src" not in policy


def listening(host, **how):
    given = {"port": 0, "names": (), "certificate": "", "key": "", "without_tls": False}
    return Listening(host=host, limit=1, grace=1.0, **{**given, **how})


@pytest.mark.parametrize(
    ("host", "how", "names"),
    [
        ("127.0.0.1", {}, ("127.0.0.1", "localhost")),
        ("localhost", {}, ("127.0.0.1", "localhost")),
        ("::1", {}, ("[::1]", "localhost")),
        ("127.0.0.1", {"names": ("box.example",)}, ("box.example", "127.0.0.1")),
        ("192.0.2.1", {"certificate": "x.pem"}, ("192.0.2.1",)),
        ("192.0.2.1", {"without_tls": True}, ("192.0.2.1",)),
        ("0.0.0.0", {"without_tls": True, "names": ("box.example",)}, ("box.example",)),
    ],
)
def test_it_is_reached_under_the_names_that_it_is_told(host, how, names):
    assert names_of(listening(host, **how)) == names


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "10.0.0.1", "fe80::1"])
def test_other_machines_do_not_reach_it_without_tls(host):
    with pytest.raises(ConfigError, match="nothing would be encrypted") as refused:
        names_of(listening(host, names=("box.example",)))
    assert "--certificate" in refused.value.hint
    assert "--without-tls" in refused.value.hint


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_all_addresses_need_a_name(host):
    with pytest.raises(ConfigError, match="every address") as refused:
        names_of(listening(host, without_tls=True))
    assert "--name" in refused.value.hint


def test_a_name_is_no_address():
    with pytest.raises(ConfigError, match="not an address"):
        names_of(listening("box.example"))
