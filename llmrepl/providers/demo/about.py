"""What the assistant says of itself: greetings, help, and the answer when it does not understand.

It never lets itself be taken for a language model.
"""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.skill import Steps, skill

NOT_A_MODEL = "I am not a language model: I follow a short list of rules, offline."

CONNECT = (
    "To talk to a language model, set `export GROQ_API_KEY=…`, or have Ollama running,"
    " and start `llmrepl` again; or name one: `llmrepl --model provider/model`."
)

LIMITS = (
    f"{NOT_A_MODEL} I can compute, look at files, dates and this machine, plot numbers and run code"
    f" you paste; `help` has examples. {CONNECT}"
)

NOT_UNDERSTOOD = f"I did not understand that. {LIMITS}"


def says(text: str) -> Steps:
    """Return steps that have this answer and need no block."""
    yield from ()
    return text


def greet(_: re.Match[str], __: Turn) -> Steps:
    """Greet."""
    return says(
        f"Hello! {NOT_A_MODEL} Still, I can compute, look at files and dates, plot numbers and run"
        f" code in the sandbox: try `what files are here?`, or `help`. {CONNECT}"
    )


def introduce(_: re.Match[str], __: Turn) -> Steps:
    """Say what this is."""
    return says(
        "I am `demo/assistant`, which llmrepl falls back to when no language model is connected."
        f" {NOT_A_MODEL} What I answer comes from code I run in the sandbox. {CONNECT}"
    )


def connect(_: re.Match[str], __: Turn) -> Steps:
    """Say how to connect a model."""
    return says(
        f"{NOT_A_MODEL} To talk to one, do one of these:\n\n"
        "- `export GROQ_API_KEY=…` and start `llmrepl` again;\n"
        "- have Ollama running (`ollama serve`, `ollama pull llama3.2`) and start it again;\n"
        "- name one: `llmrepl --model provider/model`, such as `groq/llama-3.3-70b-versatile`.\n\n"
        "In the chat, `/model` changes it and `/models` lists what is there."
    )


def thank(_: re.Match[str], __: Turn) -> Steps:
    """Answer thanks and farewells."""
    return says("You are welcome. `/quit` or Ctrl-D ends the session; it is saved.")


SKILLS = (
    skill(
        r"""\A (?:hi|hello|hey|hallo|hola|bonjour|greetings
              |good\s+(?:morning|day|afternoon|evening))
            \b [\s,!]* (?:there|again|everybody|llmrepl|assistant)? \Z
            | \A (?:how\s+are\s+you|what'?s\s+up|how(?:'s|\s+is)\s+it\s+going) \b .{0,20} \Z""",
        greet,
    ),
    skill(
        r"""\A (?: who | what ) \s+ (?:are|r) \s+ (?:you|u) \b | \b your \s+ name \b
            | \b are \s+ you \s+ (?:an?\s+|the\s+|really\s+)*
              (?:ai|llm|bot|model|language|gpt|chatgpt|claude|human|robot|real)
            | \A (?:which|what) \s+ (?:language \s+)? model \b""",
        introduce,
    ),
    skill(
        r"""\b (?:connect|use|add|switch \s+ to|set \s+ up|configure|install|talk \s+ to) \b
            .{0,40} \b (?:model|llm|groq|ollama|openai|gpt|claude) \b""",
        connect,
    ),
    skill(
        r"\A (?:thanks|thank\s+you|thx|cheers|bye|goodbye|good\s+night|see\s+you) \b .{0,30} \Z",
        thank,
    ),
)
