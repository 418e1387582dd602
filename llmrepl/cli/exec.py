"""`llmrepl exec`: run one block in the sandbox, without a model."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import DONE, ERROR, INTERRUPTED, LIMIT
from llmrepl.cli.options import load_config, redactor_for, sandbox_option
from llmrepl.cli.weaker import require_walls

if TYPE_CHECKING:
    from llmrepl.config import Loaded
    from llmrepl.events import NetworkRequested, ToolFinished
    from llmrepl.executors import Policy

BY_STATUS = {"ok": DONE, "timeout": LIMIT, "limit": LIMIT, "cancelled": INTERRUPTED}


@click.command("exec")
@click.option("--lang", type=click.Choice(["python", "bash"]), default="python", show_default=True)
@click.option("--timeout", type=float, metavar="S", help="Seconds the block may run.")
@click.option("--write", metavar="PATH", multiple=True, help="Folders that the block may write.")
@click.option("--net", metavar="HOST[:PORT]", multiple=True, help="Hosts that the block may reach.")
@sandbox_option
@click.option("--json", "as_json", is_flag=True, help="Print one object with everything.")
@click.argument("file", type=click.File("rb"), default="-")
def command(lang: str, timeout: float | None, as_json: bool, file: Any, **options: Any) -> int:
    """Run one block in the sandbox, as a model's block would run.

    FILE holds the code; `-` or nothing reads it from standard input.
    """
    try:
        code = file.read().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the code in {file.name} is not UTF-8 text: {error}") from None
    arguments: dict[str, Any] = {"code": code}
    if timeout is not None:
        arguments["timeout"] = timeout
    renamed = {f"sandbox__{name}": options.pop(name) for name in ("net", "write")}
    loaded = load_config({**renamed, **options})
    require_walls(loaded.config)
    return asyncio.run(_exec(loaded, lang, arguments, as_json))


async def _exec(loaded: Loaded, language: str, arguments: dict[str, Any], as_json: bool) -> int:
    import os
    import signal
    from pathlib import Path

    from llmrepl.audit.log import AuditLog
    from llmrepl.audit.trail import Trail
    from llmrepl.compose.closing import close_to_others
    from llmrepl.compose.policy import limits_of, policy_of
    from llmrepl.config.paths import audit_directory
    from llmrepl.events import NetworkRequested, ToolFinished, ToolRequested
    from llmrepl.executors.macos import executor_for
    from llmrepl.runtime import redacted

    close_to_others()
    request = ToolRequested(call_id="exec", name=language, language=language, arguments=arguments)
    executor = executor_for(policy_of(loaded.config, Path.cwd()), os.environ)
    redactor = redactor_for(loaded)
    log = AuditLog(audit_directory(os.environ), redactor)
    trail = Trail(log, limits=limits_of(executor.settings))
    loop = asyncio.get_running_loop()
    requests: list[NetworkRequested] = []
    try:
        await trail.start(executor)
        if trail.repaired:
            click.echo(f"llmrepl: note: audit log: {trail.repaired}", err=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: loop.create_task(executor.interrupt()))
        async for event in redacted(trail.run(executor, request), redactor):
            if isinstance(event, ToolFinished):
                return _report(event, requests, as_json, executor.settings)
            if isinstance(event, NetworkRequested):
                requests.append(event)
            elif not as_json:
                click.echo(event.text, nl=False, err=event.stream == "stderr")
    finally:
        await executor.close()
        trail.close()
    return ERROR


def _report(
    event: ToolFinished, requests: list[NetworkRequested], as_json: bool, policy: Policy
) -> int:
    from llmrepl.executors.policy import summary
    from llmrepl.parts import Output

    streams = {part.stream: part.text for part in event.parts if isinstance(part, Output)}
    if as_json:
        result: dict[str, Any] = {
            "status": event.status,
            "exit_code": event.exit_code,
            "stdout": streams.get("stdout", ""),
            "stderr": streams.get("stderr", "") + streams.get("error", ""),
            "value": streams.get("value"),
            "diff": streams.get("diff", ""),
            "ms": event.ms,
            "limits": event.reason,
            "sandbox": summary(policy),
        }
        if requests:
            result["network"] = [_plain(request) for request in requests]
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        if "value" in streams:
            click.echo(streams["value"])
        if "error" in streams:
            click.echo(streams["error"], err=True)
        if "diff" in streams:
            real = f" for real in {', '.join(map(str, policy.write))}" if policy.write else ""
            copy = " in a copy of the project that ends here" if policy.copy_on_write else ""
            click.echo(f"llmrepl: changed{' and'.join(filter(None, (real, copy)))}:", err=True)
            click.echo(streams["diff"], nl=False, err=True)
        if event.reason:
            click.echo(f"llmrepl: {event.status}: {event.reason}", err=True)
    sys.stdout.flush()
    return BY_STATUS.get(event.status, ERROR)


def _plain(request: NetworkRequested) -> dict[str, Any]:
    """Return a request as an object, without what is the same for all."""
    from llmrepl.events import encode

    data = encode(request)
    return {name: data[name] for name in data if name not in ("type", "call_id")}
