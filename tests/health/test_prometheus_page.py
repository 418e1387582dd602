"""The page about Prometheus: every metric on it there is, and its rules are rules."""

import re
import shutil
import subprocess

from tests.docs.console import ROOT
from tests.health.test_watch import samples

PAGE = (ROOT / "docs/how-to/monitor-with-prometheus.md").read_text()
RULES = re.search(r"```yaml\n(groups:.*?)```", PAGE, re.DOTALL)[1]
NAMES = set(re.findall(r"\bllmrepl_\w+", PAGE))


def test_every_metric_on_the_page_is_exported(machine, serve):
    serve("pong")
    machine.configure("[budgets]\nday = 5\n")
    ran = machine.run("check", "--prometheus", "--model", "openai/x")
    exported = {name for name, *_ in samples(ran.out)}
    # Nothing told the time, and there is no index: those two are not exported here.
    assert NAMES - exported == {"llmrepl_clock_skew_seconds", "llmrepl_index_behind_sessions"}


def test_each_rule_asks_for_a_metric_of_the_page():
    asked = [line for line in RULES.splitlines() if line.strip().startswith("expr: ")]
    assert len(asked) == RULES.count("- alert: ")
    assert all(set(re.findall(r"\bllmrepl_\w+", line)) <= NAMES for line in asked)


def test_promtool_accepts_the_rules_where_there_is_one(tmp_path):
    tool = shutil.which("promtool")
    file = tmp_path / "rules.yml"
    file.write_text(RULES)
    command = [tool, "check", "rules", str(file)] if tool else ["true"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr + ran.stdout
