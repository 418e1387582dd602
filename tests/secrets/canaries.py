"""Secrets to look for: one for each place in which llmrepl finds them, made anew for each test."""

import base64
import secrets
from urllib.parse import quote


class Canaries:
    """Plants secrets on a machine, and looks for them afterwards.

    Attributes:
        shown: a variable that blocks may see, though it is secret.
        hidden: a variable that blocks do not see.
        configured: a text of the setting `redact`.
        key: a provider's key, in the configuration.
        top: in the project's `.env`, which blocks cannot read.
        below: in a `.env` deeper in the project, and in a program that blocks can read.
    """

    NAMES = ("shown", "hidden", "configured", "key", "top", "below")

    def __init__(self, machine, server):
        for name in self.NAMES:
            setattr(self, name, f"canary/{name}+{secrets.token_hex(12)}")
        self._machine = machine
        machine.env |= {"SHOWN_TOKEN": self.shown, "HIDDEN_PASSWORD": self.hidden}
        machine.configure(
            f'model = "openai/x"\nredact = ["{self.configured}"]\n'
            '[sandbox]\nenv = ["SHOWN_TOKEN"]\n'
            f'[providers.openai]\nbase_url = "{server.url}/v1"\napi_key = "{self.key}"\n'
        )
        (machine.project / "service").mkdir()
        self._planted = {
            machine.user_file,
            _written(machine.project / ".env", f"APP_SECRET={self.top}\n"),
            _written(machine.project / "service" / ".env", f"MODE=test\nURL='{self.below}'\n"),
            _written(machine.project / "service" / "url.py", f"url = '{self.below}'\n"),
        }

    @property
    def all(self):
        """The secrets by their names."""
        return {name: getattr(self, name) for name in self.NAMES}

    def in_files(self):
        """Return (file, secret) for every secret in a file that it was not put into."""
        found = []
        for path in self._machine.root.rglob("*"):
            found += [(path, name) for name in self.inside(str(path).encode())]
            if path.is_file() and not path.is_symlink() and path not in self._planted:
                found += [(path, name) for name in self.inside(path.read_bytes())]
        return found

    def inside(self, data):
        """Return the names of the secrets that `data`, bytes or text, holds in a usual form."""
        content = data if isinstance(data, bytes) else data.encode()
        return [
            name
            for name, value in self.all.items()
            if any(form in content for form in forms(value))
        ]

    def in_requests(self, server):
        """Return the secrets in the requests, but for the key where it belongs."""
        found = []
        for exchange in server.exchanges:
            headers = dict(exchange.headers)
            if headers.get("authorization") == f"Bearer {self.key}":
                del headers["authorization"]
            found += self.inside(f"{exchange.path} {headers}") + self.inside(exchange.content)
        return found


def forms(value):
    """Return the bytes of a secret, as they are and as programs often write them."""
    data = value.encode()
    return (data, base64.b64encode(data), quote(value, safe="").encode())


def _written(path, text):
    path.write_text(text)
    return path
