"""Health checks: run together, each with a time limit; a check that breaks is a failed check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from llmrepl.errors import LlmreplError
from llmrepl.events import CheckFinished
from llmrepl.ports import ChatMessage, Finish, Provider, Request, TextChunk

Check = Callable[[], Awaitable[CheckFinished]]
TIME_LIMIT = 15.0
"""Seconds a check may take."""


async def run_checks(checks: Mapping[str, Check], limit: float = TIME_LIMIT) -> list[CheckFinished]:
    """Run `checks` at the same time and return their results in the order given.

    Args:
        checks: by name.
        limit: seconds each may take.
    """
    return list(await asyncio.gather(*(_run(name, check, limit) for name, check in checks.items())))


async def _run(name: str, check: Check, limit: float) -> CheckFinished:
    try:
        return await asyncio.wait_for(check(), limit)
    except TimeoutError:
        return CheckFinished(name=name, status="failed", message=f"no answer within {limit:g} s")
    except LlmreplError as error:
        return CheckFinished(name=name, status="failed", message=error.message, fix=error.hint)
    except Exception as error:  # noqa: BLE001 - a check's own bug is that check's failure
        return CheckFinished(name=name, status="failed", message=f"the check broke: {error!r}")


async def heartbeat(provider: Provider, model: str) -> CheckFinished:
    """Ask `model` for one word and say how that went.

    Raises:
        ProviderError: it did not answer.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    request = Request(model, "Answer with one word.", (ChatMessage("user", "ping"),), max_tokens=16)
    answered = False
    async for chunk in provider.stream(request):
        answered = answered or isinstance(chunk, TextChunk)
        if isinstance(chunk, Finish):
            break
    seconds = loop.time() - began
    name = f"{provider.name}/{model}"
    if not answered:
        return CheckFinished(name="provider", status="warning", message=f"{name} answered nothing")
    return CheckFinished(
        name="provider", status="ok", message=f"{name} answered in {seconds:.2f} s"
    )
