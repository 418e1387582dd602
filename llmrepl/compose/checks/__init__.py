"""Our own checks, each an entry point of `llmrepl.checks` as those of plugins are."""

from llmrepl.compose.checks.site import AT_START, ORDER, Installation, installation, site_in_chat

__all__ = ["AT_START", "ORDER", "Installation", "installation", "site_in_chat"]
