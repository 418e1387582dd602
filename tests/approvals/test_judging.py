"""What all the rules together say of a block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.approvals.judging import EVERYTHING, NOTHING, judge
from llmrepl.approvals.matching import Ground
from llmrepl.approvals.suggesting import suggested
from tests.approvals.test_bash import DANGERS, EVASIONS, TOLD
from tests.approvals.test_python import EVASIONS as PYTHON_EVASIONS
from tests.approvals.world import GROUND, REVIEWS, WIDE, verdict

SAID = [
    ("git status", ["allow bash: git status"], "allow"),
    ("git status; make", ["allow bash: git status"], "ask"),
    ("git status; make", ["allow bash: git status", "allow any: make"], "allow"),
    ("git status", ["allow python: git status"], "ask"),
    ("git status", ["allow bash"], "allow"),
    ("git status", ["allow bash", "ask bash: git"], "ask"),
    ("git status", ["ask bash: git", "allow bash"], "ask"),
    ("git status", ["allow bash", "deny bash: git"], "deny"),
    ("git status", ["deny bash: git", "ask any", "allow bash"], "deny"),
    ("sudo git push", ["allow bash", "deny bash: git push"], "deny"),
    ("git $verb", ["allow bash", "deny bash: git push"], "ask"),
    ("$program", ["allow bash", "deny bash: git push"], "ask"),
    ("cat a", ["deny any read: a"], "deny"),
    ("rm -rf .", ["deny any path: src/keep"], "deny"),
    ("echo x > build/a", ["allow any write: build/**"], "allow"),
    ("echo x > a", ["allow any write: build/**"], "ask"),
    ("echo x > build/../a", ["allow any write: build/**"], "ask"),
    ("echo x > build/$x", ["allow any write: build/**"], "ask"),
    ("cp a build/b", ["allow any write: build/**"], "allow"),
    *(
        (f"{moves}\necho > build/a", ["allow any write: build/**", "allow bash: source"], "ask")
        for moves in (
            *(
                "cd /",
                "cd -",
                "command cd /",
                "\\cd /",
                "'cd' /",
                "builtin cd /",
                "pushd /",
                "popd",
            ),
            *("eval cd /", "eval 'eval cd /'", "f() { cd /; }; f", "f() { cd /; }", "source ./x"),
            *("if true; then cd /; fi", "trap 'cd /' DEBUG", "true && cd /", "{ cd /; }"),
        )
    ),
    ("(cd /)\necho > build/a", ["allow any write: build/**"], "allow"),
    ("bash -c 'cd /'\necho > build/a", ["allow any write: build/**"], "allow"),
    ("bash -c 'cd /; echo > build/a'", ["allow any write: build/**"], "ask"),
    ("cd src; cat a", ["deny any path: a"], "ask"),
    ("cd src; cat a", ["deny any path: src/a"], "deny"),
    ("curl -o x a.test", ["allow any network: a.test"], "ask"),
    ("echo hi", [], "allow"),
    ("echo hi", ["ask bash"], "ask"),
    ("", ["ask bash"], "ask"),
    ("", ["deny any"], "deny"),
]


@pytest.mark.parametrize(("source", "rules", "effect"), SAID)
def test_deny_beats_ask_and_ask_beats_allow(source, rules, effect):
    assert verdict("bash", source, *rules).effect == effect
    assert verdict("bash", source, *reversed(rules)).effect == effect


def test_a_verdict_names_the_rules_that_decided_and_what_they_are_about():
    allowed = verdict("bash", "make; git log", "allow bash: make", "allow any: git", "allow python")
    assert list(map(str, allowed.rules)) == ["allow bash: make", "allow any: git"]
    denied = verdict("bash", "cat a", "deny any read: a")
    assert (list(map(str, denied.rules)), denied.why) == (["deny any read: a"], "reads a")
    asked = verdict("bash", "make; rm a")
    assert [touch.kind for touch in asked.open] == ["execute", "delete"]


def test_where_nothing_is_widened_only_rules_ask():
    assert verdict("bash", "rm -rf /; $x", matter=NOTHING).effect == "allow"
    assert verdict("bash", "rm -rf /", "ask any delete", matter=NOTHING).effect == "ask"


@pytest.mark.parametrize(
    ("rules", "effect"),
    [
        ([], "ask"),
        (["allow bash"], "ask"),
        (["allow bash: ls"], "ask"),
        (["allow bash exactly: ls"], "ask"),
        (["allow bash exactly: ls", "allow any exactly: cat a"], "allow"),
    ],
)
def test_without_a_sandbox_only_rules_for_exactly_these_commands_count(rules, effect):
    assert verdict("bash", "ls; cat a", *rules, matter=EVERYTHING).effect == effect
    assert verdict("python", "1 + 1", *rules, matter=EVERYTHING).effect == "ask"


SUGGESTED = [
    ("bash", "git push origin main", ["allow bash: git push"]),
    ("bash", "git --version", ["allow bash: git"]),
    ("bash", "pytest -x tests", ["allow bash: pytest"]),
    ("bash", "rm -rf build", ["allow bash delete: build/**"]),
    ("bash", "echo > out/a; echo > b", ["allow bash write: out/**", "allow bash write: b"]),
    ("bash", "rm $x", ["allow bash delete"]),
    ("bash", "sudo make install", ["allow bash exactly: sudo make install"]),
    ("bash", "eval $x", ["allow bash"]),
    ("python", "import requests as r\nr.get('http://a.test')", ["allow python network: a.test:80"]),
    ("python", "helper()", ["allow python"]),
    ("bash", "a; b; c; d; e", ["allow bash"]),
]


@pytest.mark.parametrize(("language", "source", "rules"), SUGGESTED)
def test_a_suggestion_is_as_narrow_as_the_review_allows(language, source, rules):
    touches = verdict(language, source).open
    assert list(map(str, suggested(touches, language, GROUND))) == rules


def test_a_suggestion_for_exactly_a_command_names_every_command_or_none():
    touches = verdict("bash", "ls; cat 'a b'", matter=EVERYTHING).open
    rules = suggested(touches, "bash", GROUND, exactly=True)
    assert list(map(str, rules)) == ["allow bash exactly: ls", "allow bash exactly: cat 'a b'"]
    for source in ("ls $x", "echo > a", "$x", "# nothing"):
        touches = verdict("bash", source, matter=EVERYTHING).open
        assert suggested(touches, "bash", GROUND, exactly=True) == []


BLOCKS = [
    *(("bash", source) for source in [*TOLD, *DANGERS, *EVASIONS]),
    *(("python", source) for source in PYTHON_EVASIONS),
]


@given(st.sampled_from(BLOCKS), st.sampled_from([WIDE, EVERYTHING]))
def test_what_is_suggested_would_have_answered_the_question(block, matter):
    language, source = block
    review = REVIEWS[language](source)
    asked = judge((), review, GROUND, matter)
    exactly = matter is EVERYTHING
    rules = suggested(asked.open, language, GROUND, exactly=exactly)
    if rules:
        assert judge(rules, review, GROUND, matter).effect == "allow"


def test_no_path_is_suggested_where_blocks_may_be_elsewhere():
    touches = verdict("bash", "echo > build/a").open
    assert suggested(touches, "bash", Ground("/p", "/h"))
    assert suggested(touches, "bash", Ground("/p", "/h", moved=True)) == []
