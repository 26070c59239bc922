"""Whose a session is: the tag that was presented for it, or that of the remote start that led to it.

Of several tags presented for one transaction the first that may charge counts; one that may not counts only
where no other does. What was asked for remotely belongs to who asked, whatever the station tells of it.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.domain.authorization import Decision
from engine.domain.starting import Pending
from engine.domain.state import Frozen, Session
from engine.domain.vocabulary import Waiver


class Driver(Frozen, frozen=True):
    """A tag and what is known of it. `asked`: it is the one that a remote start was asked for with."""

    id_tag: str
    authorization_id: int
    accepted: bool
    asked: bool = False
    id_tag_id: int | None = None
    user_id: int | None = None
    group_id: str | None = None


def presented(id_tag: str, decision: Decision, authorization_id: int) -> Driver:
    """Who presented a tag that was judged."""
    token = decision.token
    return Driver(
        id_tag=id_tag,
        authorization_id=authorization_id,
        accepted=decision.accepted,
        id_tag_id=None if token is None else token.id,
        user_id=None if token is None else token.user_id,
        group_id=None if token is None else token.group_id,
    )


def awaited(pending: Pending, *, accepted: bool, authorization_id: int) -> Driver:
    """Who asked for a remote start. `authorization_id` is for one that may not charge: it came too late."""
    return Driver(
        id_tag=pending.id_tag,
        authorization_id=pending.authorization_id if accepted else authorization_id,
        accepted=accepted,
        asked=True,
        id_tag_id=pending.id_tag_id,
        user_id=pending.user_id,
        group_id=pending.group_id,
    )


def owner(driver: Driver | None) -> dict[str, int | None]:
    """The members of a session's row that say whose it is."""
    names = ("id_tag_id", "user_id", "authorization_id")
    return dict.fromkeys(names) if driver is None else {name: getattr(driver, name) for name in names}


def displaces(driver: Driver, session: Session, *, first: bool) -> bool:
    """Whether a session gets this driver. `first`: no tag was presented before, in the charger's order."""
    refused = session.waived is Waiver.REFUSED
    if session.id_tag is None:
        return True
    if session.asked_id_tag is not None or driver.asked:
        return driver.asked and driver.accepted and (refused or session.asked_id_tag is None)
    if driver.id_tag == session.id_tag:
        return driver.accepted and refused
    return (driver.accepted and (first or refused)) or (first and refused)


def driven(session: Session, driver: Driver) -> Session:
    """A session with this driver."""
    waived = session.waived
    if waived in (None, Waiver.REFUSED):
        waived = None if driver.accepted else Waiver.REFUSED
    return replace(
        session,
        id_tag=driver.id_tag,
        parent_id_tag=driver.group_id,
        asked=driver.asked and driver.accepted,
        asked_id_tag=driver.id_tag if driver.asked else None,
        waived=waived,
    )
