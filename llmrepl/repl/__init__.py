"""The line REPL on prompt-toolkit: keeps the terminal's own scrollback."""
