"""Runs checks at the same time, each with a time limit; a check that breaks is a failed check."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from llmrepl.checks import Check, Finding, Site
from llmrepl.errors import LlmreplError

T = TypeVar("T")

TIME_LIMIT = 15.0
"""Seconds that anything a check waits for may take."""

GRACE = 2.0
"""Seconds more that a check has to say which of the things it waited for took too long."""


class Outcome(NamedTuple):
    """What the check called `name` found, in so many milliseconds."""

    name: str
    finding: Finding
    ms: float = 0.0


async def run_checks(
    checks: Mapping[str, Check],
    site: Site,
    done: Callable[[str], object] = lambda _: None,
) -> list[Outcome]:
    """Run `checks` at the same time and return what they found in the order given.

    Args:
        checks: by name.
        site: where they look; its limit holds for each.
        done: is told the name of each that has ended.
    """

    async def one(name: str, check: Check) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        findings = await _findings(check, site)
        done(name)
        ms = round((loop.time() - began) * 1000, 1)
        return [Outcome(name, finding, ms) for finding in findings]

    found = await asyncio.gather(*(one(name, check) for name, check in checks.items()))
    return [outcome for outcomes in found for outcome in outcomes]


async def _findings(check: Check, site: Site) -> Sequence[Finding]:
    try:
        found = await asyncio.wait_for(check(site), site.limit + GRACE)
        return list(found)
    except TimeoutError:
        message = f"no answer within {site.limit:g} s"
        fix = "`llmrepl check --timeout SECONDS` waits longer"
    except LlmreplError as error:
        message, fix = error.message, error.hint
    except Exception as error:  # noqa: BLE001 - a check's own bug is that check's failure
        message = f"the check broke: {error!r}"
        fix = "report it to whoever wrote the check"
    return [Finding(status="failed", message=message, fix=fix)]


async def apart(work: Callable[[], T]) -> T:
    """Return what `work` gives, in a thread of its own: neither a check nor the exit waits for it.

    The threads of the loop's pool are few, and are waited for at the end of the program.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return  # nobody waits for it any more
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # without an error it is a T

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            problem = error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=run, name="check", daemon=True).start()
    return await future
