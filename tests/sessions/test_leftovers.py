"""What a crash leaves beside the sessions goes with the next erasure, and nothing else does."""

from llmrepl.sessions.drafts import place
from llmrepl.sessions.keeping.erasing import erase
from tests.sessions.sample import notes, write

LARGE = "x" * 100_000


def test_a_draft_beside_a_blob_does_not_hide_it_from_an_erasure(tmp_path):
    session = write(tmp_path, notes(1, LARGE))
    (blob,) = (tmp_path / "blobs").iterdir()
    for draft in (blob.with_suffix(".77-1.draft"), session.with_suffix(".77-1.draft")):
        draft.write_bytes(LARGE.encode())
    list(erase(tmp_path, [session.stem]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_placed_instead_of_a_file_takes_its_place(tmp_path):
    place(tmp_path / "one", [b"first"])
    place(tmp_path / "one", [b"second"], instead=True)
    assert (tmp_path / "one").read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [tmp_path / "one"]
