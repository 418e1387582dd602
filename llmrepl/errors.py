"""Every exception llmrepl raises on purpose, in one tree.

LlmreplError
├── ProtocolError          an event arrived that the conversation state does not allow
├── ProviderError          the model's service failed in the middle of its work
│   ├── ProviderUnreachable    nobody answers at the address
│   ├── ProviderBusy           rate limit or overload: try again later
│   └── ProviderRefused        wrong key, unknown model, bad request: trying again will not help
│       ├── ToolsRefused           the model takes no tools: helper blocks will help
│       └── SchemaRefused          it does not hold its answer to a schema in this way
├── ExecutorError          the sandbox itself failed (not: the code in it failed)
│   └── SandboxUnavailable     no working sandbox on this machine: nothing may run
├── SessionError           a session could not be found, read, written or migrated
│   └── SessionLocked          another process is writing this session
├── BudgetExceeded         a call would cost more than is left of a budget
├── ConfigError            the configuration holds something that is not accepted
└── PluginError            a plugin could not be found, loaded or validated
"""

from __future__ import annotations


class LlmreplError(Exception):
    """Base class: catch this to catch everything llmrepl raises on purpose.

    Args:
        message: one line: what happened, to what.
        hint: one line: what would be accepted, or the command that mends it; may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        """The class's name: what `error.raised` events and exit codes go by."""
        return type(self).__name__


class ProtocolError(LlmreplError):
    """An event arrived that the current conversation state does not allow."""


class ProviderError(LlmreplError):
    """The model's service failed in the middle of its work."""


class ProviderUnreachable(ProviderError):
    """Nobody answers at the provider's address."""


class ProviderBusy(ProviderError):
    """The provider asks to come back later.

    Args:
        message: what happened.
        hint: what to do.
        retry_after: seconds the provider asked to wait, where it said so.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ProviderRefused(ProviderError):
    """The provider will not do this: wrong key, unknown model or a bad request."""


class ToolsRefused(ProviderRefused):
    """The model takes no tools by its service's own means."""


class SchemaRefused(ProviderRefused):
    """The service does not hold the model's answer to a schema in the way it was asked to."""


class ExecutorError(LlmreplError):
    """The sandbox itself failed."""


class SandboxUnavailable(ExecutorError):
    """There is no working sandbox on this machine, so nothing may run."""


class SessionError(LlmreplError):
    """A session could not be found, read, written or migrated."""


class SessionLocked(SessionError):
    """Another process is writing this session."""


class BudgetExceeded(LlmreplError):
    """A call would cost more than is left of a budget, so it is not made."""


class ConfigError(LlmreplError):
    """The configuration holds something that is not accepted."""


class PluginError(LlmreplError):
    """A plugin could not be found, loaded or validated."""
