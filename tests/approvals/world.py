"""Short words for tests of reviews and rules."""

from llmrepl.approvals.judging import Matter, judge
from llmrepl.approvals.matching import Ground
from llmrepl.approvals.review import review_bash, review_python
from llmrepl.approvals.rules import parse_rule

GROUND = Ground(project="/home/ann/app", home="/home/ann")
WIDE = Matter(frozenset({"write", "delete", "network", "execute", "unknown"}))
"""Everything that could do harm where files can be written and the network is open."""

REVIEWS = {"python": review_python, "bash": review_bash}


def verdict(language, source, *rules, matter=WIDE, ground=GROUND):
    """Return what `rules` say of a block."""
    return judge(list(map(parse_rule, rules)), REVIEWS[language](source), ground, matter)


def is_harmless(language, source):
    """Whether a block runs without a question although nothing allows it."""
    return verdict(language, source).effect == "allow"
