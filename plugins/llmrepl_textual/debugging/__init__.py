"""A turn step by step: where it pauses, what is told of it then, and what a person can do."""
