"""Who may charge, as an OCPP 1.6 charger knows it by itself: local list and cache (§3.5). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from engine.ocpp.messages.v16 import AuthorizationData, IdTagInfo
from engine.simulator.v16.configuration import MOST_LIST_ENTRIES, Configuration

CACHE_SIZE: Final = 500  # the entry unused for longest goes first


class Knowledge:
    """Local authorization list and cache of one charger; both survive reboots."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._list: dict[str, IdTagInfo] = {}
        self._cache: dict[str, IdTagInfo] = {}
        self.version = 0

    def known(self, id_tag: str, now: datetime) -> IdTagInfo | None:
        """What list or cache say; the list goes first (§3.5.3), an expired entry of the cache is none."""
        if self._configuration.flag("LocalAuthListEnabled") and id_tag in self._list:
            return self._list[id_tag]
        if not self._configuration.flag("AuthorizationCacheEnabled"):
            return None
        info = self._cache.get(id_tag)
        return None if info is None or (info.expiry_date and info.expiry_date <= now) else info

    def learn(self, id_tag: str, info: IdTagInfo) -> None:
        """The server has said something about a tag; what is on the list is not cached (§3.5.3)."""
        if id_tag not in self._list:
            self._cache.pop(id_tag, None)
            self._cache[id_tag] = info
            if len(self._cache) > CACHE_SIZE:
                del self._cache[next(iter(self._cache))]

    def forget(self) -> None:
        self._cache.clear()

    def update(
        self, version: int, entries: Sequence[AuthorizationData], full: bool
    ) -> Literal["Accepted", "Failed", "VersionMismatch", "NotSupported"]:
        """OCPP 1.6 §5.15"""
        if not self._configuration.flag("LocalAuthListEnabled"):
            return "NotSupported"
        if len(entries) > MOST_LIST_ENTRIES or len({entry.id_tag for entry in entries}) < len(entries):
            return "Failed"
        if full:
            if not all(entry.id_tag_info for entry in entries):
                return "Failed"
            changed: dict[str, IdTagInfo] = {}
        elif version <= self.version:
            return "VersionMismatch"
        else:
            changed = dict(self._list)
        for entry in entries:
            if entry.id_tag_info:
                changed[entry.id_tag] = entry.id_tag_info
            else:
                changed.pop(entry.id_tag, None)
        self._list, self.version = changed, version
        for id_tag in changed:
            self._cache.pop(id_tag, None)
        return "Accepted"
