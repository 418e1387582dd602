"""What a helper block is, and where it ends."""

import pytest

from llmrepl.parser import OPTIONS, Block, Code, Opened, ParsedCall, Prose, check_tool, coalesce
from tests.core.parsing import BASH, blocks, call, calls, parse, prose, shown


def python(code, **more):
    return ParsedCall("python", "python", {"code": code, **more})


def bash(code, **more):
    return ParsedCall("bash", "bash", {"code": code, **more})


def test_a_block_between_two_paragraphs_becomes_one_call():
    message = "Let me see.\n<helpers>\nx = 1\nx\n</helpers>\nDone."
    assert parse(message) == [
        Prose("Let me see.\n"),
        Opened("python"),
        Code("x = 1\nx"),
        Block((python("x = 1\nx"),), (12, 41)),
        Prose("Done."),
    ]
    assert message[12:41] == "<helpers>\nx = 1\nx\n</helpers>\n"


def test_several_blocks_of_a_message_are_each_found():
    message = "<helpers>\n1\n</helpers>\nand\n<helpers>\n2\n</helpers>\n<helpers>\n3\n</helpers>"
    assert calls(message) == [python("1"), python("2"), python("3")]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<helpers>", python("ls")),
        ('<helpers lang="python">', python("ls")),
        ('<helpers lang="bash">', bash("ls")),
        ('<helpers language="bash" timeout="20">', bash("ls", timeout=20.0)),
        ("<helpers lang='bash'\ttimeout = '1.5' >", bash("ls", timeout=1.5)),
        ("<helpers lang=sh timeout=1e-3>", bash("ls", timeout=0.001)),
        ('<HELPERS LANG="Bash">', bash("ls")),
        ('   <Helpers Timeout=".5"> \t', python("ls", timeout=0.5)),
        ("<helpers lang=py>", python("ls")),
        ("<helpers lang=' shell '>", bash("ls")),
    ],
)
def test_an_opening_tag_may_name_language_and_timeout(tag, expected):
    assert call(f"{tag}\nls\n</helpers>\n") == expected


@pytest.mark.parametrize(
    ("tag", "language", "problem"),
    [
        ('<helpers lang="ruby">', "ruby", "'ruby' is not a language that runs here"),
        ('<helpers lang="">', "", "'' is not a language that runs here"),
        ('<helpers cwd="/">', "python", "unknown attribute 'cwd'; accepted are lang"),
        ('<helpers lang="bash" cwd="/" x="y">', "bash", "unknown attribute 'cwd'"),
        ('<helpers timeout="soon">', "python", "timeout 'soon' is not a number of seconds"),
        ('<helpers timeout="0">', "python", "timeout '0' is not a number"),
        ('<helpers timeout="-1">', "python", "timeout '-1' is not a number"),
        ('<helpers timeout="1e999">', "python", "timeout '1e999' is not a number"),
        ('<helpers timeout="inf">', "python", "timeout 'inf' is not a number"),
        ('<helpers lang="sh" language="sh">', "bash", "lang is given twice"),
        ('<helpers lang="bash"', "bash", "malformed or not alone"),
        ('<helpers lang="bash>', "python", "malformed or not alone"),
        ('<helpers lang="bash"timeout="1">', "bash", "malformed or not alone"),
        ("<helpers", "python", "malformed or not alone"),
        ("<helpers> import os", "python", "malformed or not alone"),
        ("<helpers python>", "python", "malformed or not alone"),
        ("<helpers>>", "python", "malformed or not alone"),
    ],
)
def test_a_wrong_opening_tag_gives_a_call_that_never_runs_and_says_why(tag, language, problem):
    got = call(f"{tag}\nls\n</helpers>\n")
    assert got.problem.startswith(problem) or problem in got.problem
    assert "\n" not in got.problem
    assert got.language == got.name == language
    assert got.arguments["code"] == "ls"


def test_a_tag_with_another_name_is_prose():
    for message in ("<helpersx>\n", "<helpers-x>\n1\n", "<help\n"):
        assert parse(message) == [Prose(message)]


def test_code_is_taken_byte_for_byte():
    code = "\tif a<b and c>d: print('&lt;&amp;')  \n\n  ünï = '\u2028\x0b\x0c'  # ]]> <!-- \\\n"
    items = parse(f"<helpers lang=bash>\n{code}\n</helpers>\n")
    assert blocks(items)[0].calls == (bash(code),)
    assert shown(items) == code


def test_the_line_feed_before_the_closing_tag_is_not_part_of_the_code():
    assert call("<helpers>\n1\n</helpers>") == python("1")
    assert call("<helpers>\n1\n\n</helpers>") == python("1\n")
    assert call("<helpers>\n\n\n1\n</helpers>") == python("\n\n1")


def test_crlf_becomes_lf_and_spans_count_what_was_fed():
    message = "a\r\n<helpers>\r\nx\r\ny\rz\r\n</helpers>\r\nb"
    items = parse(message)
    [block] = blocks(items)
    assert block.calls == (python("x\ny\rz"),)
    assert message[slice(*block.span)] == "<helpers>\r\nx\r\ny\rz\r\n</helpers>\r\n"
    assert prose(items) == "a\nb"


def test_a_carriage_return_at_the_end_of_a_message_is_kept_or_part_of_the_tag():
    assert parse("a\r") == [Prose("a\r")]
    assert call("<helpers>\n1\n</helpers>\r") == python("1")


def test_a_byte_order_mark_before_the_message_or_a_body_is_dropped():
    message = "\ufeff<helpers>\n\ufeff1\n</helpers>\n\ufeff"
    [block] = blocks(parse(message))
    assert block.calls == (python("1"),)
    assert message[slice(*block.span)] == message[1:-1]
    assert prose(parse(message)) == "\ufeff"
    assert parse("\n\ufeffx") == [Prose("\n\ufeffx")]


@pytest.mark.parametrize("language", ["python", "bash", "tool"])
@pytest.mark.parametrize("body", ["", "\n", " \t\n\n  \n"])
def test_an_empty_block_is_refused(language, body):
    got = call(f"<helpers lang={language}>\n{body}</helpers>\n", checks=BASH)
    assert got.problem.startswith("the block is empty; write the code")


def test_an_empty_block_is_announced_like_any_other():
    assert parse("<helpers>\n</helpers>")[0] == Opened("python")


# -- fences inside a block


def test_a_body_in_a_fence_is_the_code_in_the_fence():
    for fence in ("```", "````", "~~~"):
        message = f"<helpers>\n\n{fence}\nx = 1\n{fence}\n</helpers>\n"
        items = parse(message)
        assert blocks(items)[0].calls == (python("x = 1"),)
        assert shown(items) == "x = 1"


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("Python", "python"),
        (" python", "python"),
        ("py title=x", "python"),
        ("bash", "bash"),
        ("sh", "bash"),
        ("shell", "bash"),
        ("SH ", "bash"),
        ("", "bash"),
    ],
)
def test_a_fence_names_its_language_and_else_has_the_blocks(info, language):
    message = f"<helpers lang=bash>\n```{info}\nls\n```\n</helpers>\n"
    assert call(message) == ParsedCall(language, language, {"code": "ls"})


def test_each_fence_is_one_action_and_prose_between_them_is_ignored():
    message = (
        '<helpers timeout="3">\n```python\n1\n```\nThen a listing, <helpers>\n<helpers>\n'
        '~~~sh\nls\n~~~\n```json\n{"tool": "t"}\n```\nso far\n</helpers>\nafter'
    )
    items = parse(message)
    assert [i for i in items if isinstance(i, Opened)] == [
        Opened("python"),
        Opened("bash"),
        Opened("tool"),
    ]
    assert blocks(items)[0].calls == (
        python("1", timeout=3.0),
        bash("ls", timeout=3.0),
        ParsedCall("tool", "t", {OPTIONS: {"timeout": 3.0}}),
    )
    assert prose(items) == "after"


def test_a_fence_with_an_unknown_language_stops_the_whole_block():
    first, second = calls("<helpers>\n```python\n1\n```\n```ruby\n2\n```\n</helpers>\n")
    assert first.problem.startswith("nothing of this block ran")
    assert second.problem.startswith("'ruby' is not a language that runs here; write ```python")
    assert second.language == "ruby"


def test_glued_fences_are_one_long_fence():
    got = call("<helpers>\n```````patch\n+x\n```````\n</helpers>\n")
    assert got.problem.startswith("'patch' is not a language")


def test_a_fence_inside_fenced_code_does_not_end_it_while_the_code_is_incomplete():
    code = 'def f():\n    """\n    ```python\n    f()\n    ```\n```\n    """'
    message = f"<helpers>\n```python\n{code}\n```\n</helpers>\n"
    assert call(message) == python(code)


def test_a_fence_inside_a_here_document_does_not_end_it():
    code = "cat > README <<'EOF'\n```\nx\n```\nEOF\nls"
    message = f"<helpers>\n```sh\n{code}\n```\n</helpers>\n"
    assert call(message, checks=BASH) == bash(code)


def test_a_shorter_or_another_fence_does_not_end_fenced_code():
    code = "a\n```\n~~~\n~~~~~\n"
    assert call(f"<helpers lang=bash>\n````\n{code}\n`````\n</helpers>") == bash(code)


def test_a_closing_tag_ends_a_fence_that_was_left_open():
    assert call("<helpers>\n```python\n1\n</helpers>\nafter") == python("1")


def test_the_end_of_the_message_ends_a_fence_that_was_left_open():
    assert call("<helpers>\n```python\n1\n") == python("1")
    assert call("<helpers>\n```python\n1\n```\n") == python("1")
    assert call("<helpers>\n```python\n1\n```") == python("1")
    assert call("<helpers>\n```python\n1\n```\n</hel") == python("1")


def test_what_looks_like_a_fence_and_is_not_one_is_code():
    tildes = "~" * 101
    for first in ("```x```", "~~x", "~y", "    ```", f"{tildes}x", "``"):
        assert call(f"<helpers lang=bash>\n{first}\n</helpers>\n") == bash(first)


# -- which closing tag


def test_a_closing_tag_counts_only_alone_on_its_line():
    code = "x = '</helpers>'\ny = 1  # </helpers>\nz = '</helpers> '\n"
    assert call(f"<helpers>\n{code}\n</helpers>\n") == python(code)


@pytest.mark.parametrize("tag", ["</helpers>", "  \t</HELPERS>\t ", "</helpers >"])
def test_a_closing_tag_may_be_indented_and_in_any_case(tag):
    assert call(f"<helpers>\n1\n{tag}\nafter") == python("1")


def test_a_closing_tag_among_more_than_two_hundred_blanks_is_code():
    line = " " * 200 + "</helpers>"
    assert call(f"<helpers lang=bash>\nls\n{line}\n</helpers>") == bash(f"ls\n{line}")


EXAMPLE = (
    "Write this:\n<helpers>\nprint(1)\n</helpers>\nand then\n<helpers lang='bash'>\nls\n</helpers>"
)


def test_a_whole_message_in_a_docstring_does_not_end_the_block():
    code = f'"""\n{EXAMPLE}\n"""\nprint(2)'
    assert parse(f"<helpers>\n{code}\n</helpers>\nafter")[-2:] == [
        Block((python(code),), (0, len(code) + 22)),
        Prose("after"),
    ]


def test_a_whole_message_in_a_here_document_does_not_end_the_block():
    code = f"cat > prompt.txt <<'EOF'\n{EXAMPLE}\nEOF\nwc prompt.txt"
    message = f"<helpers lang='bash'>\n{code}\n</helpers>\nafter"
    assert calls(message, checks=BASH) == [bash(code)]


def test_a_whole_message_in_quotes_of_bash_does_not_end_the_block():
    code = f"echo '{EXAMPLE.replace(chr(39), chr(34))}' | wc"
    assert calls(f"<helpers lang=bash>\n{code}\n</helpers>\n", checks=BASH) == [bash(code)]


def test_a_whole_message_in_a_string_of_a_tool_call_cannot_stand_on_lines_of_its_own():
    body = '{"tool": "write", "params": {"text": "a\\n</helpers>\\n"}}'
    got = call(f"<helpers lang=tool>\n{body}\n</helpers>\n")
    assert got == ParsedCall("tool", "write", {"text": "a\n</helpers>\n"})


def test_bash_without_a_check_ends_at_the_first_closing_tag():
    items = parse("<helpers lang=bash>\ncat <<E\n</helpers>\nE\n</helpers>\n")
    assert blocks(items)[0].calls == (bash("cat <<E"),)


def test_code_of_which_no_reading_compiles_ends_at_the_first_and_is_ambiguous():
    message = "<helpers>\nx = (\n</helpers>\nmore\n</helpers>\nend"
    assert parse(message) == [
        Opened("python"),
        Code("x = (\n</helpers>\nmore\n</helpers>\nend"),
        Block((ParsedCall("python", "python", {"code": "x = ("}, ambiguous=True),), (0, 27)),
        Prose("more\n</helpers>\nend"),
    ]


def test_python_that_does_not_compile_is_left_to_python_where_its_end_is_certain():
    assert call("<helpers>\nx = (\n</helpers>\n") == python("x = (")
    assert call("<helpers>\nx = (") == python("x = (")
    items = parse("<helpers>\nx = (\n</helpers>\nIt prints 1.\n")
    assert blocks(items)[0].calls == (python("x = ("),)
    assert prose(items) == "It prints 1.\n"


def test_what_follows_an_ambiguous_block_keeps_even_a_partial_tag():
    items = parse("<helpers>\nx = (\n</helpers>\nmore\n</hel")
    assert prose(items) == "more\n</hel"


def test_bash_that_does_not_compile_is_refused_where_its_end_is_certain():
    got = call("<helpers lang=bash>\nif true; then\n</helpers>\n", checks=BASH)
    assert got.problem.startswith("bash does not accept this: bash: line")
    assert "\n" not in got.problem
    assert not got.ambiguous
    assert call("<helpers lang=bash>\nif true; then", checks=BASH).problem


def test_bash_of_which_no_reading_compiles_is_ambiguous():
    message = "<helpers lang=bash>\nif true; then\n</helpers>\n(\n</helpers>\n"
    expected = ParsedCall("bash", "bash", {"code": "if true; then"}, ambiguous=True)
    assert call(message, checks=BASH) == expected


def test_an_unfinished_here_document_is_ambiguous():
    code = "cat <<'EOF'\nx"
    expected = ParsedCall("bash", "bash", {"code": code}, ambiguous=True)
    assert call(f"<helpers lang=bash>\n{code}\n</helpers>\n", checks=BASH) == expected
    assert call(f"<helpers lang=bash>\n{code}", checks=BASH) == expected


def test_bash_that_compiles_only_with_the_rest_of_the_message_is_ambiguous():
    message = "<helpers lang=bash>\necho it's\n</helpers>\nI don't know"
    got = call(message, checks=BASH)
    assert got.ambiguous
    assert got.arguments["code"] == "echo it's\n</helpers>\nI don't know"


def test_python_that_compiles_only_with_the_rest_of_the_message_is_certain():
    assert call("<helpers>\nx = '''\n</helpers>\n'''") == python("x = '''\n</helpers>\n'''")


def test_fenced_code_of_which_no_reading_compiles_ends_at_the_first_fence():
    assert call("<helpers>\n```python\nx = (\n```\n</helpers>\n") == python("x = (")
    items = parse("<helpers>\n```python\nx = (\n```\ny\n```\n</helpers>\nafter\n")
    [got] = blocks(items)[0].calls
    assert got == ParsedCall("python", "python", {"code": "x = ("}, ambiguous=True)
    assert prose(items) == "after\n"


def test_fenced_code_that_mentions_the_tag_before_its_fence_ends_at_the_fence():
    items = parse("<helpers>\n```python\nx = (\n</helpers>\n```\nafter\n")
    assert blocks(items)[0].calls == (python("x = (\n</helpers>"),)
    assert prose(items) == "after\n"


def test_fenced_code_without_any_fence_after_it_ends_at_the_first_closing_tag():
    items = parse("<helpers>\n```python\nx = (\n</helpers>\nafter\n")
    assert blocks(items)[0].calls == (python("x = ("),)
    assert prose(items) == "after\n"


# -- the end of the message


@pytest.mark.parametrize(
    "rest", ["", "\n", "\n<", "\n</", "\n</help", "\n</HELPERS", "\n  </h", "\n  ", "\n</helpers>"]
)
def test_a_message_that_ends_by_itself_ends_its_block(rest):
    items = parse(f"<helpers>\nx = 1{rest}")
    assert blocks(items) == [Block((python("x = 1"),), (0, 15 + len(rest)))]
    assert shown(items) == "x = 1"


def test_an_opening_tag_at_the_end_of_a_message_is_an_empty_block():
    for message in ("<helpers>", "<helpers>\n", "<helpers>\n </h"):
        assert call(message).problem.startswith("the block is empty")


def test_a_block_that_was_cut_off_never_runs():
    for body in ("print(1)\n", "print(1", "print(1)\n</help", "x = (\n</helpers>\n", "", "\n"):
        got = call(f"<helpers>\n{body}", cut=True)
        assert got.problem.startswith("the message was cut off before this block's </helpers>")
    assert call("<helpers>\nprint(1)\n</help", cut=True).arguments == {"code": "print(1)\n</help"}


def test_a_fenced_block_that_was_cut_off_never_runs_in_part():
    for body in ("```python\n1\n```\n", "```python\n1\n```\n```sh\nls"):
        got = calls(f"<helpers>\n{body}", cut=True)
        assert all(one.problem.startswith("the message was cut off") for one in got)


def test_an_opening_tag_that_was_cut_off_never_runs():
    assert call("a\n<helpers lang='ba", cut=True).problem.startswith("the message was cut off")


def test_a_complete_block_runs_although_the_message_was_cut_off_after_it():
    assert call("<helpers>\n1\n</helpers>\nand", cut=True) == python("1")
    assert call("<helpers>\n1\n</helpers>", cut=True) == python("1")


@pytest.mark.parametrize(
    ("tag", "body"),
    [
        ("<helpers>", "print(1)</helpers>"),
        ("<helpers>", "print(1)\n</helpers> Now I wait.\n"),
        ("<helpers>", "print(1)\n</helpers</helpers>"),
        ("<helpers lang=bash>", "ls\n</helpers> Now I wait.\nrm x\n"),
        ("<helpers>", "```python\nprint(1)\n```</helpers>"),
    ],
)
def test_a_closing_tag_next_to_other_text_is_told_to_the_model(tag, body):
    got = call(f"{tag}\n{body}")
    assert got.problem == (
        "the closing tag does not stand alone; write </helpers> on a line of its own"
    )


def test_a_closing_tag_quoted_in_code_is_no_problem_at_the_end_of_the_message():
    assert call("<helpers>\nx = '</helpers>'\n") == python("x = '</helpers>'")
    assert call("<helpers lang=bash>\ngrep '</helpers>' x") == bash("grep '</helpers>' x")


# -- tool calls


def test_a_tool_block_is_one_call_with_its_parameters():
    body = '{"tool": "read_file", "params": {"path": "a", "lines": [1, 2]}}'
    expected = ParsedCall("tool", "read_file", {"path": "a", "lines": [1, 2]})
    assert call(f'<helpers lang="tool">\n{body}\n</helpers>\n') == expected
    assert call(f"<helpers>\n```json\n{body}\n```\n</helpers>\n") == expected


def test_a_tool_block_may_be_a_list_and_carry_options():
    body = """[
        {"tool": "a", "retry": {"times": 2}, "condition": "x", "onError": {"do": "skip"}},
        {"tool": "b", "params": {}}
    ]"""
    assert calls(f"<helpers lang='tool'>\n{body}\n</helpers>\n") == [
        ParsedCall(
            "tool",
            "a",
            {OPTIONS: {"retry": {"times": 2}, "condition": "x", "onError": {"do": "skip"}}},
        ),
        ParsedCall("tool", "b", {}),
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{'tool': 1}", "this is not JSON: Expecting property name"),
        ('{"tool": "a"', "this is not JSON: Expecting ',' delimiter (line 1, column 13)"),
        ('{"tool": "a", "params": {"x": NaN}}', "this is not JSON: NaN is not a number"),
        ("[" * 100_000, "this is not JSON: maximum recursion depth exceeded"),
        ("[]", "the list of tool calls is empty"),
        ("3", "tool call 1: it is not an object"),
        ('[{"tool": "a"}, "b"]', "tool call 2: it is not an object"),
        ("{}", "tool call 1: it names no tool"),
        ('{"tool": " "}', "tool call 1: it names no tool"),
        ('{"tool": 1}', "tool call 1: tool is not a string"),
        ('{"tool": "a", "params": []}', "tool call 1: params is not an object"),
        ('{"tool": "a", "retry": 3}', "tool call 1: retry is not an object"),
        ('{"tool": "a", "onError": "x"}', "tool call 1: onError is not an object"),
        ('{"name": "a"}', "tool call 1: unknown key 'name', accepted are tool, params, retry"),
        ('{"tool": "a", "params": {"_options": 1}}', "tool call 1: _options is not a parameter"),
    ],
)
def test_a_tool_call_that_is_not_accepted_says_what_would_be(body, problem):
    got = call(f"<helpers lang=tool>\n{body}\n</helpers>\n")
    assert got.problem.startswith(problem)
    assert got.problem.endswith('write {"tool": NAME, "params": {…}} or a list of such objects')
    assert got.arguments == {"code": body}
    assert check_tool(body) == got.problem


def test_a_tool_block_that_is_never_json_ends_at_its_first_closing_tag():
    items = parse("<helpers lang=tool>\n{\n</helpers>\nand\n</helpers>\n")
    [got] = blocks(items)[0].calls
    assert got.arguments == {"code": "{"}
    assert got.problem
    assert not got.ambiguous


def test_a_good_tool_call_passes_the_check():
    assert check_tool('{"tool": "a"}') == ""


def test_joining_items_leaves_the_others_apart():
    items = [Prose("a"), Prose("b"), Opened("bash"), Opened("bash"), Code("c"), Code("d")]
    assert coalesce(items) == [Prose("ab"), Opened("bash"), Opened("bash"), Code("cd")]


def test_a_tag_without_its_s_is_taken_for_the_tag():
    items = parse('<helper lang="bash">\nls\n</helper>\n')
    assert [call.arguments for call in blocks(items)[0].calls] == [{"code": "ls"}]
