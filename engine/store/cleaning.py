"""What no row holds: secrets that people or programs would read, and what PostgreSQL's text cannot hold.

By the type of the change, not by who made it. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.domain import changes
from engine.domain.changes import Change, Json
from engine.masking import MASK, are_plain, masked_document, masked_text
from engine.store.fields import Field

# Rows that states are loaded from again, or that are found by what a charger calls them: to the letter. What
# vendors added to messages has lost its secrets when it was decoded.
EXACT: Final[frozenset[type[Change]]] = frozenset(
    {
        changes.CertificateWanted, changes.ChargingProfileChanged, changes.ReservationMade,
        changes.AuthorizationMade, changes.SessionAsked, changes.SessionMerged, changes.SessionOpened,
        changes.SessionAmended, changes.SessionStopAsked, changes.SessionClosed, changes.SessionReviewed,
        changes.SessionReopened, changes.SessionExplained, changes.ChargingPeriodsRewritten,
        changes.ChargingPeriodOpened, changes.ChargingPeriodClosed, changes.TransactionEventStored,
        changes.SessionMeasured,
        changes.MeterValueAdded, changes.MeterValueCounted, changes.OrphanKept, changes.OrphanResolved,
    }
)  # fmt: skip
# Rows by the thousand per second, of decoded messages: those have no NUL, and are not searched for it.
DECODED: Final = (changes.MeterValueAdded, changes.MeterValueCounted, changes.TransactionEventStored)
CLEAN: Final = {
    (changes.MessageLogged, "payload"),  # masked when it was cut
    *((changes.MessageLogged, name) for name in ("direction", "kind")),
    *((changes.Audited, name) for name in ("actor", "action", "subject")),  # words of ours
}
# One escape makes way for another of its length, so the JSON around it stays as it is, and that inside of it.
NUL: Final = b"\\u0000"
REPLACEMENT: Final = b"\\ufffd"


class Cleaner:
    """Of one type of change, which has these fields."""

    def __init__(self, kind: type[Change], fields: Sequence[Field]) -> None:
        self._exact = kind in EXACT
        members = [(field.name, field.plain) for field in fields if (kind, field.name) not in CLEAN]
        self._texts = [name for name, plain in members if plain is str and not self._exact]
        self._documents = [name for name, plain in members if plain is bytes]
        self._searched = kind not in DECODED
        self._apart: list[Json] = []
        self._encoder = msgspec.json.Encoder(enc_hook=self._apart.append)

    def encode(self, rows: Sequence[Change]) -> tuple[bytes, Sequence[Json]]:
        """The rows as JSON that the database takes, whatever text is in them; and their documents apart."""
        if self._texts or self._documents:
            rows = [self._clean(row) for row in rows]
        try:
            self._apart.clear()
            encoded = self._encoder.encode(rows)
        except UnicodeEncodeError:
            self._apart.clear()
            encoded = self._encoder.encode([_unicode(row) for row in rows])
        documents = self._apart.copy()
        self._apart.clear()
        return encoded.replace(NUL, REPLACEMENT) if self._searched else encoded, documents

    def _clean(self, change: Change) -> Change:
        """The change without secrets, and its documents without NUL."""
        others: dict[str, Any] = {}
        texts = {name: text for name in self._texts if (text := getattr(change, name)) is not None}
        if not are_plain(texts.values()):
            others = {name: masked for name, text in texts.items() if (masked := masked_text(text)) != text}
        for name in self._documents:
            document: bytes = getattr(change, name)
            others[name] = Json(self._document(document))
        return msgspec.structs.replace(change, **others) if others else change

    def _document(self, document: bytes) -> bytes:
        if not self._exact:
            masked = masked_document(document)
            document = msgspec.json.encode(MASK) if masked is None else masked
        return document.replace(NUL, REPLACEMENT)


def _unicode(change: Change) -> Change:
    """The change with `?` for each half of a surrogate pair in its text."""
    texts = {name: text for name, text in msgspec.structs.asdict(change).items() if isinstance(text, str)}
    return msgspec.structs.replace(
        change, **{name: text.encode(errors="replace").decode() for name, text in texts.items()}
    )
