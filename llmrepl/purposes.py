"""What models are chosen for, and by which rules: names alone, which a configuration is made of."""

from __future__ import annotations

Chain = tuple[tuple[str, ...], ...]
"""Models as provider/model, the one to ask first first. Those of an inner tuple are equals.

A rule of `RULES` alone in an inner tuple stands for all models that may be chosen.
"""

PURPOSES = ("main", "fast", "vision", "compact")
"""What there can be a chain for."""

RULES = ("auto:cheapest", "auto:fastest", "auto:local-first")
"""The rules that choose among models."""
