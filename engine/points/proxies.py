"""What proxies that end TLS or pass connections on say of who is behind them. Pure.

Only addresses named in `trusted_proxies` are believed, and of X-Forwarded-For only what they have written
themselves: it is read from its end, up to the first address that is none of theirs. Whatever a client puts
into these headers itself stands before that, or is replaced by the proxy.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engine.domain.state import Frozen
from engine.points.authentication import Certificate

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Sequence[tuple[bytes, bytes]]

FOR: Final = b"x-forwarded-for"
PROTOCOL: Final = b"x-forwarded-proto"
CERTIFICATE: Final = b"client-cert"  # RFC 9440, or the PEM percent-encoded as nginx writes it
CERTIFICATE_HASH: Final = b"x-client-cert-hash"  # SHA-256 of the DER form: hexadecimal, or base64
SECURE: Final = frozenset({"https", "wss"})
DIGEST: Final = hashlib.sha256().digest_size


class Forwarded(Frozen, frozen=True):
    """What trusted proxies say of a connection; `secure` None: nothing."""

    address: str
    secure: bool | None = None
    certificate_sha256: bytes | None = None


class Proxies:
    """The proxies that are believed. `networks` in CIDR form, single addresses included."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(one) for one in networks)

    def forwarded(self, peer: str, headers: Headers) -> Forwarded | None:
        """What the headers say of who is behind `peer`; None: it is nobody whom we believe."""
        nearest = address_in(peer)
        if nearest is None or not self._trusts(nearest):
            return None
        words = _listed(headers, PROTOCOL)
        return Forwarded(
            address=str(self._client(nearest, _listed(headers, FOR))),
            secure=words[-1].lower() in SECURE if words else None,
            certificate_sha256=_certificate(headers),
        )

    def trusts(self, peer: str) -> bool:
        """Whether `peer` speaks for others."""
        address = address_in(peer)
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _client(self, nearest: Address, hops: Sequence[str]) -> Address:
        """The last hop that was not written by somebody whom we do not know."""
        client = nearest
        for hop in reversed(hops):
            if not self._trusts(client):
                break
            address = address_in(hop)
            if address is None:
                break
            client = address
        return client


def address_in(text: str) -> Address | None:
    """The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; None: no address.

    IPv4 within IPv6 is IPv4; a zone does not count.
    """
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def presented(pem: str) -> Certificate:
    """What an uploaded certificate says of its owner. Raises ValueError where it is none."""
    parsed = x509.load_pem_x509_certificate(pem.encode())
    names = parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return Certificate(
        common_name=str(names[0].value) if names else None,
        serial=f"{parsed.serial_number:x}",
        valid_from=parsed.not_valid_before_utc,
        valid_until=parsed.not_valid_after_utc,
    )


def _listed(headers: Headers, name: bytes) -> list[str]:
    joined = b",".join(value for key, value in headers if key == name).decode("latin-1")
    return [word for part in joined.split(",") if (word := part.strip())]


def _certificate(headers: Headers) -> bytes | None:
    """The SHA-256 of the client certificate that the proxy names; None: none, or not one alone."""
    whole = [value.strip() for name, value in headers if name == CERTIFICATE and value.strip()]
    named = [value.strip() for name, value in headers if name == CERTIFICATE_HASH and value.strip()]
    if len(whole) + len(named) != 1:
        return None
    return _hash_of(whole[0]) if whole else _hash_in(named[0])


def _hash_of(value: bytes) -> bytes | None:
    try:
        if value.startswith(b":"):
            der = base64.b64decode(value.strip(b":"), validate=True)
        else:
            pem = unquote_to_bytes(value)
            der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except ValueError:
        return None
    return hashlib.sha256(der).digest()


def _hash_in(value: bytes) -> bytes | None:
    plain = value.replace(b":", b"")
    try:
        if len(plain) == 2 * DIGEST:
            return bytes.fromhex(plain.decode("ascii"))
        text = plain.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        digest = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == DIGEST else None
