"""llmrepl: an interactive terminal REPL in which a language model and local tools work together."""

__version__ = "0.1.0"
