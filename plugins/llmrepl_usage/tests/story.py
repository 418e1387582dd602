"""Standings, steps and fillings of a session, and how they look at three widths.

`python -m llmrepl_usage.tests.story` writes the screens anew.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from llmrepl.conversation import Spend
from llmrepl.standing import Budgeted, Filling, Standing, StepUsage, spend_of
from llmrepl.usage import Cost, Usage
from llmrepl_usage.filling import context
from llmrepl_usage.line import status
from llmrepl_usage.steps import usage

WIDTHS = (40, 80, 120)
SCREENS = Path(__file__).parent / "screens"

MODEL = "groq/llama-3.3-70b-versatile"


def cost(amount, *, estimated=False):
    return Cost(Decimal(amount), estimated=estimated)


STEPS = [
    StepUsage(1, 1, MODEL, Usage(1120, 84), cost("0.0004"), 210.0, 1340.0),
    StepUsage(1, 2, MODEL, Usage(1410, 160, 1024), cost("0.0005"), 180.0, 2300.0),
    StepUsage(2, 1, "demo/assistant", Usage(900, 12, estimated=True), cost("0"), 4.0, 60.0),
    StepUsage(3, 1, MODEL, Usage(9800, 2100, 1024, 512), cost("0.0102"), 950.0, 41_200.0),
    StepUsage(3, 2, "openai/日本語", Usage(12_100, 40), None, None, 800.0),
]
STANDING = Standing(
    mode="ask",
    model=MODEL,
    sandbox="full sandbox +net",
    policy="writes a copy of /home/ann/tea, and /tmp; reaches example.org",
    cwd="~/tea",
    context=4200,
    room=10_000,
    session=spend_of(STEPS[:2]),
    budget=Decimal("1.50"),
)
STANDINGS = {
    "usual": STANDING,
    "with budgets": replace(
        STANDING,
        budgets=(
            Budgeted("day", Decimal("0.31"), Decimal(5)),
            Budgeted("month", Decimal("48.20"), Decimal(60), stops=False),
        ),
    ),
    "new": replace(STANDING, context=None, session=Spend(), budget=None),
    "of unknown size": replace(STANDING, room=None),
    "60 %": replace(STANDING, context=6000),
    "80 %": replace(STANDING, context=8123),
    "95 %": replace(STANDING, context=9999),
    "over": replace(STANDING, context=12_345, session=spend_of(STEPS)),
    "no sandbox": replace(
        STANDING, sandbox="NO SANDBOX", policy="/check says why", alarm="missing"
    ),
    "unsandboxed": replace(
        STANDING, sandbox="NO SANDBOX", policy="blocks can do whatever you can", alarm="off"
    ),
    "demo": replace(
        STANDING,
        model="demo/assistant",
        remark="not a language model; /help connects one",
        sandbox="full sandbox",
        budget=None,
    ),
    "wide": replace(STANDING, cwd="~/プロジェクト/日本語", model="openai/日本語のモデル"),
}
FILLING = Filling(
    MODEL,
    {
        "system prompt": 1103,
        "summary": 0,
        "your prompts": 214,
        "answers": 870,
        "helper blocks": 301,
        "tool results": 1712,
        "images": 765,
    },
    10_000,
)
FILLINGS = {
    "usual": FILLING,
    "of unknown size": replace(FILLING, room=None),
    "too full": replace(FILLING, room=4096),
}


def plain(line):
    return "".join(text for _, text in line)


def screen(width):
    """Return every view at a width, each line of it."""
    rows = []
    for name, standing in STANDINGS.items():
        rows += [f"# status line, {name}", plain(status(standing, width))]
    rows += ["# usage", *map(plain, usage(STEPS, width))]
    rows += ["# usage of nothing", *map(plain, usage([], width))]
    for name, filling in FILLINGS.items():
        rows += [f"# context, {name}", *map(plain, context(filling, width))]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    for columns in WIDTHS:
        (SCREENS / f"{columns}.txt").write_text(screen(columns))
