"""Slash commands: a table of them, and a module for each topic."""
