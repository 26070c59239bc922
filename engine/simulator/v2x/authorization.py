"""What a 2.x station knows of tokens: its authorization cache (C10 to C12). No messages."""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.connector import Permit
from engine.simulator.v2x.variables import DeviceModel

CACHE_SIZE: Final = 500  # tokens; the one unused for longest goes first
ID_TYPE: Final = "ISO14443"


class Knowledge:
    """What the server has said, by token."""

    def __init__(self, variables: DeviceModel) -> None:
        self._variables = variables
        self._cache: dict[str, Permit] = {}

    def known(self, id_tag: str) -> Permit | None:
        return self._cache.get(id_tag) if self._variables.flag("AuthCacheCtrlr", "Enabled") else None

    def learn(self, id_tag: str, info: Any) -> Permit:
        """The server has said something about a token."""
        group = info.group_id_token.id_token if info.group_id_token else None
        permit = Permit(info.status, group)
        self._cache.pop(id_tag, None)
        self._cache[id_tag] = permit
        if len(self._cache) > CACHE_SIZE:
            del self._cache[next(iter(self._cache))]
        return permit

    def forget(self, id_tag: str | None = None) -> None:
        """One token, or all (C11)."""
        if id_tag is None:
            self._cache.clear()
        else:
            self._cache.pop(id_tag, None)

    def alone(self, known: Permit | None) -> Permit:
        """What counts without a connection (C10, C15)."""
        if known is not None and self._variables.flag("AuthCtrlr", "LocalAuthorizeOffline"):
            return known
        unknown_may = known is None and self._variables.flag("AuthCtrlr", "OfflineTxForUnknownIdEnabled")
        return Permit("Accepted" if unknown_may else "Invalid")


def token(id_tag: str, kind: str = ID_TYPE) -> dict[str, str]:
    return {"idToken": id_tag, "type": kind}
