"""A keyring for `PYTHON_KEYRING_BACKEND`: a file that the variable RING names."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class FileRing(KeyringBackend):
    """Keeps passwords in a file; one that holds the word `locked` cannot be opened."""

    priority = 1

    def _held(self):
        file = Path(os.environ["RING"])
        text = file.read_text() if file.exists() else "{}"
        if text == "locked":
            raise KeyringLocked("the keyring is locked")
        return json.loads(text)

    def get_password(self, service, username):
        return self._held().get(f"{service} {username}")

    def set_password(self, service, username, password):
        held = {**self._held(), f"{service} {username}": password}
        Path(os.environ["RING"]).write_text(json.dumps(held))

    def delete_password(self, service, username):
        held = self._held()
        del held[f"{service} {username}"]
        Path(os.environ["RING"]).write_text(json.dumps(held))
