"""A rule is a line of text, and says the same when it is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.approvals.rules import (
    EFFECTS,
    LANGUAGES,
    PROJECT_EFFECTS,
    SUBJECTS,
    Rule,
    parse_rule,
    parse_rules,
)
from llmrepl.errors import ConfigError

READ = {
    "allow bash: git status": Rule("allow", "bash", "command", "git status"),
    "allow bash exactly: rm -rf build": Rule("allow", "bash", "exactly", "rm -rf build"),
    "allow any write: build/**": Rule("allow", "any", "write", "build/**"),
    "ask any network: *.example.com:443": Rule("ask", "any", "network", "*.example.com:443"),
    "deny any path: ~/.ssh/**": Rule("deny", "any", "path", "~/.ssh/**"),
    "ask any delete": Rule("ask", "any", "delete"),
    "allow python": Rule("allow", "python"),
    "  deny   tool :  fetch  ": Rule("deny", "tool", "command", "fetch"),
    "allow bash: echo 'a  b'": Rule("allow", "bash", "command", "echo 'a  b'"),
}


@pytest.mark.parametrize(("text", "rule"), READ.items(), ids=READ)
def test_a_line_is_read_as_a_rule(text, rule):
    assert parse_rule(text) == rule
    assert parse_rule(str(rule)) == rule


def test_a_rule_is_written_in_its_shortest_form():
    assert str(parse_rule('  allow bash :  echo   "a b" ')) == "allow bash: echo 'a b'"


WRONG = {
    "": "this is no rule",
    "allow": "this is no rule",
    "allow bash command git: x": "this is no rule",
    "allow bash:": "this is no rule",
    "permit bash": "'permit' is not known to rules",
    "allow perl": "'perl' is not known to rules",
    "allow any everywhere: x": "'everywhere' is not known to rules",
    "allow bash everything: x": "a rule about everything has the pattern 'x'",
    "allow bash exactly": "names none",
    "allow bash: echo 'a": "cannot be split into words",
    "allow any path: a\tb": "cannot be shown",
    "allow any path: " + "a" * 1001: "has 1001 characters",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=[text[:30] for text in WRONG])
def test_what_is_no_rule_is_refused_with_what_would_be(text, said):
    with pytest.raises(ConfigError) as refused:
        parse_rule(text)
    assert said in refused.value.message
    assert refused.value.hint


def test_a_file_has_a_rule_on_each_line_between_comments():
    text = "# mine\n\nallow bash: git status\n  deny any path: ~/.ssh/**\n"
    rules = parse_rules(text, "permissions")
    assert list(map(str, rules)) == ["allow bash: git status", "deny any path: ~/.ssh/**"]


def test_a_wrong_line_is_named():
    with pytest.raises(ConfigError, match=r"^permissions:2: this is no rule"):
        parse_rules("allow python\nnonsense\n", "permissions")


def test_a_project_cannot_allow():
    with pytest.raises(ConfigError, match="a rule there cannot allow: allow python"):
        parse_rules("ask bash\nallow python\n", "project", effects=PROJECT_EFFECTS)


rules = st.builds(
    lambda effect, language, subject, pattern: (effect, language, subject, pattern.strip()),
    st.sampled_from(EFFECTS),
    st.sampled_from(LANGUAGES),
    st.sampled_from(sorted(SUBJECTS)),
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" ")),
)


@given(rules)
def test_every_rule_there_can_be_says_the_same_when_it_is_read_again(fields):
    try:
        rule = Rule(*fields)
    except ConfigError:
        return
    assert parse_rule(str(rule)) == rule


@given(st.text(max_size=60))
def test_whatever_is_read_is_a_rule_or_an_error(text):
    try:
        rule = parse_rule(text)
    except ConfigError:
        return
    assert parse_rule(str(rule)) == rule
