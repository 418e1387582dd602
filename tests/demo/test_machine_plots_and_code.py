from __future__ import annotations

import re
import shutil

import pytest


def test_disk_space_is_told(chat, folder):
    answer = chat.ask("how much disk space is free?")
    total = shutil.disk_usage(folder).total
    assert re.search(r"\*\*[\d.]+ [kMGT]B free\*\* of ", answer)
    assert total > 0


def test_memory_is_told(chat):
    assert re.search(r"\*\*[\d.]+ [MGT]B of memory available\*\*", chat.ask("how much RAM is free"))


def test_processes_are_counted(chat):
    assert re.search(
        r"I see \*\*\d+ processes?\*\*.*`\S+`", chat.ask("which processes are running?")
    )


def test_uptime_is_told(chat):
    assert re.search(r"\*\*\d+ d \d+ h \d+ min\*\*", chat.ask("uptime"))


def test_versions_are_told(chat, folder):
    answer = chat.ask("which Python version is this?")
    assert re.search(r"Python \*\*3\.\d+", answer)
    assert folder.name in answer


def test_a_question_about_a_file_is_not_about_the_machine(chat, folder):
    (folder / "memory.txt").write_text("remembered\n")
    assert "remembered" in chat.ask("read memory.txt")


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("bar chart of 2, 4", ["2 " + "█" * 20 + " 2", "4 " + "█" * 40 + " 4"]),
        ("bar chart of tea 3, coffee 6", ["   tea ", "coffee ", "**2 numbers**, from 3 to 6"]),
        ("sparkline of 1 2 3 4 5 6 7 8", ["▁▂▃▄▅▆▇█"]),
        ("histogram of 1 1 1 2 9", [" 4\n", "9"]),
        ("line plot of 1 4 9 16", ["16 ┤", "•"]),
        ("bar chart of 5 5", ["█" * 40]),
        ("sparkline of 3 3 3", ["▁▁▁"]),
        ("histogram of 2 2 2", [" 3"]),
        ("bar chart of 0 0", ["0  0"]),
        ("plot sin(x) from 0 to 6.3", ["for x from 0 to 6.3", "1 ┤", "•••••••"]),
        ("graph of y = 2x + 1 from 0 to 5", ["11 ┤", "1 ┤"]),
        ("plot 1/x from -1 to 1", ["30 ┤"]),
        ("plot sqrt(x) from -9 to -1", ["no value that can be drawn"]),
    ],
)
def test_plots(chat, question, answers):
    found = chat.ask(question)
    for answer in answers:
        assert answer in found
    assert len(chat.blocks) == 1


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("run this:\n```python\nprint(2**10)\n```", ["It printed:", "1024"]),
        ("```bash\necho a; exit 3\n```", ["exit code 3", "a\n"]),
        ("~~~py\nx = 1\n~~~", ["It ran and printed nothing."]),
        ("```python\n1 +\n```", ["SyntaxError"]),
        ("run `echo hi`", ["hi"]),
        ("run the python code `print(6 * 7)`", ["42"]),
        ("````bash\necho '```'\n````", ["```\n"]),
    ],
)
def test_code_that_a_person_pastes_is_run(chat, question, answers):
    found = chat.ask(question)
    for answer in answers:
        assert answer in found


def test_pasted_code_runs_byte_for_byte(chat):
    code = "s = '''\n  <tag> & \\n\ttab\n'''\nprint(repr(s))"
    answer = chat.ask(f"```python\n{code}\n```")
    assert chat.sources == [code]
    assert r"'\n  <tag> & \n\ttab\n'" in answer


def test_several_pasted_blocks_run_one_after_the_other(chat):
    answer = chat.ask("```python\nprint('one')\n```\nthen\n```sh\necho two\n```")
    assert len(chat.blocks) == 2
    assert answer.index("one") < answer.index("two")


def test_a_block_after_one_that_failed_does_not_run(chat):
    chat.ask("```bash\nexit 1\n```\n```bash\ntouch owned\n```")
    assert len(chat.blocks) == 1


def test_a_fence_in_another_language_is_not_run(chat):
    assert "marked `python` or `bash`, and this is marked `js`" in chat.ask("```js\n1\n```")
    assert "this is not marked" in chat.ask("```\n1\n```")
    assert chat.blocks == []


def test_pasted_code_with_a_helper_tag_is_refused(chat):
    assert "would end" in chat.ask("```bash\ncat <<E\n</helpers>\nE\n```")
    assert chat.blocks == []
