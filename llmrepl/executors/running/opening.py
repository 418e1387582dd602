"""Opening a sandbox, which is refused unless it proves itself."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from llmrepl.errors import SandboxUnavailable
from llmrepl.executors.policy import Policy
from llmrepl.executors.running.engine import Engine
from llmrepl.executors.tiers import TIERS
from llmrepl.executors.walls import diagnosis, landlock
from llmrepl.executors.walls.bare import require_landlock
from llmrepl.executors.walls.bubblewrap import VARIANTS, Features, locate
from llmrepl.executors.walls.ground import Ground, make_mount_points, prepare
from llmrepl.executors.walls.launch import LaunchFailed, Plan, launch
from llmrepl.executors.walls.layout import environment, survey
from llmrepl.executors.walls.overlay import Overlay, prepare_overlay
from llmrepl.executors.walls.proofs import Proof, judge, judge_copy
from llmrepl.executors.walls.seccomp import AUDIT

_PYTHON_IS_THERE = "the Python that runs the blocks is the project itself"


def plan(policy: Policy, environ: Mapping[str, str], before: Plan | None = None) -> Plan:
    """Return what a sandbox for a settled `policy` is started from; makes its directories.

    Args:
        policy: what blocks may touch.
        environ: the variables the person has.
        before: what the session's last one was started from; its directories are used again.

    Raises:
        SandboxUnavailable: this machine cannot have one.
        ConfigError: the policy names a Python that cannot be used.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(
            f"there is no sandbox for {platform.system()} yet; nothing was run",
            hint="run llmrepl on Linux, or in a Linux container or virtual machine",
        )
    if os.uname().machine not in AUDIT:
        raise SandboxUnavailable(
            f"there is no system call filter for {os.uname().machine}; nothing was run",
            hint=f"the sandbox runs on {' and '.join(AUDIT)}",
        )
    namespaces = TIERS[policy.tier].namespaces
    bwrap = locate(policy.project, environ) if namespaces else None
    if bwrap is None and namespaces:
        raise diagnosis.missing()
    if not namespaces and TIERS[policy.tier].walls:
        require_landlock(landlock.version())
    layout = survey(policy, environ)
    try:
        ground = before.ground if before is not None else prepare(policy.scratch)
    except OSError as error:
        raise SandboxUnavailable(
            f"the session's scratch directory could not be made: {error}; nothing was run",
            hint="TMPDIR names the directory it is made in",
        ) from error
    scratch = Path("/tmp") if namespaces else ground.scratch
    variables = environment(policy, layout, environ, scratch)
    project, overlay = policy.project, None
    if policy.copy_on_write and project is not None:
        if project in layout.kept:
            policy = replace(policy, copy_on_write=False, read_only_because=_PYTHON_IS_THERE)
        else:
            overlay = (before and before.overlay) or _overlay(project, ground)
    return Plan(bwrap, policy, layout, ground, variables, overlay)


def _overlay(project: Path, ground: Ground) -> Overlay:
    try:
        return prepare_overlay(project, ground.private)
    except OSError as error:
        raise SandboxUnavailable(
            f"no copy of {project} could be made: {error}; nothing was run",
            hint="--project read-only does without",
        ) from error


async def open_engine(start: Plan) -> tuple[Engine, tuple[Proof, ...], str]:
    """Return a sandbox with its Python, warm, what it proved, and which variant it is.

    The caller closes it.

    Raises:
        SandboxUnavailable: none came up.
    """
    said = ""
    for name, features in VARIANTS.items() if start.tier.namespaces else _ONE:
        try:
            return *await _attempt(start, features), name
        except LaunchFailed as failed:
            wall, _, why = str(failed).partition(": ")
            if wall not in _WALLS or why.startswith("execvp"):
                raise _no_python(start, str(failed)) from failed
            said = said or why
    if start.tier.namespaces:
        raise diagnosis.unworkable(said)
    raise SandboxUnavailable(
        f"{start.tier.title}: it could not be started: {said}; nothing was run"
    )


_ONE = (("", Features()),)
_WALLS = ("bwrap", "overlay", "monitor")
"""Whose complaints are about the sandbox itself, and not about the Python in it."""


async def open_proven(start: Plan) -> Engine:
    """Return a sandbox that kept every promise when tried.

    Raises:
        SandboxUnavailable: none came up, or it broke a promise.
    """
    engine, proofs, _variant = await open_engine(start)
    broken = [proof for proof in proofs if not proof.ok]
    if broken:
        await engine.close()
        told = "; ".join(f"{proof.name} ({proof.detail})" for proof in broken)
        raise SandboxUnavailable(
            f"the sandbox does not keep its promises on this machine: {told}; nothing was run",
            hint="`llmrepl check` shows every promise and what was seen",
        )
    return engine


async def _attempt(start: Plan, features: Features) -> tuple[Engine, tuple[Proof, ...]]:
    if start.tier.namespaces:
        make_mount_points(start.ground.scratch, start.layout, start.policy.write)
    sandbox = await launch(start, features)
    try:
        engine = Engine(start, sandbox)
    except OSError as error:
        await sandbox.close()
        raise LaunchFailed(f"it ended at once ({error})") from error
    try:
        facts = await engine.facts()
        hello = await engine.warm()
    except BaseException:
        await engine.close()
        raise
    if not facts or not hello:
        await engine.close()
        raise _no_python(start, "it ended at once")
    proofs = judge(facts, hello, start.environment, start.policy.tier, bool(start.policy.net))
    if start.overlay is not None:
        proofs = (*proofs, judge_copy(facts, start.overlay))
        engine.refresh()
    return engine, proofs


def _no_python(start: Plan, said: str) -> SandboxUnavailable:
    python = start.layout.interpreter.path
    return SandboxUnavailable(
        f"{python} does not start in the sandbox ({said}); nothing was run",
        hint="set sandbox.python to another Python, 3.8 or newer",
    )
