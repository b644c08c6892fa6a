"""The link that brings the applicant into an inspection: recognised by its own proof, so that nothing secret is stored.

A token is base64url(inspection uuid ‖ number of the invitation ‖ HMAC-SHA-256 of both). It opens nothing by
itself: it names the inspection, and a one-time code to the invited phone binds it. It stands in the fragment of
the link, which browsers send to no server and link previews do not see.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from inspection.errors import InvitationEndedError, InvitationError
from inspection.inspection import Inspection

_PURPOSE = b"peiban-invitation-1"
_PLAIN = 16 + 4
_MAC = 32
_LETTERS = 70  # base64url of 52 bytes without padding


@dataclass(frozen=True)
class Invitation:
    inspection_id: UUID
    number: int


class InvitationKeys:
    """Makes and reads tokens. `key`: at least 32 random bytes; another key makes every link invalid."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("an invitation key has at least 32 bytes")
        self._key = key

    def token(self, inspection_id: UUID, number: int) -> str:
        plain = inspection_id.bytes + number.to_bytes(4, "big")
        return base64.urlsafe_b64encode(plain + self._mac(plain)).decode().rstrip("=")

    def link(self, base: str, inspection_id: UUID, number: int) -> str:
        """base: scheme and host of the phone pages, `https://host`."""
        return f"{base.rstrip('/')}/i#{self.token(inspection_id, number)}"

    def read(self, token: str) -> Invitation:
        """Raises InvitationError for anything that was not made with this key."""
        if len(token) != _LETTERS or not token.isascii():
            raise InvitationError
        try:
            raw = base64.b64decode(token + "==", altchars=b"-_", validate=True)
        except binascii.Error as wrong:
            raise InvitationError from wrong
        invitation = Invitation(UUID(bytes=raw[:16]), int.from_bytes(raw[16:_PLAIN], "big"))
        # Compared as text: the last letter has spare bits, and one invitation has one token.
        if not hmac.compare_digest(token, self.token(invitation.inspection_id, invitation.number)):
            raise InvitationError
        return invitation

    def salt(self, inspection_id: UUID) -> str:
        """32 hex digits that keep the digest of a sheet from being guessed; the same whenever it is drafted again."""
        return hmac.digest(self._key, b"peiban-sheet-salt-1" + inspection_id.bytes, hashlib.sha256).hex()[:32]

    def _mac(self, plain: bytes) -> bytes:
        return hmac.digest(self._key, _PURPOSE + plain, hashlib.sha256)


def require_open(inspection: Inspection, invitation: Invitation) -> None:
    """A link is good from the first offer of a time until the inspection ends; every one sent leads to the same place.

    Raises InvitationError for a number never sent, InvitationEndedError after the end.
    """
    if invitation.inspection_id != inspection.id or not 1 <= invitation.number <= inspection.invitation:
        raise InvitationError
    if inspection.over:
        raise InvitationEndedError
