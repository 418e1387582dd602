"""One runtime with everything it reaches the world through, made from a configuration."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llmrepl.accounting import Calls, Meter
from llmrepl.accounting.speeds import speeds
from llmrepl.audit.log import AuditLog
from llmrepl.audit.trail import Audited, Trail
from llmrepl.compose.accounts import Books
from llmrepl.compose.approval import Gate, Person
from llmrepl.compose.closing import close_to_others
from llmrepl.compose.context_size import ContextSize
from llmrepl.compose.counting import Counting
from llmrepl.compose.front import Front, Printing
from llmrepl.compose.hosting import allowed, chosen_model, first_of
from llmrepl.compose.opening import Opened, Wanted, open_session
from llmrepl.compose.policy import limits_of, policy_of
from llmrepl.compose.readiness import Readiness
from llmrepl.compose.routes import Routes
from llmrepl.compose.terms import terms_of
from llmrepl.compose.ways import Calling
from llmrepl.compose.widened import places_of, widened_by
from llmrepl.config import Config
from llmrepl.config.paths import audit_directory, search_index, usage_database
from llmrepl.config.secrets import redactor_of
from llmrepl.config.vault import key_of
from llmrepl.context.prompt import system_prompt
from llmrepl.context.tools import TOOLS
from llmrepl.context.window import Sampling, Window
from llmrepl.conversation import Phase
from llmrepl.displays.views import Views
from llmrepl.events import ConfigChanged
from llmrepl.executors.bash_syntax import check_bash
from llmrepl.executors.macos import executor_for
from llmrepl.executors.policy import rules
from llmrepl.loop import Limits
from llmrepl.ports import Display, Provider, Store
from llmrepl.providers.registry import open_provider, split_model
from llmrepl.purposes import Chain
from llmrepl.record import Record
from llmrepl.runtime import Edges, Runtime, fold
from llmrepl.sessions.listing import Summary, sessions
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.sessions.unsaved import Unsaved
from llmrepl.standing import Steps

if TYPE_CHECKING:
    from llmrepl.sessions.search.index import Hit


class SystemClock:
    """The machine's own time (`llmrepl.ports.Clock`)."""

    def now(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.perf_counter()


class Look(Protocol):
    """What the terminal looks like that an assembly is shown on; see `llmrepl.ports.Surface`."""

    theme: str


@dataclass
class Plain:
    """The look of an assembly that nobody sees."""

    theme: str = "none"


class Assembly:
    """A runtime and what it was made from.

    Args:
        config: what is configured.
        chain: whom to talk to, the first first.
        person: how to ask a person; None where there is nobody.
        opened: the session to write; None for one that is not saved.
        environ: the environment variables.
        cwd: the working directory.

    Attributes:
        on_session: is called when the chat has gone on to another session.
    """

    on_session: Callable[[], None] | None = None

    def __init__(
        self,
        config: Config,
        chain: Chain,
        *,
        person: Person | None,
        opened: Opened | None,
        environ: Mapping[str, str],
        cwd: Path,
    ) -> None:
        self.config = config
        opening = partial(provider_for, config, environ=environ)
        self.model = model = first_of(chain, config, opening)
        self.cwd = cwd
        self._environ = environ
        close_to_others()
        self.redactor = opened.redactor if opened else redactor_of(config, environ, cwd)
        self.opened = opened
        self.unsaved = Unsaved()
        self.sandbox_missing = False
        self.display: Display | None = None
        self.words = False  # whether a screen reader reads what is shown
        self.look: Look = Plain()
        self.warming: asyncio.Future[None] | None = None
        self.looking: asyncio.Future[None] | None = None
        self.meter = Meter(
            prices_of(config), calls=Calls(usage_database(environ)), terms=terms_of(config)
        )
        self.executor = executor_for(policy_of(config, cwd), environ)
        self.trail = Trail(
            AuditLog(audit_directory(environ), self.redactor),
            lambda: self.session_id,
            opened.state.calls if opened else (),
            limits_of(self.executor.settings),
        )
        provider, name = split_model(model)
        blocks, native = self.prompts()
        self.window = Window(
            name,
            blocks,
            self.meter,
            Sampling(config.max_tokens, config.temperature, config.seed),
            tools=TOOLS,
            native_system=native,
        )
        self.gate = Gate(config.approval, person, widened_by(config), places_of(environ, cwd))
        self.edges = Edges(
            provider=opening(provider),
            executor=self.executor,
            approver=self.gate,
            context=self.window,
            meter=self.meter,
            store=self._store(),
            clock=SystemClock(),
            redactor=self.redactor,
        )
        self.steps = opened.steps if opened else Steps()
        self.routes = Routes(
            config,
            chain,
            lambda: self.edges.provider,
            opening,
            self.meter.prices,
            partial(speeds, usage_database(environ), self.edges.clock.now()),
        )
        self.edges.router = self.routes
        self.edges.ways = ways = Calling(config)
        self.readiness = Readiness(self.edges, self.window, ways)
        self.books = Books(
            config,
            environ,
            cwd,
            session=lambda: self.session_id,
            limit=lambda: self.runtime.limits.budget,
        )
        self.accounts = self.books.open(self.meter, self.edges.clock, lambda: self.edges.provider)
        self.books.enter(self.accounts, opened, ())
        self.edges.accounts = self.accounts
        limits = config.limits
        self.runtime = Runtime(
            self.edges,
            Limits(
                max_steps=limits.max_steps,
                turn_seconds=limits.turn_seconds,
                budget=None if "session" in config.budgets.warn else limits.budget,
            ),
            state=opened.state if opened else None,
            seq=opened.log.seq if opened else 0,
            checks={"bash": check_bash},
            makes_room=config.context.compact,
        )
        self.runtime.subscribe(self.steps)
        self.runtime.subscribe(self.accounts)
        self.context_size = ContextSize(
            lambda name: config.provider(name).options,
            self.edges,
            self.window,
            self.meter.prices,
            config.context.window,
        )
        self.window.takes = lambda: self.context_size.tokens
        self.meter.asked = lambda: (self.edges.provider.name, self.window.model)
        self.views = Views()

    @cached_property
    def front(self) -> Front:
        """What the person sees and uses."""
        return Printing(lambda: self.look.theme, self.config.ui.display)

    @cached_property
    def counting(self) -> Counting:
        """Counts the context where that takes long."""
        return Counting(self.meter.tokens, self.window, lambda: self.runtime.state)

    @property
    def session_id(self) -> str:
        """The session's id; empty where it is not saved."""
        return self.opened.log.id if self.opened else ""

    @property
    def unfinished(self) -> bool:
        """Whether the session's last turn was broken off."""
        return self.runtime.state.phase is not Phase.IDLE

    def _store(self) -> Store:
        return Audited(self.opened.log if self.opened else self.unsaved, self.trail)

    def use_session(self, opened: Opened | None, records: Sequence[Record] = ()) -> None:
        """Go on in another session, between two turns; the one before is closed.

        The sandbox stays as it is.

        Args:
            opened: the session; None for one that is not saved.
            records: what a session that is not saved has had so far.
        """
        before = self.opened
        if before is not None:
            before.log.close()
        self.opened = opened
        self.unsaved = Unsaved(records)
        if opened and before:
            opened.log.on_line = before.log.on_line
        self.edges.store = self._store()
        if opened:
            self.runtime.rewind(opened.state, opened.log.seq)
        else:
            self.runtime.rewind(fold(records), len(records))
        self.trail.adopt(self.runtime.state.calls)
        self.steps.adopt(opened.steps if opened else Steps(records))
        self.books.enter(self.accounts, opened, records)
        self.counting.again()
        if self.on_session is not None:
            self.on_session()

    async def start_sandbox(self) -> None:
        """Start the sandbox, so that the first block does not wait.

        Raises:
            SandboxUnavailable: nothing can run here; the audit log has it too.
        """
        await self.trail.start(self.executor)

    def prompts(self) -> tuple[str, str]:
        """Return the system prompts for what code may do now: for helper blocks, and for tools."""
        config = self.config
        extra = config.system.read_text() if config.system else ""
        policy = rules(self.executor.settings)
        blocks, native = (
            self.redactor.redact(
                system_prompt(directory=str(self.cwd), rules=policy, extra=extra, native=native)
            )
            for native in (False, True)
        )
        return blocks, native

    async def use_model(self, model: str) -> None:
        """Go on with another model: `provider/model`, or a rule or a purpose that chooses one.

        Raises:
            ConfigError: it does not name a model of a provider there is, or none that may be asked.
        """
        chain = self.config.named(model)
        first = first_of(chain, self.config, self.routes.provider)
        await self.use_provider(self.provider_of(first), first)
        self.routes.main = chain
        self.runtime.record(ConfigChanged(key="model", value=first))

    async def use_provider(self, provider: Provider, model: str) -> None:
        """Go on with a model of `provider`; no record says so before it is asked."""
        await self.edges.provider.close()
        self.edges.provider = provider
        self.window.model = split_model(model)[1]
        self.model = model
        self.routes.main = ((model,),)
        self.readiness.again()

    def provider_of(self, model: str) -> Provider:
        """Return the provider of a model, newly opened; raises as `use_model`."""
        name, own = split_model(model)
        return allowed(self.config, provider_for(self.config, name, self._environ), own)

    def list_sessions(self, limit: int) -> Iterator[Summary]:
        """Return summaries of the newest sessions."""
        return islice(sessions(self.config.sessions.directory), limit)

    def search_sessions(self, words: str, limit: int) -> tuple[list[Hit], int]:
        """Return the newest records of all sessions that hold these words; may take a while.

        Sealed sessions are not looked into: their number is returned as well.

        Raises:
            SessionError: there is nothing to search for, or the index cannot be used.
        """
        from llmrepl.sessions.search.index import SearchIndex

        directory = self.config.sessions.directory
        with SearchIndex(directory, search_index(self._environ, directory)) as index:
            index.update()
            return index.search(words, limit), len(index.sealed())

    async def close(self) -> None:
        """End the sandbox, give back connections, close the session."""
        if self.looking is not None:
            self.looking.cancel()
            await asyncio.wait([self.looking])
        if self.warming is not None:
            await self.warming
        await self.counting.close()
        await self.readiness.close()
        await self.context_size.close()
        self.gate.close()
        await self.executor.close()
        await self.edges.provider.close()
        await self.routes.close()
        await asyncio.to_thread(self.meter.estimates.close)
        await asyncio.to_thread(self.accounts.close)
        self.trail.close()
        if self.opened:
            self.opened.log.close()


def prices_of(config: Config) -> dict[str, dict[str, object]]:
    """Return the person's own prices as the meter takes them: without the parts that have none."""
    parts = ("input", "output", "cache_read", "cache_write")
    return {
        model: {part: found for part in parts if (found := getattr(price, part)) is not None}
        for model, price in config.prices.items()
    }


def provider_for(config: Config, name: str, environ: Mapping[str, str]) -> Provider:
    """Open the provider called `name` with what is configured for it.

    Raises:
        ConfigError: there is no such provider, no such setting of it, or no key where it should be.
        PluginError: the plugin behind it could not be loaded.
    """
    settings = config.provider(name)
    key = key_of(config, name, environ) if settings.has_key else None  # else its SDK looks for one
    return open_provider(
        name,
        {
            "base_url": settings.base_url,
            "api_key": str(key.value) if key else None,
            "timeout": settings.timeout,
            "options": dict(settings.options) or None,
        },
    )


async def assemble(
    config: Config,
    *,
    wanted: Wanted | None = None,
    person: Person | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Assembly:
    """Open the session, choose the model and put everything together.

    A session goes on with its own model where none is configured.

    Args:
        config: what is configured.
        wanted: which session; None for a new one.
        person: how to ask a person; None where there is nobody.
        environ: the environment variables; None for the process's own.
        cwd: the working directory; None for the process's own.

    Raises:
        LlmreplError: something does not fit; nothing is left open then.
    """
    environ = os.environ if environ is None else environ
    cwd = cwd or Path.cwd()
    wanted = wanted or Wanted()
    KEYS.use(config.sessions.encrypt, config.sessions.identity)
    opened = None
    if config.sessions.save or not wanted.new:
        redactor = redactor_of(config, environ, cwd)
        given = config.sessions.directory, wanted, str(cwd), redactor
        # A long session takes a while to read, and somebody may be looking at it meanwhile.
        opened = (
            open_session(*given) if wanted.new else await asyncio.to_thread(open_session, *given)
        )
    try:
        chain = config.chain
        if chain is None:
            chain = (((opened and opened.model) or await chosen_model(config, environ),),)
        # In a thread: a keyring takes a while, and may ask the person to unlock it.
        await asyncio.to_thread(redactor_of, config, environ, cwd)
        return Assembly(config, chain, person=person, opened=opened, environ=environ, cwd=cwd)
    except BaseException:
        if opened:
            opened.log.close()
        raise
