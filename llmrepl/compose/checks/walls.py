"""The check of the sandbox: it is started as a session would, and proves itself."""

from __future__ import annotations

from collections.abc import Sequence

from llmrepl.checks import Finding
from llmrepl.compose.checks.site import Installation
from llmrepl.compose.policy import policy_of
from llmrepl.executors.policy import Policy
from llmrepl.executors.selftest import SelfTest, self_test
from llmrepl.executors.tiers import TIERS


async def sandbox(site: Installation) -> Sequence[Finding]:
    """Start a sandbox and let it prove itself.

    Raises:
        SandboxUnavailable: there is none; the hint is the fix.
    """
    policy = site.policy or policy_of(site.settings, site.cwd)
    return [judged(await self_test(policy, site.environ), policy)]


def judged(test: SelfTest, policy: Policy) -> Finding:
    """Return what a sandbox's test of itself comes to."""
    details = {**test.data, "lines": list(test.lines)}
    if not test.ok:
        broken = [f"{proof.name} ({proof.detail})" for proof in test.proofs if not proof.ok]
        return Finding(
            status="failed",
            message=f"a promise is broken: {'; '.join(broken)}",
            fix="run nothing here that you would not run yourself, and report it: docs/security.md",
            details=details,
        )
    proven = ", ".join(proof.name for proof in test.proofs) or "nothing"
    times = f"start {test.start.ms} ms, python {test.python.ms} ms, bash {test.bash.ms} ms"
    how = f" ({test.variant})" if test.variant not in ("", "full") else ""
    message = f"{test.tier}{how} with {test.python_path}; {times}; proven: {proven}"
    fix = ""
    if test.gaps:
        lists = f"`llmrepl check sandbox --sandbox {policy.tier}` lists its {len(test.gaps)} gaps"
        message = f"{TIERS[policy.tier].title}: {message}; {lists}"
        fix = "install bubblewrap, and set sandbox.tier to auto: docs/how-to/no-bubblewrap.md"
    return Finding(
        status="warning" if test.gaps else "ok",
        message=message,
        fix=fix,
        details=details,
        measures={
            "start_seconds": test.start.ms / 1000,
            "python_block_seconds": test.python.ms / 1000,
            "bash_block_seconds": test.bash.ms / 1000,
        },
    )
