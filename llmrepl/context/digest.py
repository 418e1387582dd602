"""How a model is asked for the summary that stands for what a conversation can no longer hold."""

from __future__ import annotations

INSTRUCTION = """\
llmrepl asks you this, not the person. The conversation is about to be shortened: everything above \
gives way to what you write now, and you will go on from that alone. Write a summary of it, in \
plain text, without any helper block and without an answer to anything:
1. What the person wants, in their own words where they matter, and what they ruled out.
2. What was found out and decided: names, paths, numbers and commands exactly as they are.
3. What was done: files that were made or changed, what Python's variables hold, what failed.
4. What is still open, and what you were about to do next.
Keep a summary that stands above in it. Be brief: at most 500 words."""


def instruction(focus: str = "", left_out: int = 0) -> str:
    """Return what the model is asked.

    Args:
        focus: what the person wants kept in mind.
        left_out: how many messages at the beginning it is not shown.
    """
    text = INSTRUCTION
    if left_out:
        text += f"\nThe first {left_out} messages are missing above: there was no room for them."
    if focus.strip():
        text += f"\nThe person wants this kept in mind above all: {focus.strip()}"
    return text
