"""How a station is asked to come with a higher security profile (1.6 security A05, 2.x A05).

A station of OCPP 1.6 has one key for it. One of 2.x gets a new way to connect in a slot of its own, and the
present way stays its second choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.domain.state import ChargePoint, Frozen
from engine.errors import Invalid
from engine.ocpp.blocks.device_model.set_configuration import SetConfiguration
from engine.ocpp.blocks.provisioning.set_network_profile import SECURE_PROFILES, SetNetworkProfile
from engine.ocpp.encoding import V16, V201
from engine.ocpp.operation import Operation

MESSAGE_TIMEOUT: Final = 30  # seconds
FIRST_SLOT: Final = 1
KEY_V16: Final = "SecurityProfile"
ACTIVE_SLOT: Final = "OCPPCommCtrlr/ActiveNetworkProfile"  # 2.0.1 part 2, appendix: the slot in use
PRIORITY: Final = "OCPPCommCtrlr/NetworkConfigurationPriority"


class Target(Frozen, frozen=True):
    """Where the station is to come from now on. All but the profile is for OCPP 2.x alone."""

    profile: int  # 2 or 3: to 1 only from 0
    url: str = ""  # wss://…/ocpp
    slot: int | None = None  # configuration slot of the new profile; None: one that is not in use
    fallback_slot: int | None = None  # slot of the present one; None: as the station said, else the first
    interface: Any = "Wired0"  # OCPPInterfaceEnumType


def steps(cp: ChargePoint, target: Target, active_slot: str | None) -> Sequence[Operation]:
    """What to ask for, in this order. `active_slot` is what the station reported as `ACTIVE_SLOT`.

    Raises Invalid where the station could not come that way.
    """
    if cp.version == V16:
        return [SetConfiguration(values={KEY_V16: str(target.profile)})]
    slot, fallback = _slots(target, active_slot)
    any_interface = target.interface == "Any"
    if any_interface and cp.version == V201:
        raise Invalid("OCPP 2.0.1 needs one interface named", {"interface": ["Any is new in OCPP 2.1"]})
    scheme = "wss" if target.profile in SECURE_PROFILES else "ws"
    if not target.url.startswith(f"{scheme}://"):
        raise Invalid(
            f"security profile {target.profile} needs the {scheme}:// address to come to",
            {"url": [f"must be this server's address, {scheme}://…/ocpp"]},
        )
    network = SetNetworkProfile(
        slot=slot,
        url=target.url,
        security_profile=target.profile,  # type: ignore[arg-type]  # the caller has looked at it
        message_timeout=MESSAGE_TIMEOUT,
        interface=None if any_interface else target.interface,
    )
    return [network, SetConfiguration(values={PRIORITY: f"{slot},{fallback}"})]


def _slots(target: Target, active_slot: str | None) -> tuple[int, int]:
    """The slot of the new profile, and that of the present one."""
    reported = active_slot or ""
    present = int(reported) if reported.isascii() and reported.isdecimal() else FIRST_SLOT
    fallback = present if target.fallback_slot is None else target.fallback_slot
    slot = target.slot
    if slot is None:
        slot = FIRST_SLOT + 1 if fallback == FIRST_SLOT else FIRST_SLOT
    if slot == fallback:
        raise Invalid(
            "the new connection profile would replace the present one, and leave no way back",
            {"slot": [f"must not be {fallback}, which is in use"]},
        )
    return slot, fallback
