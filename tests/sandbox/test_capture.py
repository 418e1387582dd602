"""What is kept of a block's output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.executors.running.capture import Kept

CHUNKS = st.lists(st.binary(max_size=30), max_size=30)


def part(chunks, most):
    kept = Kept(most)
    for chunk in chunks:
        kept.add(chunk)
    return kept.part("stdout")


def test_nothing_written_is_no_part():
    assert part([], 100) is None


@given(text=st.text("abc\n", max_size=40), most=st.integers(40, 100))
def test_what_fits_is_kept_whole(text, most):
    found = part([text.encode()], 2 * most)
    assert (found.text if found else "") == text
    assert found is None or found.dropped == 0


def test_of_too_much_the_head_and_the_tail_are_kept_and_the_rest_is_counted():
    lines = [f"line {n:05}\n".encode() for n in range(10_000)]
    found = part(lines, 1000)
    assert found.text.startswith("line 00000\n")
    assert found.text.endswith("line 09999\n")
    assert f"[... {found.dropped} bytes cut here ...]" in found.text
    shown = len(found.text) - len(f"\n[... {found.dropped} bytes cut here ...]\n")
    assert shown + found.dropped == 110_000


@given(chunks=CHUNKS, most=st.integers(2, 50))
def test_no_byte_goes_missing_without_being_counted(chunks, most):
    chunks = [bytes(65 + byte % 26 for byte in chunk) for chunk in chunks]
    found = part(chunks, most)
    total = sum(map(len, chunks))
    if found is not None and found.dropped:
        marker = f"\n[... {found.dropped} bytes cut here ...]\n"
        assert len(found.text.replace(marker, "")) + found.dropped == total
    else:
        assert (found.text if found else "") == b"".join(chunks).decode()


def test_only_the_head_is_given_to_displays():
    kept = Kept(10)
    assert kept.add(b"abc") == b"abc"
    assert kept.add(b"defgh") == b"de"
    assert kept.add(b"ijk") == b""
