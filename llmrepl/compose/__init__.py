"""From a configuration to something that runs: the one place where every part is chosen."""

from llmrepl.compose.assembly import Assembly, assemble

__all__ = ["Assembly", "assemble"]
