"""Starts what the first block would wait for, while the person types."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from llmrepl.accounting import UsageError
from llmrepl.compose import Assembly
from llmrepl.conversing.welcome import failed
from llmrepl.errors import LlmreplError


async def warm(assembly: Assembly) -> None:
    """Start the meter, the sandbox and the approvals; what fails is told when it is needed."""
    assembly.counting.begin()
    assembly.meter.warm(prices=not assembly.edges.provider.local)
    try:
        await assembly.start_sandbox()
    except LlmreplError as error:
        assembly.sandbox_missing = True
        failed(assembly, "sandbox", error)
    await asyncio.to_thread(assembly.gate.warm)
    with suppress(UsageError):  # the first call tells
        await assembly.accounts.look()
