"""Reads Python by its syntax tree."""
