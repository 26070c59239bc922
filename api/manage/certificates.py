"""Client certificates by the SHA-256 of their DER form, for load balancers that end TLS."""

from __future__ import annotations

from api.kernel.operations import Route
from api.manage import rules
from api.manage.schema import Certificate
from engine.domain.caller import Caller
from engine.node import Node


async def upload(node: Node, body: Certificate, caller: Caller) -> None:
    pem, digest = rules.pem_and_hash(rules.certificate(body.certificate))
    await node.store.certificates.put(caller, digest, pem)


async def lookup(node: Node, certificate_hash: str) -> Certificate:
    return Certificate(
        certificate=await node.store.certificates.get(rules.certificate_hash(certificate_hash))
    )


async def delete(node: Node, certificate_hash: str, caller: Caller) -> None:
    await node.store.certificates.delete(caller, rules.certificate_hash(certificate_hash))


ROUTES = (
    Route("POST", "/certificate", upload, 201),
    # The standard base64 alphabet has a slash.
    Route("GET", "/certificate/<text:certificate_hash>", lookup),
    Route("DELETE", "/certificate/<text:certificate_hash>", delete, 204),
)
