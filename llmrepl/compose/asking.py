"""What a model is asked again with: its provider, the system prompt of today, and the meter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmrepl.accounting import Meter
from llmrepl.compose.accounts import aside
from llmrepl.compose.assembly import prices_of, provider_for
from llmrepl.compose.hosting import nobody, why_not_at_all
from llmrepl.compose.policy import policy_of
from llmrepl.compose.terms import terms_of
from llmrepl.config import Config
from llmrepl.config.secrets import redactor_of
from llmrepl.context.prompt import system_prompt
from llmrepl.context.window import Sampling, Window
from llmrepl.events import PERSON, StepStarted
from llmrepl.executors.bash_syntax import check_bash
from llmrepl.executors.macos import executor_for
from llmrepl.executors.policy import rules
from llmrepl.providers.registry import split_model
from llmrepl.replaying.asking import Asked, Model, Terms, ask_again
from llmrepl.replaying.normalising import RULES, Place, normaliser
from llmrepl.sessions.finding import records_of


async def ask_session(
    path: Path,
    config: Config,
    environ: Mapping[str, str],
    *,
    model: str | None = None,
    purpose: str = "verify",
) -> list[Asked]:
    """Ask a model again at every step of a session; what it asks for is not run.

    A session does not hold the system prompt: today's is sent, for the session's directory.

    Args:
        path: the session's file.
        config: what is configured; its budget holds for this session.
        environ: the environment variables.
        model: `provider/model`; None for the one that each step asked.
        purpose: what the ledger has these calls for.

    Raises:
        SessionError: the session cannot be read.
        ConfigError: there is no such model's provider, or it may not be asked.
    """
    reader, records = records_of(path)
    cwd = _directory(reader.header.cwd)
    redactor = redactor_of(config, environ, cwd)
    meter = Meter(prices_of(config), terms=terms_of(config))
    accounts = aside(config, environ, cwd, meter, purpose)
    sampling = Sampling(config.max_tokens, config.temperature, config.seed)
    system = redactor.redact(
        system_prompt(
            directory=reader.header.cwd,
            rules=rules(executor_for(policy_of(config, cwd), environ).settings),
            extra=config.system.read_text() if config.system else "",
        )
    )
    opened: dict[str, Model] = {}

    def model_of(event: StepStarted) -> Model:
        wanted = model or f"{event.provider}/{event.model}"
        if wanted not in opened:
            provider, name = split_model(wanted)
            window = Window(name, system, meter, sampling)
            opened[wanted] = Model(wanted, provider_for(config, provider, environ), window)
        return opened[wanted]

    place = Place([(reader.header.cwd, "<project>")], records[0].at if records else 0)
    terms = Terms(
        meter,
        {"bash": check_bash},
        redactor,
        normaliser(place, RULES),
        config.limits.budget,
        accounts.call,
    )
    try:
        for record in records:
            if isinstance(record.event, StepStarted) and record.event.provider != PERSON:
                found = model_of(record.event)
                name = split_model(found.name)[1]
                if why := await why_not_at_all(config, found.provider, name):
                    raise nobody(config, {found.name: why})
        return [asked async for asked in ask_again(redactor.scrub(records), model_of, terms)]
    finally:
        for found in opened.values():
            await found.provider.close()


def _directory(recorded: str) -> Path:
    """Return the directory of a session, or another where it is not there any more."""
    there = Path(recorded)
    return there if there.is_dir() else Path.cwd()
