"""Small rules that outbound messages share. Each returns the reasons not to send: none, and all is well."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from msgspec import UnsetType

TRANSFER_SCHEMES: Final = frozenset(
    {"ftp", "ftps", "http", "https", "sftp"}
)  # SupportedFileTransferProtocols


def location_errors(location: str, member: str) -> list[str]:
    """A place to fetch from or to put to: an absolute URL of a scheme that chargers speak."""
    try:
        url = urlsplit(location)
        complete = bool(url.hostname) and url.scheme.lower() in TRANSFER_SCHEMES
    except ValueError:
        complete = False
    if complete:
        return []
    return [f"{member} must be an absolute URL ({', '.join(sorted(TRANSFER_SCHEMES))})"]


def retry_errors(retries: int | UnsetType, retry_interval: int | UnsetType) -> list[str]:
    """Counts and seconds are never negative."""
    given = {"retries": retries, "retryInterval": retry_interval}
    return [f"{name} must not be negative" for name, value in given.items() if value and value < 0]
