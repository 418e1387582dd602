"""Reads bash by its syntax tree."""
