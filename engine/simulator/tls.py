"""TLS as a charger speaks it: whom it trusts, and the certificate it shows (security profiles 2 and 3)."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Final

from engine.simulator.settings import SimulationSettings

PLACE: Final = "{identity}"  # in a path: there is a file for each station


def contexts(settings: SimulationSettings) -> dict[str, ssl.SSLContext]:
    """The TLS context of each station, one and the same where all show the same files; nothing for ws://.

    Raises ValueError for a file that cannot be used, or a certificate without a key.
    """
    if not settings.url.startswith("wss:"):
        return {}
    if (settings.certificate is None) != (settings.key is None):
        raise ValueError("a client certificate needs both, the certificate and its key")

    @cache
    def context(certificate: str, key: str) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=settings.ca)
        if certificate:
            made.load_cert_chain(certificate, key)
        return made

    def own(identity: str) -> ssl.SSLContext:
        paths = [(path or "").replace(PLACE, identity) for path in (settings.certificate, settings.key)]
        try:
            return context(*paths)
        except OSError as error:  # ssl.SSLError is one too
            named = ", ".join(path for path in (settings.ca, *paths) if path)
            raise ValueError(f"cannot use {named}: {error.strerror or error}") from error

    return {identity: own(identity) for identity in settings.identities()}
