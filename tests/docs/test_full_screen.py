"""The pictures of the timeline and the inspector are what is drawn now, and load nothing."""

import re

from docs.screens.studies import KEYS, PICTURES, pictures
from tests.docs.console import ROOT

PAGE = ROOT / "docs/how-to/full-screen.md"


def test_pictures_of_studies_are_what_is_drawn_now():
    drawn = pictures()
    on_file = {name: (PICTURES / f"{name}.svg").read_text("utf-8") for name in KEYS}
    assert on_file == drawn, "make them again: python -m docs.screens.studies"
    for text in drawn.values():
        assert set(re.findall(r"\w+://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}


def test_every_picture_of_the_full_screen_stands_on_its_page():
    shown = re.findall(r"!\[[^\]]+\]\(\.\./screens/full-screen/([\w-]+)\.svg\)", PAGE.read_text())
    assert {*KEYS} <= {*shown}
    assert {path.stem for path in PICTURES.iterdir()} >= {*shown}
