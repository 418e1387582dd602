"""A folder of files to talk about."""

from __future__ import annotations

import pytest

from tests.demo.driver import Chat

FILES = {
    "README.md": "# Tea\n\nBoil the water, then pour the water.\n\n## Milk\n\nTODO: how much\n",
    "brew.py": '"""Brews."""\n\ndef boil():\n    return 100\n\n\nclass Pot:\n    pass\n',
    "prices.csv": 'tea,price,kind\nassam,3.5,black\nsencha,5.0,green\nceylon,2.0,"black, broken"\n',
    "settings.json": '{"cups": [1, 2], "milk": true}',
    "notes/deep/list.txt": "todo: buy sencha\nbuy milk\n",
    "a b.txt": "with a space\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "photo.bin").write_bytes(bytes(5_000))
    return tmp_path


@pytest.fixture
def chat(folder):
    return Chat(folder)
