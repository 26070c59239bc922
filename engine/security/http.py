"""HTTP to services outside: the one port that everything here uses, and httpx behind it.

Some addresses come from certificates and charge points, so nobody may reach our own network through them:
unless a host is named in the settings, only public addresses are connected to, no redirect is followed, and
answers are bounded.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any, Final, Protocol

import httpx
import msgspec
import trio

from engine.errors import OutsideError

TIMEOUT: Final = 5.0  # seconds for one exchange as a whole
MAX_URL: Final = 2_000
PLAIN: Final = {"accept-encoding": "identity"}  # what is bounded is what came over the wire


class Post(Protocol):
    """Posts and returns the body of a 200; OutsideError for everything else."""

    async def public(self, url: str, body: bytes, content_type: str, *, limit: int) -> bytes:
        """To an address that somebody outside gave us."""

    async def json(self, url: str, body: Any, *, limit: int) -> bytes:
        """To an address from our own settings."""


class HttpPost:
    """Posts by httpx; connections are not kept, exchanges are rare."""

    def __init__(self, allowed_hosts: Collection[str] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed_hosts)

    async def public(self, url: str, body: bytes, content_type: str, *, limit: int) -> bytes:
        target = _checked(url)
        with trio.move_on_after(TIMEOUT):
            address = await self._resolved(target)
            # The address that was judged is the one that is connected to, whatever the name says next.
            fixed = target.copy_with(host=address)
            headers = {"host": target.netloc.decode("ascii"), "content-type": content_type} | PLAIN
            return await _exchange(fixed, body, headers, limit, {"sni_hostname": target.host})
        raise OutsideError(f"{target.host} did not answer in time")

    async def json(self, url: str, body: Any, *, limit: int) -> bytes:
        target = _checked(url)
        with trio.move_on_after(TIMEOUT):
            headers = {"content-type": "application/json"} | PLAIN
            return await _exchange(target, msgspec.json.encode(body), headers, limit, {})
        raise OutsideError(f"{target.host} did not answer in time")

    async def _resolved(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await trio.socket.getaddrinfo(url.host, port, type=trio.socket.SOCK_STREAM)
        except OSError as error:
            raise OutsideError(f"{url.host}: {error}") from None
        addresses = [str(entry[4][0]) for entry in found]
        private = [one for one in addresses if not ipaddress.ip_address(one.partition("%")[0]).is_global]
        if private and url.host.lower() not in self._allowed:
            raise OutsideError(
                f"{url.host} is not on the public network; settings name it if it may be asked"
            )
        return addresses[0]


def _checked(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
        complete = target.scheme in {"http", "https"} and target.host != "" and not target.userinfo
    except (httpx.InvalidURL, ValueError):
        complete = False
    if not complete or len(url) > MAX_URL:
        raise OutsideError("not an absolute http or https URL")
    return target


async def _exchange(
    url: httpx.URL, body: bytes, headers: dict[str, str], limit: int, extensions: dict[str, Any]
) -> bytes:
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=headers, extensions=extensions) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise OutsideError(f"{url.host} answered {response.status_code}")
            # Read to the end, which the caller's deadline bounds: httpx does not like to be left half way.
            answer = bytearray()
            async for chunk in response.aiter_raw():
                answer += chunk[: limit + 1 - len(answer)]
            if len(answer) > limit:
                raise OutsideError(f"{url.host} answered with more than {limit} bytes")
            return bytes(answer)
    except httpx.HTTPError as error:
        raise OutsideError(f"{url.host}: {error or type(error).__name__}") from None
