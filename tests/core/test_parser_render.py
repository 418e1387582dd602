"""A call written as a block is read back as the same call."""

import json

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from llmrepl.parser import OPTIONS, ParsedCall, check_python, render_call
from llmrepl.parser.checks import MOST_READINGS
from llmrepl.parts import ToolCall
from tests.core.parsing import BASH, bash_check, call, calls

TEXT = st.lists(
    st.sampled_from(
        [
            *("x", "~~~x", "~~~", "~~~~~", "```", "```python", "    ```", "(", "", " ", "> x"),
            *("<helpers>", "</helpers>", "  </helpers> ", "<think>", "# ` é \u2028 \t", "a\rb"),
        ]
    ),
    max_size=6,
).map("\n".join)
PYTHON = st.lists(
    st.one_of(
        st.sampled_from(["~~~1", "~~~(1)", "-1", "# ```", "", "  ", "x = 1", "await x", "\x0c"]),
        TEXT.map("'''\n{}\n'''".format),
        TEXT.map('def f(): r"""{}"""'.format),
        TEXT.map(lambda text: "".join(f"# {line}\n" for line in text.split("\n"))),
    ),
    min_size=1,
    max_size=4,
).map("\n".join)
SHELL = st.lists(
    st.one_of(
        st.sampled_from(["ls", "~~~", "~~~x", "if x; then ls; fi", "", "  ", "x=`date`", "# é"]),
        TEXT.map("cat <<'E'\n{}\nE".format),
        TEXT.map("echo '{}'".format),
    ),
    min_size=1,
    max_size=4,
).map("\n".join)


def read_back(code, language="python", timeout=None):
    arguments = {"code": code} if timeout is None else {"code": code, "timeout": timeout}
    block = render_call(ToolCall("1", language, language, arguments))
    expected = ParsedCall(language, language, arguments)
    for message in (f"{block}\nafter\n", block, f"text\n\n{block}\n{block}\n"):
        read = calls(message, checks=BASH if language == "bash" else None)
        assert read[0] == expected
        assert set(map(repr, read)) == {repr(expected)}


@settings(max_examples=300, deadline=None)
@given(PYTHON)
@example("~~~x")
@example("\n\n  ~~~x\n")
@example("'''\n</helpers>\n'''")
@example("~~~(1) or '''\n```\n~~~\n'''")
def test_python_that_compiles_is_read_back_byte_for_byte(code):
    assume(code.strip() and not check_python(code))
    read_back(code)


@settings(max_examples=40, deadline=None)
@given(SHELL)
@example("cat <<E\n</helpers>\nE")
@example("~~~x\ncat <<E\n```\n</helpers>\n````\nE")
def test_bash_that_compiles_is_read_back_byte_for_byte(code):
    assume(code.strip() and not bash_check(code))
    read_back(code, "bash")


@settings(deadline=None)
@given(st.floats(min_value=1e-9, max_value=1e12), st.sampled_from(["python", "bash"]))
@example(20.0, "bash")
def test_a_timeout_is_read_back(timeout, language):
    read_back("ls", language, timeout)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.text(min_size=1).filter(str.strip),
    st.dictionaries(st.text().filter(lambda key: key != OPTIONS), JSON, max_size=4),
    st.sampled_from([{}, {"retry": {"times": 2}}, {"timeout": 2.5, "condition": "a"}]),
)
def test_a_tool_call_is_read_back(name, params, options):
    arguments = {**params, **({OPTIONS: options} if options else {})}
    block = render_call(ToolCall("1", name, "tool", arguments))
    assert call(f"{block}\n") == ParsedCall("tool", name, arguments)


def test_blocks_are_written_in_one_plain_form():
    def written(language, **arguments):
        return render_call(ToolCall("1", language, language, arguments))

    assert written("python", code="1") == "<helpers>\n1\n</helpers>"
    assert written("bash", code="ls", timeout=20.0) == (
        '<helpers lang="bash" timeout="20">\nls\n</helpers>'
    )
    assert written("python", code="~~~x\n'''\n```\n'''") == (
        "<helpers>\n````python\n~~~x\n'''\n```\n'''\n````\n</helpers>"
    )
    tool = ToolCall("1", "é", "tool", {"a": 1})
    assert render_call(tool) == (
        '<helpers lang="tool">\n{"tool": "é", "params": {"a": 1}}\n</helpers>'
    )


def test_code_full_of_closing_tags_is_read_back():
    read_back("x = '''\n" + "</helpers>\n" * (2 * MOST_READINGS) + "'''")


def test_a_refused_tool_call_is_written_as_it_came():
    refused = call("<helpers lang=tool>\n{'a'}\n</helpers>")
    part = ToolCall("1", refused.name, refused.language, refused.arguments, refused.problem)
    assert render_call(part) == "<helpers lang=\"tool\">\n{'a'}\n</helpers>"


@pytest.mark.parametrize("code", ["a\r\nb", "\ufeffls"])
def test_line_ends_and_a_byte_order_mark_are_all_that_changes(code):
    block = render_call(ToolCall("1", "bash", "bash", {"code": code}))
    assert call(block).arguments["code"] == code.replace("\r\n", "\n").lstrip("\ufeff")


def test_what_is_written_for_a_tool_is_json():
    block = render_call(ToolCall("1", "t", "tool", {"a": "\n</helpers>\n"}))
    assert json.loads(block.splitlines()[1])["params"] == {"a": "\n</helpers>\n"}
