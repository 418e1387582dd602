"""Keys for which sessions are sealed while a test runs."""

from contextlib import contextmanager

from llmrepl.sessions.sealed.identities import make
from llmrepl.sessions.sealed.keys import KEYS


def age_key(file):
    """Return the file with a new key in it, and the key's recipient."""
    recipient, _ = make(file)
    return file, recipient


@contextmanager
def sealing(directory):
    """Seal new sessions for a key, and give its file."""
    file, recipient = age_key(directory / "identity")
    KEYS.use([recipient], file)
    try:
        yield file
    finally:
        KEYS.use([], None)


@contextmanager
def opening(file):
    """Open sealed sessions with a key, and leave new ones plain."""
    KEYS.use([], file)
    try:
        yield
    finally:
        KEYS.use([], None)
