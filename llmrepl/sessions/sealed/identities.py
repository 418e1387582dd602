"""The age identities that open sealed sessions: in a file, or one in the system's keyring.

pyrage and keyring are imported where one of them is asked for, and nowhere else.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from llmrepl.errors import SessionError
from llmrepl.sessions.sealed.sealing import INSTALL, SessionSealed

_SERVICE, _ENTRY = "llmrepl", "sessions"
_NAME_ONE = "set sessions.identity to the file of an age identity it was sealed for"
_ACCEPTED = "an identity is a line AGE-SECRET-KEY-1…, and its file is not locked by a passphrase"


def pyrage() -> ModuleType:
    """Return the package that speaks age.

    Raises:
        SessionSealed: it is not installed.
    """
    try:
        return import_module("pyrage")
    except ImportError:
        raise SessionSealed("that needs the package pyrage", hint=INSTALL) from None


def identities(file: Path | None) -> list[Any]:
    """Return the identities of a file, or without one that of the system's keyring.

    Raises:
        SessionSealed: there are none.
    """
    if file is None:
        where, lines = "the system's keyring", [_kept()]
    else:
        where = str(file)
        try:
            lines = file.expanduser().read_text().splitlines()
        except (OSError, ValueError) as exc:
            why = (exc.strerror if isinstance(exc, OSError) else None) or "it is no text"
            raise SessionSealed(f"its key {where} cannot be read: {why}", hint=_NAME_ONE) from None
    secrets = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not secrets:
        raise SessionSealed(f"it is sealed, and there is no key in {where}", hint=_NAME_ONE)
    return [_identity(secret, where) for secret in secrets]


def kept_recipient() -> Any:
    """Return the recipient of the key in the system's keyring.

    Raises:
        SessionError: there is none.
    """
    secret = _kept()
    if not secret:
        raise SessionError(
            "there is no key for sessions in the system's keyring",
            hint="`llmrepl sessions key` makes one",
        )
    return _identity(secret, "the system's keyring").to_public()


def make(file: Path | None) -> tuple[str, bool]:
    """Make a key, in a file or else in the system's keyring; one that is there stays.

    Returns:
        Its recipient, and whether it was made now.

    Raises:
        SessionError: it cannot be made, or what is there is no key.
    """
    secret = str(pyrage().x25519.Identity.generate())
    recipient = str(_identity(secret, "it").to_public())
    if file is not None:
        return _make_in(file, secret, recipient)
    if _kept():
        return str(kept_recipient()), False
    keyring = _keyring()
    try:
        keyring.set_password(_SERVICE, _ENTRY, secret)
    except keyring.errors.KeyringError as exc:
        raise _unusable(exc) from None
    return recipient, True


def _make_in(file: Path, secret: str, recipient: str) -> tuple[str, bool]:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return str(identities(file)[0].to_public()), False
    except OSError as exc:
        raise SessionError(f"cannot write {file}: {exc.strerror}") from exc
    with os.fdopen(descriptor, "w") as made:
        made.write(f"# public key: {recipient}\n{secret}\n")
        made.flush()
        os.fsync(descriptor)  # a session that is sealed for it must not outlive it
    return recipient, True


def _identity(secret: str, where: str) -> Any:
    age = pyrage()
    try:
        return age.x25519.Identity.from_str(secret)
    except age.IdentityError:
        raise SessionSealed(f"what is in {where} is no age identity", hint=_ACCEPTED) from None


def _kept() -> str:
    keyring = _keyring()
    try:
        return keyring.get_password(_SERVICE, _ENTRY) or ""
    except keyring.errors.KeyringError as exc:
        raise _unusable(exc) from None


def _unusable(exc: Exception) -> SessionError:
    told = str(exc).partition("\n")[0].partition(". ")[0]  # the rest advises programmers
    return SessionSealed(
        f"the system's keyring cannot be used: {told}",
        hint="unlock it, or set sessions.encrypt and sessions.identity to an age key of yours",
    )


def _keyring() -> ModuleType:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise SessionSealed("that needs the package keyring", hint=INSTALL) from None
    return keyring
