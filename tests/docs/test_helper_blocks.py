"""The examples of docs/reference/helper-blocks.md, given to the parser."""

import json
import re

import pytest

from llmrepl.context.render import chat_message
from llmrepl.conversation import Message
from llmrepl.executors.bash_syntax import check_bash
from llmrepl.parser import Block, BlockParser, Ignored
from llmrepl.parts import Output, ToolResult
from tests.docs.console import ROOT

TEXT = (ROOT / "docs/reference/helper-blocks.md").read_text()
EXAMPLES = re.findall(
    r"^````text\n(.*?)^````\n\n```json\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE
)


def read(message):
    """What the parser says of a message, without what has its default value."""
    parser = BlockParser({"bash": check_bash})
    items = [*parser.feed(message), *parser.close()]
    calls = [call for item in items if isinstance(item, Block) for call in item.calls]
    found = {
        "calls": [
            {
                "language": call.language,
                **({"name": call.name} if call.name != call.language else {}),
                "arguments": dict(call.arguments),
                **({"ambiguous": True} if call.ambiguous else {}),
                **({"problem": call.problem} if call.problem else {}),
            }
            for call in calls
        ],
        "ignored": [item.reason for item in items if isinstance(item, Ignored)],
    }
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize(("message", "wanted"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_parser_makes_of_an_example_what_the_page_says(message, wanted):
    assert read(message) == json.loads(wanted)


def test_every_message_on_the_page_is_tried():
    assert TEXT.count("````text") == len(EXAMPLES) + 1  # the results are no model's message


def test_results_are_rendered_as_on_the_page():
    output = Output("stdout", "42\n")
    result = ToolResult("1.1.1", "python", "ok", (output,), exit_code=0, ms=2.0)
    assert f"````text\n{chat_message(Message('tool', (result,))).text}\n````" in TEXT
