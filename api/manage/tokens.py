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
from engine.store import editings
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan, Row
from engine.store.readings import ID_TAGS

MAX_PAGE: Final = 100
# OCPI's types → how stations of OCPP 2.x present such a token. OCPI has no word of its own for a contract of
# plug and charge: its eMAID is a token of type OTHER.
PRESENTED: Final = {"RFID": "rfid", "APP_USER": "central", "AD_HOC_USER": "central", "OTHER": "emaid"}


async def set_token(node: Node, body: Token, caller: Caller) -> None:
    """Create a token or replace it as a whole."""
    values = {
        "country_code": body.country_code,
        "party_id": body.party_id,
        "token_type": body.type,
        "type": PRESENTED[body.type],
        "contract_id": rules.contract_id(body.contract_id),
        "visual_number": body.visual_number or None,
        "issuer": body.issuer,
        "group_id": body.group_id or None,
        "valid": body.valid,
        "language_code": body.language_code or None,
        "cache_mode": body.cache_mode,
    }
    await node.store.write(
        Edit(caller=caller, editing=editings.ID_TAGS, kind=Kind.SET, new={"uid": body.uid}, values=values)
    )


async def list_tokens(node: Node, query: TokenPage, caller: Caller) -> list[TokenView]:
    if not query.limit:
        return []
    limit = min(query.limit, MAX_PAGE)
    plan = Plan(caller=await _home(node, caller), reading=ID_TAGS, skip=query.offset, limit=limit)
    return [_shown(row) for row in await node.store.rows(plan)]


async def lookup(node: Node, token_uid: str, caller: Caller) -> TokenView:
    this = Condition(field="uid", operator=Operator.SAME_TEXT, value=token_uid)
    plan = Plan(caller=await _home(node, caller), reading=ID_TAGS, where=(this,), limit=1)
    return _shown(await only(node, plan, "id tag", token_uid))


async def _home(node: Node, caller: Caller) -> Caller:
    """This interface has no word for operators: what is read is what would be written, the default one's."""
    return caller.within((await node.store.operators.home(caller)).id)


def _shown(row: Row) -> TokenView:
    """Tags that were not added through OCPI's members have empty texts in the required ones."""
    return TokenView(
        country_code=row["country_code"] or "",
        party_id=row["party_id"] or "",
        type=row["token_type"],
        uid=row["uid"],
        contract_id=row["contract_id"] or "",
        visual_number=row["visual_number"] or UNSET,
        issuer=row["issuer"] or "",
        group_id=row["group_id"] or UNSET,
        valid=row["valid"],
        language_code=row["language_code"] or UNSET,
        cache_mode=row["cache_mode"],
        last_updated=row["last_updated_at"],
    )


ROUTES = (
    Route("POST", "/token", set_token, 201),
    Route("GET", "/token", list_tokens),
    Route("GET", "/token/<text:token_uid>", lookup),
)
