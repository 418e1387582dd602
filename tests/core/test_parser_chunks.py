"""The parser says the same of a message however it arrives, early, and in linear time."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrepl.parser import Block, BlockParser, Code, Opened, Prose, Thought, check_python, coalesce
from llmrepl.parser.checks import CHECK_PRICE, MESSAGE_BUDGET, MOST_READINGS
from tests.core.parsing import blocks, parse, prose, shown

MESSAGES = [
    "Hi.\n\n<helpers>\nx = '''\n</helpers>\n'''\n</helpers>\nend\n",
    '<helpers lang="bash" timeout="2">\ncat <<E\n</helpers>\nE\n</helpers>\n</helpers>\n',
    "<helpers>\n\n```python\nx = '''\n```\n'''\n```\ntext\n~~~sh\nls\n~~~\n</helpers>\nend",
    "\ufeff<helpers>\r\n\ufeffx\r\r\n</helpers>\r\n\r",
    "<think>a < b </thin\n</think>b\n <thinking>c\n</thinking>\n<helpers>\n1\n</hel",
    "```\n<helpers>\n```\n> <helpers>\n`\n<helpers>\n`\n    <helpers>\n</helpers>\n</helpers>\n",
    "<helpers>x</helpers>\n<helpers/>\n<helpersx\n<helpers\nx = (\n</helpers>\nno\n</helpers>\n.",
    '<helpers lang=tool>\n[{"tool": "a"},\n{"tool": "b"}]\n</helpers>\n',
    "<helpers>\n   \n~~x\n```x```\n  </helpers \n  </helpers>  \nI don't\n   ",
]
PIECES = st.sampled_from(
    [
        *("<helpers>", "</helpers>", "<helpers lang='bash'>", '<helpers lang="tool" timeout="3">'),
        *("<HELPERS", "</Helpers >", "<helpers/>", "<think>", "</think>", "<thinking>"),
        *("```", "~~~", "````", "```python", "```sh\n", "`", "\n", "\n\n", "\r\n", "\r", "\ufeff"),
        *(" ", "    ", "\t", "> ", "- ", "1. ", "<", "</", "<h", ">", "x = 1", '"""', "'", "\\"),
        *("cat <<E\n", "E\n", "(", ")", '{"tool": "a"}', "İ", "\u212a", "\u2028", "\x00"),
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=30).map("".join),
    st.text("<>/helprs\n\r`~ tink>\"'=\ufeff", max_size=60),
)


def toy_bash(source):
    if source.count("<<E\n") > source.count("\nE\n"):
        return "warning: here-document at line 1 delimited by end-of-file"
    return "syntax error" if source.count("(") != source.count(")") else ""


TOY = {"bash": toy_bash}


@pytest.mark.parametrize("checks", [None, TOY])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_may_be_cut_into_two_chunks_or_characters_anywhere(message, cut, checks):
    whole = parse(message, checks=checks, cut=cut)
    assert parse(list(message), checks=checks, cut=cut) == whole
    for at in range(len(message) + 1):
        assert parse([message[:at], message[at:]], checks=checks, cut=cut) == whole


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_a_message_may_be_cut_into_any_chunks(message, cuts, cut):
    whole = parse(message, checks=TOY, cut=cut)
    ends = sorted({min(at, len(message)) for at in cuts})
    pairs = zip([0, *ends], [*ends, len(message)], strict=True)
    assert parse([message[a:b] for a, b in pairs], checks=TOY, cut=cut) == whole
    assert parse(list(message), checks=TOY, cut=cut) == whole


@settings(max_examples=300, deadline=None)
@given(TEXTS.map(lambda text: text.replace("\r", "").replace("\ufeff", "").replace("<t", "")))
def test_prose_and_the_spans_of_blocks_are_the_whole_message(message):
    message = message.replace("think", "").replace("<\u212a", "")
    items = parse(message, checks=TOY)
    parts = [message[slice(*i.span)] if isinstance(i, Block) else prose([i]) for i in items]
    assert "".join(parts) == message


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_the_code_shown_begins_with_the_code_that_runs(message):
    items = parse(f"<helpers lang=bash>\n{message}", checks=TOY)
    first = blocks(items)[0].calls[0]
    begin = next(n for n, item in enumerate(items) if isinstance(item, Opened))
    after = items[begin + 1] if begin + 1 < len(items) else None
    preview = after.text if isinstance(after, Code) else ""
    assert preview.startswith(first.arguments.get("code", ""))


# -- early


def feed(*chunks):
    parser = BlockParser()
    return [parser.feed(chunk) for chunk in chunks]


def test_prose_is_emitted_at_once():
    assert feed("Hel", "lo", " <hel", "pers>.\n", "x") == [
        [Prose("Hel")],
        [Prose("lo")],
        [Prose(" <hel")],
        [Prose("pers>."), Prose("\n")],
        [Prose("x")],
    ]


def test_the_beginning_of_a_line_waits_only_while_it_may_be_a_tag():
    assert feed(" ", " <", "h", "elp", "!", "\n<helpers", "x") == [
        *([], [], [], [], [Prose("  <help!")]),
        *([Prose("\n")], [Prose("<helpersx")]),
    ]
    assert feed("    ", "<helpers>") == [[Prose("    ")], [Prose("<helpers>")]]
    assert feed("<thin", "n") == [[], [Prose("<thinn")]]
    assert feed("`\n", "<helpers", ">") == [
        [Prose("`"), Prose("\n")],
        [Prose("<helpers")],
        [Prose(">")],
    ]


def test_prose_in_a_fence_never_waits():
    assert feed("```\n", "<", "help")[1:] == [[Prose("<")], [Prose("help")]]


def test_a_thought_waits_only_while_it_may_end():
    assert feed("<think>", "a", "<", "b", "</thin", "g </think", ">c") == [
        *([], [Thought("a")], [], [Thought("<b")], [], [Thought("</thing ")], [Prose("c")]),
    ]


def test_code_is_emitted_as_soon_as_it_cannot_close_the_block():
    assert feed("<helpers>\n", "x", " = 1", "\n", " ", "y", "\n</", "x") == [
        [],
        [Opened("python"), Code("x")],
        [Code(" = 1")],
        [],
        [],
        [Code("\n y")],
        [],
        [Code("\n</x")],
    ]


def test_a_block_is_complete_with_the_line_of_its_closing_tag():
    first, *rest = feed("<helpers>\n1\n</helpers>", " ", "\n")
    assert blocks(first) == []
    assert [len(blocks(items)) for items in rest] == [0, 1]


def test_a_closed_parser_has_nothing_more_to_say():
    for message in ("a", "a\r", "<think>a</th", "<helpers>\n1", "<helpers>\nx = (\n</hel", "<hel"):
        parser = BlockParser()
        items = [*parser.feed(message), *parser.close()]
        assert coalesce(items) == parse(message)
        assert parser.close() == []


# -- bounds


ADVERSARIAL = [
    "<helpers>\nx = (\n</helpers>\n",
    "<helpers>\n```python\n(\n```\n",
    "<think></think>",
    "<think>",
    "</helpers>\n",
    "<helpers ",
    "```\n<helpers>\n",
    "\n",
    " ",
    "`\\`",
    "- ",
]
LARGE = [
    "<helpers>\nx = (" + "1, " * 300 + "\n</helpers>\n",
    "<think>" + "a" * 90 + "</think>",
    "<helpers ",
    "\\`" * 5 + "a" * 90 + "\n",
]


class Counter:
    """Python's own check, which adds up what it was given."""

    def __init__(self):
        self.characters = self.sources = 0

    def __call__(self, source):
        self.sources += 1
        self.characters += len(source)
        return check_python(source)


@pytest.mark.parametrize("unit", LARGE)
@pytest.mark.parametrize("start", ["", "<helpers>\n'''\n"])
def test_ten_mebibytes_of_any_unit_take_little_time_and_checking(unit, start):
    message = start + unit * (10 * 2**20 // len(unit))
    counter = Counter()
    parser = BlockParser({"python": counter})
    began = time.process_time()
    for at in range(0, len(message), 65536):
        parser.feed(message[at : at + 65536])
    parser.close()
    assert time.process_time() - began < 30
    assert counter.characters + counter.sources * CHECK_PRICE <= MESSAGE_BUDGET


@pytest.mark.parametrize("unit", ADVERSARIAL)
@pytest.mark.parametrize("start", ["", "<helpers>\n", "<helpers>\n```sh\n", "<think>"])
def test_time_grows_in_step_with_the_message_fed_by_characters(unit, start):
    def seconds(size):
        parser = BlockParser({"python": lambda _: "no"})
        began = time.process_time()
        for character in start + unit * (size // len(unit)):
            parser.feed(character)
        parser.close()
        return time.process_time() - began

    # Quadratic time would be sixteen times as long.
    assert seconds(40_000) < 10 * max(seconds(10_000), 0.02)


@pytest.mark.parametrize("unit", ["\n", "a\n", " ", "a", "</helpers>\n", "```\n", "<"])
@pytest.mark.parametrize("start", ["", "<helpers>\n", "<helpers>\n'''", "<helpers>\n```sh\n'"])
def test_memory_grows_in_step_with_the_message(unit, start):
    def peak(size):
        parser = BlockParser({"python": lambda _: "no", "bash": lambda _: "no"})
        tracemalloc.start()
        parser.feed(start)
        for _ in range(size // 1024):
            parser.feed(unit * (1024 // len(unit)))
        parser.close()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # Quadratic space would be sixteen times as much.
    assert peak(2**15) < 6 * max(peak(2**13), 2**14)


def test_only_so_many_readings_of_a_block_are_checked():
    counter = Counter()
    lines = "</helpers>\n" * (2 * MOST_READINGS)
    items = parse(f"<helpers>\nx = '''\n{lines}'''\n</helpers>\nend", checks={"python": counter})
    assert counter.sources == MOST_READINGS + 1  # the last is the end of the message
    [call] = blocks(items)[0].calls
    assert call.ambiguous
    assert call.arguments["code"] == "x = '''"


def test_python_too_long_to_check_runs_if_its_end_is_certain():
    code = "x = '''" + "a" * MESSAGE_BUDGET + "'''"
    [call] = blocks(parse(f"<helpers>\n{code}\n</helpers>\n"))[0].calls
    assert (call.arguments["code"], call.ambiguous, call.problem) == (code, False, "")


def test_bash_too_long_to_check_is_ambiguous():
    code = "echo " + "a" * MESSAGE_BUDGET
    for end in ("\n</helpers>\n", ""):
        message = f"<helpers lang=bash>\n{code}{end}"
        [call] = blocks(parse(message, checks={"bash": lambda _: ""}))[0].calls
        assert (call.arguments["code"], call.ambiguous, call.problem) == (code, True, "")


def test_a_line_of_blanks_longer_than_any_tag_is_shown():
    assert shown(parse("<helpers>\n" + " " * 300)) == " " * 300
