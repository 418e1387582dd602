"""A chat of thousands of turns with services that fail in every way: `python -m tests.soak`."""
