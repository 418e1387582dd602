"""Whatever is done to a log that was written, verifying finds it, and says where."""

import shutil

import pytest

from llmrepl.audit.place import NAME, START, Opening, files
from llmrepl.audit.reading import verify
from llmrepl.audit.recovery import _begin
from tests.audit.trails import numbers, repairs, write


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A log of three files with six entries, which is left as it is."""
    directory = tmp_path_factory.mktemp("log")
    report = write(directory, 6, most=420)
    assert (report.lines, report.files, report.damage) == (6, 3, None)
    return directory


@pytest.fixture
def copy(small, tmp_path):
    """A copy of it."""
    return shutil.copytree(small, tmp_path / "copy")


def current(directory):
    return directory / NAME


def rewrite(path, change):
    """Change the list of the file's lines, newlines included."""
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def test_a_log_that_was_left_alone_is_sound(small):
    report = verify(small)
    assert report.damage is None
    assert not report.torn
    assert verify(small, (report.seq, report.last)) == report


def test_every_byte_that_is_changed_is_found(small, copy):
    for path in [*files(copy), copy / "head"]:
        content = path.read_bytes()
        for at in range(len(content)):
            changed = bytearray(content)
            changed[at] ^= 1
            path.write_bytes(changed)
            assert verify(copy).damage is not None, (path.name, at)
        path.write_bytes(content)
    assert verify(copy) == verify(small)._replace(damage=None)


@pytest.mark.parametrize("bit", [0, 3, 5, 7])
def test_any_bit_of_the_last_line_is_found(copy, bit):
    path = current(copy)
    content = path.read_bytes()
    for at in range(content.rstrip(b"\n").rfind(b"\n") + 1, len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << bit
        path.write_bytes(changed)
        assert verify(copy).damage is not None, at


def test_the_place_of_a_changed_byte_is_named(copy):
    path = files(copy)[0]
    path.write_bytes(path.read_bytes().replace("é1".encode(), "é7".encode()))
    damage = verify(copy).damage
    assert (damage.file, damage.line) == (path, 2)
    assert "changed" in damage.reason
    assert str(damage).startswith(f"{path} line 2: ")


def test_the_last_line_is_named_where_it_was_changed(copy):
    path = current(copy)
    path.write_bytes(path.read_bytes().replace("é6".encode(), "é9".encode()))
    damage = verify(copy).damage
    assert (damage.file, damage.line, damage.reason) == (path, 3, "it, or the head, was changed")


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_line_that_was_removed_is_found(copy, number, line):
    rewrite(files(copy)[number], lambda lines: lines.pop(line))
    assert verify(copy).damage.file.parent == copy


@pytest.mark.parametrize("number", [0, 1, 2])
def test_lines_that_were_swapped_are_found(copy, number):
    def swap(lines):
        lines[1], lines[2] = lines[2], lines[1]

    rewrite(files(copy)[number], swap)
    assert verify(copy).damage.line == 2


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_line_that_was_inserted_is_found(copy, at):
    rewrite(current(copy), lambda lines: lines.insert(at, lines[1]))
    assert verify(copy).damage is not None


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_file_that_was_removed_is_found(copy, number):
    files(copy)[number].unlink()
    damage = verify(copy).damage
    assert "missing" in damage.reason
    assert f"numbers {2 * number + 1} to {2 * number + 2}" in damage.reason


def test_files_that_were_swapped_are_found(copy):
    first, second = files(copy)[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert verify(copy).damage.file == first


def test_every_end_that_was_cut_off_is_found(copy):
    path = current(copy)
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert verify(copy).damage is not None, size


def test_a_head_that_was_removed_is_found(copy):
    (copy / "head").unlink()
    damage = verify(copy).damage
    assert damage.file == copy / "head"


def test_an_older_head_hides_no_line(copy):
    """It says less, and the lines behind it count, as after a crash."""
    head = (copy / "head").read_bytes()
    write(copy, 3, first=7)
    (copy / "head").write_bytes(head)
    report = verify(copy)
    assert (report.lines, report.damage) == (9, None)


def test_a_head_of_another_log_is_found(copy, tmp_path):
    write(tmp_path / "other", 2)
    (copy / "head").write_bytes((tmp_path / "other" / "head").read_bytes())
    assert "not the head of this log" in verify(copy).damage.reason


def test_a_log_that_was_written_anew_is_found_by_the_digest_of_the_old_one(copy, tmp_path):
    report = verify(copy)
    forged = write(tmp_path / "forged", 9)
    assert forged.damage is None
    found = verify(tmp_path / "forged", (report.seq, report.last))
    assert f"line number {report.seq}" in found.damage.reason
    assert verify(tmp_path / "forged", (10, "0" * 64)).damage is not None
    assert verify(tmp_path / "nothing", (report.seq, report.last)).damage is not None


def test_an_earlier_digest_holds_while_the_log_grows(tmp_path):
    earlier = [write(tmp_path, 1, first=first, most=420) for first in range(1, 9)]
    assert all(verify(tmp_path, (old.seq, old.last)).damage is None for old in earlier)


@pytest.mark.parametrize("deed", ["cut", "change", "remove", "double"])
def test_a_damaged_log_is_still_written_and_stays_damaged(tmp_path, deed):
    write(tmp_path, 4)
    path = current(tmp_path)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    path.write_bytes(
        {
            "cut": content[:-20],
            "change": content.replace(b'"number":2', b'"number":5'),
            "remove": b"".join([lines[0], *lines[2:]]),
            "double": content + lines[-1],
        }[deed]
    )
    assert verify(tmp_path).damage is not None
    report = write(tmp_path, 2, first=5)
    assert report.damage is not None
    assert numbers(tmp_path)[-2:] == [5, 6]
    assert path.read_bytes().endswith(b"\n")


def test_a_log_whose_end_was_cut_off_says_so_from_then_on(copy):
    path = current(copy)
    path.write_bytes(path.read_bytes()[:-30])
    write(copy, 1, first=7)
    assert repairs(copy) == [f"30 bytes were cut off the end of {path}"]
    write(copy, 1, first=8)
    assert len(repairs(copy)) == 1
    assert verify(copy).damage.file == path


def test_a_log_without_its_head_says_so_from_then_on(copy):
    (copy / "head").unlink()
    report = write(copy, 1, first=7)
    assert (report.damage, report.lines) == (None, 8)
    (why,) = repairs(copy)
    assert "head was missing" in why


def test_a_log_without_its_current_file_says_so_from_then_on(copy):
    current(copy).unlink()
    report = write(copy, 1, first=7)
    assert "numbers 5 to 6" in report.damage.reason
    (why,) = repairs(copy)
    assert "with the lines up to 6" in why


def test_what_is_in_the_way_of_the_log_is_found(copy):
    current(copy).write_bytes(b"")
    assert verify(copy).damage.line == 1
    write(copy, 1, first=7)
    assert numbers(copy) == [1, 2, 3, 4, 7]
    assert verify(copy).damage is not None


def test_a_kill_while_the_log_is_begun_leaves_nothing_wrong(tmp_path):
    _begin(tmp_path, Opening(0, START))
    for content in (None, b""):
        if content is not None:
            (tmp_path / "head").write_bytes(content)
        report = verify(tmp_path)
        assert (report.damage, report.lines, report.files) == (None, 0, 1)
    report = write(tmp_path, 2)
    assert (report.damage, report.lines) == (None, 2)
    assert repairs(tmp_path) == []
