"""Who provides contract certificates to vehicles (ISO 15118, M01, M02): a port, an HTTP service, a sandbox.

Requests and answers are EXI in base64 and pass through as they are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec
from cryptography import x509

from engine.domain.outside import Contract, ContractAsked
from engine.errors import OutsideError, SettingsError
from engine.security.http import Post
from engine.settings import Settings

SANDBOX: Final = "sandbox"  # the setting's word for it
MAX_ANSWER: Final = 65_536  # bytes


def open_roots(settings: Settings) -> Sequence[x509.Certificate]:
    """The roots of contract certificates that the settings name. Raises SettingsError."""
    if settings.contract_roots is None:
        return ()
    try:
        return x509.load_pem_x509_certificates(Path(settings.contract_roots).read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"contract_roots: {settings.contract_roots}: {error}") from None


class ContractProvider(Protocol):
    """Answers a vehicle's request; raises OutsideError when nobody decided about it."""

    async def ask(self, question: ContractAsked) -> Contract: ...


class Sandbox:
    """Accepts every request that is base64, with an answer of no use to a vehicle, to try the messages.

    The answer is the SHA-256 of the request and its action, so tests can tell whose it is.
    """

    async def ask(self, question: ContractAsked) -> Contract:
        try:
            request = base64.b64decode(question.exi_request, validate=True)
        except binascii.Error:
            return Contract(accepted=False, exi_response="")
        digest = hashlib.sha256(question.action.encode() + b"\0" + request).digest()
        return Contract(accepted=True, exi_response=base64.b64encode(digest).decode(), remaining=0)


class HttpProvider:
    """A service that takes Get15118EVCertificate's members as JSON and answers with those of its response."""

    def __init__(self, url: str, post: Post) -> None:
        self._url = url
        self._post = post

    async def ask(self, question: ContractAsked) -> Contract:
        answer = await self._post.json(self._url, _Request.of(question), limit=MAX_ANSWER)
        try:
            response = msgspec.json.decode(answer, type=_Response)
        except msgspec.DecodeError as error:
            raise OutsideError(f"the provider's answer makes no sense: {error}") from None
        return Contract(
            accepted=response.status == "Accepted",
            exi_response=response.exi_response,
            remaining=response.remaining_contracts,
        )


class _Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    iso15118_schema_version: str
    action: str
    exi_request: str
    maximum_contract_certificate_chains: int | None = None
    prioritized_emaids: tuple[str, ...] = msgspec.field(default=(), name="prioritizedEMAIDs")

    @classmethod
    def of(cls, question: ContractAsked) -> _Request:
        return cls(
            iso15118_schema_version=question.schema_version,
            action=question.action,
            exi_request=question.exi_request,
            maximum_contract_certificate_chains=question.maximum_chains,
            prioritized_emaids=question.prioritized_emaids,
        )


class _Response(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    status: Literal["Accepted", "Failed"]
    exi_response: str = ""
    remaining_contracts: int | None = None
