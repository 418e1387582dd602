"""Configuration: defaults < user file < project file < `LLMREPL_*` < flags -> one frozen Config.

`settings` is the table of everything that can be set; `load` puts the layers together.
`showing` and `editing` are behind `llmrepl config`.
"""

from llmrepl.config.loading import Loaded, load
from llmrepl.config.tree import Config

__all__ = ["Config", "Loaded", "load"]
