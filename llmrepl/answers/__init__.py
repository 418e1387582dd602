"""Answers that have to be JSON of a schema."""
