"""The server side of TLS: versions, ciphers, and certificates reloaded when they change."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from engine.settings import Settings

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 10.0  # seconds between looks at the certificate files

# What the security whitepaper and 2.0.1 (A00.FR.318, FR.421) want a central system to offer, forward secrecy
# first; TLS 1.3 brings its own suites.
CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
    "AES128-GCM-SHA256:AES256-GCM-SHA384"
)


class Certificates:
    """Gives the context for the next connection. A renewed certificate is taken up without a restart.

    All are PEM files; clients may, but need not, show a certificate of one of `client_cas`.
    """

    def __init__(self, certificate: str, key: str, client_cas: Sequence[str] = ()) -> None:
        self._certificate = certificate
        self._key = key
        self._client_cas = client_cas
        self._stamp = self._stamped()
        self._looked_at = 0.0
        self._context = self._load()

    def context(self, now: float) -> ssl.SSLContext:
        """The present context; `now` in seconds of any steady clock."""
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            stamp = self._stamped()
            if stamp != self._stamp:
                self._reload(stamp)
        return self._context

    def _reload(self, stamp: tuple[float, ...]) -> None:
        try:
            self._context = self._load()
        except OSError as error:
            # Perhaps one of two files is not written yet: keep what works and look again.
            log.error("new TLS certificate not usable", error=error.strerror, file=error.filename)
            return
        self._stamp = stamp
        log.info("TLS certificate reloaded", file=self._certificate)

    def _stamped(self) -> tuple[float, ...]:
        files = (self._certificate, self._key, *self._client_cas)
        return tuple(os.stat(file).st_mtime for file in files if os.path.exists(file))

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        with _naming(self._certificate, self._key):
            context.load_cert_chain(self._certificate, self._key)
        if self._client_cas:
            # Optional, because profile 2 charge points come to the same port without one.
            for file in self._client_cas:
                with _naming(file):
                    context.load_verify_locations(file)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


@contextmanager
def _naming(*files: str) -> Iterator[None]:
    """Say in an error which files it is about: OpenSSL does not."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        error.filename = ", ".join(files)
        raise


def for_chargers(settings: Settings) -> Certificates:
    """Those of the charge points' port. Raises OSError (ssl.SSLError is one)."""
    if settings.tls_certificate is None or settings.tls_key is None:
        raise ValueError("TLS needs tls_certificate and tls_key")
    # The CA outside, and the built-in one, whose certificates nobody could use otherwise.
    built_in = Path(settings.data, "pki", "root.pem")
    named = [settings.tls_client_ca] if settings.tls_client_ca is not None else []
    client_cas = [*named, *([str(built_in)] if built_in.is_file() else [])]
    return Certificates(settings.tls_certificate, settings.tls_key, client_cas)


def for_http(settings: Settings) -> Certificates | None:
    """Those of the HTTP ports; None: they speak plain HTTP."""
    if settings.http_tls_certificate is None or settings.http_tls_key is None:
        return None
    return Certificates(settings.http_tls_certificate, settings.http_tls_key)
