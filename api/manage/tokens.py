"""Authorization tokens in OCPI's shape; here they are id tags."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from api.kernel.operations import Route
from api.kernel.rows import only
from api.manage import rules
from api.manage.schema import Token, TokenPage, TokenView
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan
from engine.store.readings import ID_TAGS
from engine.store.repositories.id_tags import IdTag, IdTagPatch

MAX_PAGE: Final = 100
# OCPI's types → how stations of OCPP 2.x present such a token. OCPI has no word of its own for a contract of
# plug and charge: its eMAID is a token of type OTHER.
PRESENTED: Final = {"RFID": "rfid", "APP_USER": "central", "AD_HOC_USER": "central", "OTHER": "emaid"}


async def set_token(node: Node, body: Token, caller: Caller) -> None:
    """Create a token or replace it as a whole."""
    patch = IdTagPatch(
        country_code=body.country_code,
        party_id=body.party_id,
        token_type=body.type,
        type=PRESENTED[body.type],
        contract_id=rules.contract_id(body.contract_id),
        visual_number=body.visual_number or None,
        issuer=body.issuer,
        group_id=body.group_id or None,
        valid=body.valid,
        language_code=body.language_code or None,
        cache_mode=body.cache_mode,
    )
    await node.store.id_tags.set(body.uid, patch, actor=caller.actor)


async def list_tokens(node: Node, query: TokenPage, caller: Caller) -> list[TokenView]:
    if not query.limit:
        return []
    limit = min(query.limit, MAX_PAGE)
    rows = await node.store.rows(Plan(caller=caller, reading=ID_TAGS, skip=query.offset, limit=limit))
    return [_shown(IdTag(**row)) for row in rows]


async def lookup(node: Node, token_uid: str, caller: Caller) -> TokenView:
    this = Condition(field="uid", operator=Operator.SAME_TEXT, value=token_uid)
    plan = Plan(caller=caller, reading=ID_TAGS, where=(this,), limit=1)
    return _shown(IdTag(**await only(node, plan, "id tag", token_uid)))


def _shown(row: IdTag) -> TokenView:
    """Tags that were not added through OCPI's members have empty texts in the required ones."""
    return TokenView(
        country_code=row.country_code or "",
        party_id=row.party_id or "",
        type=row.token_type,
        uid=row.uid,
        contract_id=row.contract_id or "",
        visual_number=row.visual_number or UNSET,
        issuer=row.issuer or "",
        group_id=row.group_id or UNSET,
        valid=row.valid,
        language_code=row.language_code or UNSET,
        cache_mode=row.cache_mode,
        last_updated=row.last_updated_at,
    )


ROUTES = (
    Route("POST", "/token", set_token, 201),
    Route("GET", "/token", list_tokens),
    Route("GET", "/token/<text:token_uid>", lookup),
)
