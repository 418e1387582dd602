"""From the configuration to what blocks may touch."""

import pytest

from llmrepl.compose.policy import policy_of
from llmrepl.config import load
from llmrepl.errors import ConfigError


def policy(tmp_path, *net):
    config = load({"sandbox.net": list(net)}, {}, tmp_path, user_file=tmp_path / "none.toml").config
    return policy_of(config, tmp_path)


def test_the_hosts_that_were_named_are_the_policy_s(tmp_path):
    assert policy(tmp_path).net == ()
    assert policy(tmp_path, "a.test", "*.b.test:81").net == ("a.test", "*.b.test:81")


@pytest.mark.parametrize("rule", ["[fe80::1::2]:80", "[1.2.3.4.5]", "*.10.0.0.1"])
def test_a_host_that_is_none_is_refused_by_name(tmp_path, rule):
    with pytest.raises(ConfigError, match="is no HOST") as raised:
        policy(tmp_path, rule)
    assert "example.org:8080" in raised.value.hint
