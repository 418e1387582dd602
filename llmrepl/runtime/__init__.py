"""Drive the loop: perform each action, stamp and store the events it produced, pass them on.

The runtime is the only mutable object around the pure core. It decides nothing: `decide` does.
"""

from llmrepl.runtime.calls import redacted
from llmrepl.runtime.driver import Runtime
from llmrepl.runtime.journal import Edges, fold

__all__ = ["Edges", "Runtime", "fold", "redacted"]
