"""What differs between two runs is taken out of texts, and what stands for content is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import ConfigError
from llmrepl.replaying.normalising import RULES, Place, normaliser, read_rules

NOW = 1_795_226_983_000
normalise = normaliser(Place([("/tmp/tea", "<project>")], NOW), RULES)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<object object at 0x7f3a5c0012d0>", "<object object at <address>>"),
        ("550e8400-e29b-41d4-a716-446655440000", "<uuid>"),
        ("commit 098d5bc", "commit <id>"),
        ("2026-11-21T08:25:45.123+00:00", "<time>"),
        ("Sat Nov 21 08:25:45 UTC 2026", "<time>"),
        ("Sat 21 at 08:25:45", "Sat 21 at <time>"),
        ("Nov 21 08:25 x", "<time> x"),
        ("real 0m0.003s, 1.5 ms", "real <duration>, <duration>"),
        ("pid 1234, process 5", "pid <pid>, process <pid>"),
        ("bash: line 1:     6 Killed", "bash: line 1:     <pid> Killed"),
        ("/tmp/tmpab12_xyz/a", "/tmp/<temporary>/a"),
        ("./sedPgPCZd: /tmp/tmp.Xz90abCDe1", "./<temporary>: /tmp/<temporary>"),
        ("/tmp/tea/x /tmp/teapot", "<project>/x /tmp/teapot"),
        ("1795226990 1795226983.25 1795226983000", "<time> <time> <time>"),
        ("2026-11-21", "<today>"),
    ],
)
def test_what_differs_each_time_is_taken_out(text, left):
    assert normalise(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "it ran out of time after 1 s",
        "2025-01-31",
        "1234567890 items",
        "585 cups, 146.25 on average, line 3",
    ],
)
def test_content_stays(text):
    assert normalise(text) == text


@given(st.text())
def test_what_was_normalised_stays_so(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no [[rule]]"),
        ("rules = 1", "the key rules"),
        ("[[rule]]\nname = 'x'", "rule 1"),
        ("[[rule]]\npattern = '('", "rule 1"),
        ("[[rule]]\npattern = 'a'\nreplace = '\\1'", "rule 1"),
        ("[[rule]]\npattern = 1", "rule 1"),
        ("[[rule", "cannot be read"),
    ],
)
def test_rules_that_are_not_accepted_are_named(text, why, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_rules(path)
    assert why in caught.value.message
    assert "`pattern`" in caught.value.hint


def test_a_rule_replaces_by_its_name(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("[[rule]]\nname = 'build'\npattern = '(?<=build )\\d+'\n")
    (rule,) = read_rules(path)
    assert normaliser(Place((), NOW), [rule])("build 17") == "build <build>"


def test_a_thousand_lines_take_little_time():
    text = "a line of 585 cups in /tmp/tea at 08:25:45\n" * 10_000
    began = time.perf_counter()
    normalise(text)
    assert time.perf_counter() - began < 5
