"""The keys that this process has: for whom it seals sessions, and which it can open.

They are the process's and not a caller's, so that no way to begin a session can forget to seal it.
Nothing is imported or read before a sealed session is met or begun.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from llmrepl.errors import SessionError
from llmrepl.sessions.sealing import INSTALL, Seal, SessionSealed, new_key

KEYRING = "keyring"
"""What stands for the key in the system's keyring where a recipient is named."""

FIELD = "seal"
"""The field of a header that holds the key, wrapped."""

_SERVICE, _ENTRY = "llmrepl", "sessions"
_MAKE = "`llmrepl sessions key` makes a key in the keyring"
_NAME_ONE = "set sessions.identity to the file of an age identity it was sealed for"


class Keys:
    """What one process seals with and opens with."""

    def __init__(self) -> None:
        self._recipients: tuple[str, ...] = ()
        self._identity: Path | None = None
        self._known: dict[str, Seal] = {}
        self._identities: list[Any] | None = None

    def use(self, recipients: Sequence[str], identity: Path | None) -> None:
        """Seal new sessions for these, and open sealed ones with this.

        Args:
            recipients: age recipients, or `keyring`; none for plain sessions.
            identity: a file of age identities; None for the key in the system's keyring.
        """
        self._recipients = tuple(recipients)
        self._identity = identity
        self._known = {}
        self._identities = None

    @property
    def sealing(self) -> bool:
        """Whether new sessions are sealed."""
        return bool(self._recipients)

    def begin(self, cwd: str) -> tuple[Seal, dict[str, Any]]:
        """Return the seal of a new session, and the field of its header.

        Args:
            cwd: the directory it belongs to, which is sealed as well.

        Raises:
            SessionError: it cannot be sealed for those it is to be sealed for.
        """
        seal = Seal(new_key())
        pyrage = _pyrage()
        try:
            recipients = [self._recipient(word) for word in self._recipients]
            wrapped = b64encode(pyrage.encrypt(seal.key, recipients)).decode()
        except pyrage.RecipientError as exc:
            raise SessionError(
                f"sessions.encrypt names what is no age recipient: {exc}",
                hint="a recipient is the `age1…` that age-keygen prints, or `keyring`",
            ) from None
        self._known[wrapped] = seal
        return seal, {"id": seal.id, "key": wrapped, "cwd": seal.close(cwd.encode(), "cwd")}

    def seal_of(self, header: Mapping[str, Any]) -> Seal:
        """Return the seal of a session, told by what its header has beside the usual.

        Raises:
            SessionSealed: no key that opens it is here.
            SessionError: it cannot be known whether there is one.
        """
        field = header.get(FIELD)
        try:
            wrapped, name = field["key"], field["id"]  # type: ignore[index] # checked by trying
            raw = b64decode(wrapped, validate=True)
        except (TypeError, KeyError, ValueError):
            raise SessionError("its header does not say how it is sealed") from None
        if wrapped not in self._known:
            self._known[wrapped] = self._unwrapped(raw)
        seal = self._known[wrapped]
        if seal.id != name:
            raise SessionError("its header holds the key of another session")
        return seal

    def _unwrapped(self, raw: bytes) -> Seal:
        pyrage = _pyrage()
        if self._identities is None:
            self._identities = self._read()
        try:
            return Seal(pyrage.decrypt(raw, self._identities))
        except (pyrage.DecryptError, ValueError) as exc:
            raise SessionSealed(f"it is sealed for other keys ({exc})", hint=_NAME_ONE) from None

    def _recipient(self, word: str) -> Any:
        x25519 = _pyrage().x25519
        if word != KEYRING:
            return x25519.Recipient.from_str(word)
        secret = _kept()
        if not secret:
            raise SessionError("there is no key for sessions in the system's keyring", hint=_MAKE)
        return x25519.Identity.from_str(secret).to_public()

    def _read(self) -> list[Any]:
        """Return the identities there are.

        Raises:
            SessionSealed: there are none.
        """
        pyrage = _pyrage()
        if self._identity is None:
            lines = [_kept()]
            where = "the system's keyring"
        else:
            where = str(self._identity)
            try:
                lines = self._identity.expanduser().read_text().splitlines()
            except (OSError, ValueError) as exc:
                raise SessionSealed(f"its key {where} cannot be read: {exc}") from None
        secrets = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not secrets:
            raise SessionSealed(f"it is sealed, and there is no key in {where}", hint=_NAME_ONE)
        try:
            return [pyrage.x25519.Identity.from_str(secret) for secret in secrets]
        except pyrage.IdentityError:
            raise SessionSealed(
                f"what is in {where} is no age identity",
                hint="a file has lines that begin AGE-SECRET-KEY-1, not locked by a passphrase",
            ) from None


KEYS = Keys()
"""Those of this process; whoever loads its configuration says which they are."""


def make() -> tuple[str, bool]:
    """Make a key in the system's keyring, where there is none; return its recipient.

    Returns:
        The recipient, and whether it was made now.

    Raises:
        SessionError: there is no keyring.
    """
    x25519 = _pyrage().x25519
    secret = _kept()
    fresh = not secret
    if fresh:
        keyring = _keyring()
        secret = str(x25519.Identity.generate())
        try:
            keyring.set_password(_SERVICE, _ENTRY, secret)
        except keyring.errors.KeyringError as exc:
            raise _unusable(exc) from None
    return str(x25519.Identity.from_str(secret).to_public()), fresh


def _kept() -> str:
    keyring = _keyring()
    try:
        return keyring.get_password(_SERVICE, _ENTRY) or ""
    except keyring.errors.KeyringError as exc:
        raise _unusable(exc) from None


def _unusable(exc: Exception) -> SessionError:
    return SessionSealed(
        f"the system's keyring cannot be used: {exc}",
        hint="unlock it, or set sessions.encrypt and sessions.identity to an age key of yours",
    )


def _keyring() -> ModuleType:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise SessionSealed(
            "using the system's keyring needs the package keyring", hint=INSTALL
        ) from None
    return keyring


def _pyrage() -> ModuleType:
    try:
        return import_module("pyrage")
    except ImportError:
        raise SessionError("sealing needs the package pyrage", hint=INSTALL) from None
