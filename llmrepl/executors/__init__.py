"""Where helper blocks run: `SandboxExecutor` confines them as its `Policy` says, or refuses."""

from llmrepl.executors.policy import Limits, Policy, rules
from llmrepl.executors.sandbox import SandboxExecutor

__all__ = ["Limits", "Policy", "SandboxExecutor", "rules"]
