"""Files that a message mentions go with it."""

import base64
import os
import subprocess

import pytest

from llmrepl.conversing.drafting.attaching import MOST_FILES, MOST_NAMES, TEXT_BYTES, message
from llmrepl.conversing.drafting.dropped import images_in
from llmrepl.conversing.drafting.pastes import Pastes
from llmrepl.parts import Image, Text

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
IMAGES = {
    "a.png": (PNG, "image/png"),
    "b.jpg": (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"),
    "c.gif": (b"GIF89a" + b"\0" * 20, "image/gif"),
    "d.webp": (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
}


def test_a_text_file_is_a_part_of_its_own_fenced_with_its_path(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n```\ny = 2\n")
    text, part = message("what is @a.py?", tmp_path).parts
    assert text == Text("what is @a.py?")
    assert part.text == "The file a.py (3 lines):\n````\nx = 1\n```\ny = 2\n````"


def test_of_a_directory_the_names_of_its_files_go_without_the_secret_and_the_ignored(tmp_path):
    for name in ("src/b.py", "src/deep/a.py", "src/.env", "src/made.o", "other", "built/x.o"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".gitignore").write_text("*.o\n")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    sent = message("see @src/ and @built, @empty", tmp_path)
    assert [part.text for part in sent.parts[1:]] == [
        "The directory src/ (2 files):\n```\nb.py\ndeep/a.py\n```",
        "The directory built (1 file):\n```\nx.o\n```",
        "The directory empty (0 files):\n```\n```",
    ]
    assert sent.notes[0] == "attached src/ (2 files)"
    assert "other" in message("@.", tmp_path).parts[1].text


def test_of_a_large_directory_the_files_nearest_to_it_are_named(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for folder in ("a/b", "a"):
        for number in range(MOST_NAMES - 1):
            (tmp_path / folder / f"{number:03}").touch()
    sent = message("@a", tmp_path)
    assert sent.notes == (f"attached a ({MOST_NAMES} of {2 * MOST_NAMES - 2} files)",)
    about, _, rest = sent.parts[1].text.partition("\n")
    assert about.endswith(", those nearest to it):")
    assert rest.count("b/") == 1


def test_what_was_attached_is_said(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    assert message("@a.py", tmp_path).notes == ("attached a.py (1 line)",)


def test_of_a_large_file_the_head_goes_and_the_cut_is_said(tmp_path):
    (tmp_path / "log").write_text("0123456789\n" * 20_000)
    sent = message("@log", tmp_path)
    about, _, rest = sent.parts[1].text.partition("\n")
    lines = TEXT_BYTES // 11
    assert about == (
        f"The file log (the first {lines} lines, 65.5 kB of 220.0 kB; the rest is cut off):"
    )
    assert rest.count("0123456789\n") == lines
    assert sent.notes == (f"attached log (the first {lines} lines, 65.5 kB of 220.0 kB)",)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_attached_as_one_by_what_it_begins_with(tmp_path, name):
    content, kind = IMAGES[name]
    (tmp_path / "picture").write_bytes(content)
    _, image = message("@picture", tmp_path).parts
    assert image == Image(kind, base64.b64encode(content).decode())


@pytest.mark.parametrize(
    "text", ["@nothing", "write to a@b.c", r"\@a.py", "@", "@" + "x" * 5000, "@~nobody/x"]
)
def test_what_is_no_file_stays_text(tmp_path, text):
    (tmp_path / "a.py").write_text("x")
    (tmp_path / "b.c").write_text("x")
    assert message(text, tmp_path) == ((Text(text),), ())


def test_the_end_of_a_sentence_is_no_part_of_a_path_that_is_there(tmp_path):
    (tmp_path / "a.py").write_text("x")
    assert len(message("Look at @a.py.", tmp_path).parts) == 2
    assert len(message("(or @a.py)", tmp_path).parts) == 2


def test_a_file_is_attached_once(tmp_path):
    (tmp_path / "a.py").write_text("x")
    assert len(message("@a.py and @a.py", tmp_path).parts) == 2


def test_no_secret_is_attached_whatever_links_to_it(tmp_path):
    (tmp_path / ".env").write_text("KEY=1234")
    (tmp_path / "link").symlink_to(".env")
    for name in (".env", "link"):
        sent = message(f"@{name}", tmp_path)
        assert len(sent.parts) == 1
        why = "files of this name usually hold secrets"
        assert sent.notes == (f"not attached: {name}: {why}",)


def test_what_is_neither_text_nor_image_is_not_attached(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\0\1\2")
    os.mkfifo(tmp_path / "pipe")
    sent = message("@x.png @pipe", tmp_path)
    assert len(sent.parts) == 1
    assert sent.notes[0].startswith("not attached: x.png: it is neither text nor a png")
    assert len(sent.notes) == 1


def test_files_of_one_message_are_bounded(tmp_path):
    for number in range(MOST_FILES + 2):
        (tmp_path / f"f{number}").write_text("x")
    sent = message(" ".join(f"@f{number}" for number in range(MOST_FILES + 2)), tmp_path)
    assert len(sent.parts) == MOST_FILES + 1
    assert sent.notes[-1] == "not attached: 2 files more than 20"


def test_what_stands_in_a_paste_mentions_nothing(tmp_path):
    (tmp_path / "a.py").write_text("x")
    pastes = Pastes()
    pasted = "see @a.py\n" * 20
    assert message(f"this: {pastes.fold(pasted)}", tmp_path, pastes) == (
        (Text(f"this: {pasted}"),),
        (),
    )


def test_control_sequences_of_a_file_do_not_reach_the_model(tmp_path):
    (tmp_path / "a").write_bytes(b"one\x1b[31m two\r\nthree\xff\n")
    assert "one two\nthree\ufffd\n" in message("@a", tmp_path).parts[1].text


# What is dropped on the terminal


@pytest.mark.parametrize(
    ("name", "pasted", "shown"),
    [
        ("a.png", "{}/a.png", "@a.png"),
        ("a.png", "'{}/a.png' ", "@a.png"),
        ("a.png", '"{}/a.png"\n', "@a.png"),
        ("a.png", "file://{}/a.png", "@a.png"),
        ("a.png", "a.png", "@a.png"),
        ("my pic.png", "{}/my pic.png", '@"my pic.png"'),
        ("my pic.png", r"{}/my\ pic.png", '@"my pic.png"'),
        ("my pic.png", "file://{}/my%20pic.png", '@"my pic.png"'),
    ],
)
def test_the_path_of_an_image_is_a_mention_of_it(tmp_path, monkeypatch, name, pasted, shown):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(PNG)
    assert images_in(pasted.format(tmp_path), tmp_path) == shown


def test_several_images_are_mentioned_one_after_the_other(tmp_path):
    for name in ("a.png", "b c.png"):
        (tmp_path / name).write_bytes(PNG)
    pasted = f"'{tmp_path}/a.png' '{tmp_path}/b c.png'"
    assert images_in(pasted, tmp_path) == '@a.png @"b c.png"'
    assert images_in(pasted, tmp_path / "elsewhere") == (f'@{tmp_path}/a.png @"{tmp_path}/b c.png"')


@pytest.mark.parametrize("text", ["", "hello", "/etc/hosts", "it's", "/no/such.png", "x" * 9999])
def test_any_other_paste_is_text(tmp_path, text):
    assert images_in(text, tmp_path) == ""
