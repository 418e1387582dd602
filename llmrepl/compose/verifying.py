"""What a session is verified with: its records, its project as a copy, and a fresh sandbox."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmrepl.audit.log import AuditLog
from llmrepl.audit.trail import Trail
from llmrepl.compose.closing import close_to_others
from llmrepl.compose.policy import limits_of, policy_of
from llmrepl.config import Config
from llmrepl.config.paths import audit_directory
from llmrepl.config.secrets import redactor_of
from llmrepl.errors import SessionError
from llmrepl.events import ToolRequested
from llmrepl.executors.macos import executor_for
from llmrepl.replaying.normalising import Place, Rule
from llmrepl.replaying.planning import Recorded, project_of, recorded_calls
from llmrepl.replaying.verifying import Report, Watch, verify
from llmrepl.runtime import redacted
from llmrepl.sessions.finding import records_of

PROJECT = ".project"
"""The directory beside recorded sessions that holds their project as it was at their beginning."""

ARTIFACTS = "/artifacts/"


async def verify_session(
    path: Path,
    config: Config,
    environ: Mapping[str, str],
    *,
    project: Path | None = None,
    rules: Sequence[Rule] = (),
    watch: Watch | None = None,
) -> Report:
    """Run the calls of a session again and compare; its project's files are not changed.

    Blocks see the project as a copy: of `project`, of the directory `.project` beside the
    session's file, or of the directory that the session was recorded in, in this order. `watch` is
    told of each call as it is done, and of how many there are.

    Raises:
        SessionError: the session cannot be read, or its directory is not there any more.
        SandboxUnavailable: nothing can run here.
    """
    reader, records = records_of(path)
    report = Report(reader.header.id, watch=watch)
    calls = recorded_calls(records)
    if not any(call.ran and not call.why_not for call in calls):
        nowhere = Place((), 0)
        return await verify(report, records, _never, then=nowhere, here=nowhere)
    with _ground(path, reader.header.cwd, calls, project) as (cwd, copied):
        close_to_others()
        policy = replace(
            policy_of(config, cwd), copy_on_write=copied, net=(), write=(), tier="auto"
        )
        executor = executor_for(policy, environ)
        redactor = redactor_of(config, environ, cwd)
        trail = Trail(AuditLog(audit_directory(environ), redactor), limits=limits_of(policy))
        artifacts = [
            Path(name.partition(ARTIFACTS)[0])
            for call in calls
            if call.finished
            for name in call.finished.artifacts
        ]
        then = Place(
            [(reader.header.cwd, "<project>"), *((str(at), "<scratch>") for at in artifacts)],
            records[0].at,
        )
        here = Place([(str(cwd), "<project>")], time.time_ns() // 1_000_000)
        try:
            await trail.start(executor)
            return await verify(
                report,
                records,
                lambda request: redacted(trail.run(executor, request), redactor),
                then=then,
                here=here,
                rules=rules,
            )
        finally:
            await executor.close()
            trail.close()


def _never(request: ToolRequested) -> Any:
    raise AssertionError(f"{request.call_id} is not one that is run again")


@contextmanager
def _ground(
    path: Path, cwd: str, calls: Sequence[Recorded], project: Path | None
) -> Iterator[tuple[Path, bool]]:
    """Give the directory that blocks start in, and whether they write a copy of it."""
    _, copied = project_of(calls)
    beside = path.parent / PROJECT
    source = project or (beside if beside.is_dir() else None)
    with ExitStack() as stack:
        if source is None:
            where = Path(cwd)
            if not where.is_dir():
                raise SessionError(
                    f"the directory {cwd} that the session was recorded in is not there",
                    hint="--project DIRECTORY names one with the same files",
                )
            yield where, copied
            return
        private = stack.enter_context(tempfile.TemporaryDirectory(prefix="llmrepl-verify-"))
        where = Path(private) / (Path(cwd).name or "project")
        shutil.copytree(source, where, symlinks=True)
        yield where, copied
