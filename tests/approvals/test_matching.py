"""How much of what a block touches a rule is about."""

import time

import pytest

from llmrepl.approvals.matching import Fit, Ground, fit, matches_host, path_fit
from llmrepl.approvals.review import review_bash
from llmrepl.approvals.rules import parse_rule
from tests.approvals.world import GROUND

PATHS = [
    ("/p/a", "/p/a", Fit.WHOLE),
    ("/p/a", "/p/b", Fit.NONE),
    ("/p/a", "/p/a/b", Fit.NONE),
    ("/p/*", "/p/a", Fit.WHOLE),
    ("/p/*", "/p/a/b", Fit.NONE),
    ("/p/**", "/p/a/b", Fit.WHOLE),
    ("/p/**", "/p", Fit.WHOLE),
    ("/p/**", "/pa", Fit.NONE),
    ("/**/x", "/x", Fit.WHOLE),
    ("/**/x", "/a/b/x", Fit.WHOLE),
    ("/p/?.c", "/p/a.c", Fit.WHOLE),
    ("/p/?.c", "/p/ab.c", Fit.NONE),
    ("/p/[a]", "/p/a", Fit.NONE),
    ("/p/a+(b)", "/p/a+(b)", Fit.WHOLE),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), PATHS)
def test_a_path_pattern_names_paths(pattern, path, expected):
    assert path_fit(pattern, path) is expected


FOLDERS = [
    ("/p/**", "/p/a", Fit.WHOLE),
    ("/p/a/**", "/p/a", Fit.WHOLE),
    ("/p/a/**", "/p", Fit.PART),
    ("/p/a/b", "/p/a", Fit.PART),
    ("/p/a", "/p/a", Fit.PART),
    ("/p/*", "/p/a", Fit.PART),
    ("/**/*.key", "/p/a", Fit.MAYBE),
    ("/q/**", "/p", Fit.NONE),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), FOLDERS)
def test_a_whole_folder_is_covered_only_by_a_pattern_for_all_that_is_in_it(pattern, path, expected):
    assert path_fit(pattern, path, whole=True) is expected


WILD = [
    ("/p/**", "/p/*.o", Fit.WHOLE),
    ("/p/*.o", "/p/*.o", Fit.WHOLE),
    ("/p/a.o", "/p/*.o", Fit.MAYBE),
    ("/p/.env", "/p/.*", Fit.MAYBE),
    ("/q/a.o", "/p/*.o", Fit.NONE),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), WILD)
def test_what_a_blocks_own_wildcards_match_only_running_it_can_tell(pattern, path, expected):
    assert path_fit(pattern, path, wild=True) is expected


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("a.test", "a.test:443", True),
        ("a.test", "A.TEST:80", True),
        ("a.test:443", "a.test:443", True),
        ("a.test:443", "a.test:80", False),
        ("a.test", "b.a.test", False),
        ("*.a.test", "b.a.test:80", True),
        ("*.a.test", "a.test", False),
        ("*.a.test", "xa.test", False),
        ("*", "a.test", True),
        ("[::1]", "[::1]:80", True),
        ("a.test", "a.test.evil.test", False),
    ],
)
def test_a_host_pattern_names_hosts_and_ports(pattern, host, expected):
    assert matches_host(pattern, host) is expected


def fits(rule, source, ground=GROUND):
    """Return how much of each thing that a block of bash touches the rule is about."""
    return [fit(parse_rule(rule), touch, ground) for touch in review_bash(source).touches]


COMMANDS = [
    ("allow bash: git status", "git status -s", Fit.WHOLE),
    ("allow bash: git status", "git stash", Fit.NONE),
    ("allow bash: git", "gitk", Fit.NONE),
    ("allow bash: git status", "git -C x status", Fit.PART),
    ("allow bash: git push", "git --no-pager -c a=b push", Fit.PART),
    ("allow bash: git push", "git $verb", Fit.MAYBE),
    ("allow bash: git", "/usr/bin/git status", Fit.PART),
    ("allow bash: git", "./git status", Fit.PART),
    ("allow bash: make", "timeout 5 nice nohup make all", Fit.WHOLE),
    ("allow bash: make", "env LANG=C make", Fit.WHOLE),
    ("allow bash: make", "sudo make", Fit.PART),
    ("allow bash: sudo make", "sudo make all", Fit.WHOLE),
    ("allow bash: make", "PATH=/tmp make", Fit.PART),
    ("allow bash: make", "env PATH=/tmp make", Fit.PART),
    ("allow bash exactly: make all", "make all", Fit.WHOLE),
    ("allow bash exactly: make all", "make all -k", Fit.NONE),
    ("allow bash exactly: make all", "sudo make all", Fit.PART),
    ("allow bash exactly: make all", "make all $x", Fit.NONE),
    ("allow bash: make", "ls | xargs make", Fit.WHOLE),
    ("allow bash exactly: make", "ls | xargs make", Fit.NONE),
]


@pytest.mark.parametrize(("rule", "source", "expected"), COMMANDS)
def test_a_command_rule_sees_through_what_only_starts_a_command(rule, source, expected):
    assert fits(rule, source)[-1] is expected


def test_what_a_block_writes_costs_little_to_compare():
    began = time.perf_counter()
    assert fits("deny bash: git push", "git " + "-a " * 200)[-1] is Fit.NONE
    assert fits("deny bash: git push", "git " + "-a " * 200 + "$x")[-1] is Fit.MAYBE
    assert fits("deny any path: **/a/**/b/**/c", "cat " + "/a/b" * 1000)[0] is Fit.NONE
    assert fits("deny any path: **/a/**/b/**/c", "cat " + "/a/b" * 10_000)[0] is Fit.MAYBE
    assert time.perf_counter() - began < 5


TOUCHES = [
    ("allow any read: *.txt", "cat a.txt", [Fit.WHOLE, Fit.NONE]),
    ("allow any read: ~/notes/**", "cat ~/notes/x", [Fit.WHOLE, Fit.NONE]),
    ("allow any read: ~/notes/**", "cat '~/notes/x'", [Fit.NONE, Fit.NONE]),
    ("allow any read: src/**", "cd src; cat a", [Fit.NONE, Fit.PART, Fit.NONE]),
    ("allow any read: a", "cat $x", [Fit.MAYBE, Fit.NONE]),
    ("allow any read", "cat $x", [Fit.WHOLE, Fit.NONE]),
    ("allow any write: a", "cat a", [Fit.NONE, Fit.NONE]),
    ("deny any path: a", "rm a", [Fit.WHOLE, Fit.NONE]),
    ("allow any network: a.test", "ssh a.test", [Fit.WHOLE, Fit.NONE]),
    ("allow any network: a.test", "ssh $host", [Fit.MAYBE, Fit.NONE]),
    ("deny any path: a", "eval $x", [Fit.MAYBE, Fit.NONE]),
    ("allow any unknown", "eval $x", [Fit.PART, Fit.NONE]),
    ("allow any", "eval $x", [Fit.WHOLE, Fit.WHOLE]),
    ("allow any: *", "eval $x", [Fit.MAYBE, Fit.NONE]),
]


@pytest.mark.parametrize(("rule", "source", "expected"), TOUCHES)
def test_a_rule_is_about_touches_of_its_subject(rule, source, expected):
    assert fits(rule, source) == expected


def test_relative_paths_may_be_elsewhere_once_blocks_have_moved():
    moved = Ground(GROUND.project, GROUND.home, moved=True)
    assert fits("allow any read: a", "cat a", moved)[0] is Fit.MAYBE
    assert fits("allow any read: /etc/*", "cat /etc/a", moved)[0] is Fit.WHOLE
