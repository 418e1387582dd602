"""The keys that this process has: for whom it seals sessions, and which it can open.

They are the process's and not a caller's, so that no way to begin a session can forget to seal it.
Nothing is imported or read before a sealed session is met or begun.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmrepl.errors import SessionError
from llmrepl.sessions.sealed.identities import identities, kept_recipient, pyrage
from llmrepl.sessions.sealed.sealing import Seal, SessionSealed, new_key

KEYRING = "keyring"
"""What stands for the key in the system's keyring where a recipient is named."""

FIELD = "seal"
"""The field of a header that holds the key, wrapped."""


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
        if (tuple(recipients), identity) == (self._recipients, self._identity):
            return
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
        age = pyrage()
        try:
            recipients = [
                kept_recipient() if word == KEYRING else age.x25519.Recipient.from_str(word)
                for word in self._recipients
            ]
            wrapped = b64encode(age.encrypt(seal.key, recipients)).decode()
        except age.RecipientError as exc:
            raise SessionError(
                f"sessions.encrypt names what is no age recipient: {exc}",
                hint="a recipient is the `age1…` that age-keygen prints, or `keyring`",
            ) from None
        self._known[wrapped] = seal
        return seal, {"id": seal.id, "key": wrapped, "cwd": seal.close(cwd.encode(), "cwd")}

    def seal_of(self, header: Mapping[str, Any]) -> Seal:
        """Return the seal of a session, told by what its header has beside the usual.

        Raises:
            SessionSealed: it cannot be opened here.
            SessionError: its header was changed.
        """
        try:
            wrapped, name = header[FIELD]["key"], header[FIELD]["id"]
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
        age = pyrage()
        if self._identities is None:
            self._identities = identities(self._identity)
        try:
            return Seal(age.decrypt(raw, self._identities))
        except (age.DecryptError, ValueError):
            raise SessionSealed(
                f"it is sealed for other keys than {self._identity or 'that of the keyring'}",
                hint="set sessions.identity to the file of an age identity it was sealed for",
            ) from None


KEYS = Keys()
"""Those of this process; whoever loads its configuration says which they are."""
