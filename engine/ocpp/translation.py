"""Which version says which intent, in one table; from an intent to typed requests, and back. Pure.

A kind of intent that a version has no entry for is not supported by its stations, and so is one that the
version cannot say in full: nothing is said by halves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Final

import msgspec

from engine.domain.state import ChargePoint, Frozen
from engine.errors import Invalid, NotSupported
from engine.ocpp import phrases_device_v2x, phrases_energy_v2x, phrases_v2x, phrases_v16
from engine.ocpp.intents import Intent, Result, Verdict
from engine.ocpp.messages import decode_hook, v16, v21, v201
from engine.ocpp.phrases import Phrase, Said, told
from engine.ocpp.step import Message

MESSAGES: Final[Mapping[str, ModuleType]] = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
ALIKE: Final = {**phrases_v2x.PHRASES, **phrases_device_v2x.PHRASES}  # said alike by 2.0.1 and 2.1
TABLE: Final[Mapping[str, Mapping[type[Intent], Phrase]]] = {
    "ocpp1.6": phrases_v16.PHRASES,
    "ocpp2.0.1": {**ALIKE, **phrases_energy_v2x.PHRASES_201},
    "ocpp2.1": {**ALIKE, **phrases_energy_v2x.PHRASES_21},
}

# All that can be wanted of a station of some version, by name.
INTENTS: Final[Mapping[str, type[Intent]]] = {
    kind.__name__: kind for phrases in TABLE.values() for kind in phrases
}


class Translation(Frozen, frozen=True):
    """An intent as requests of one version: sent in this order while it `goes_on`, and their answers read."""

    intent: Intent
    phrase: Phrase
    requests: Sequence[Message]

    def goes_on(self, answer: Message) -> bool:
        """Whether the next request is to be sent after this answer: parts of one need those before them."""
        return self.phrase.split is None or told(answer).verdict is Verdict.ACCEPTED

    def read(self, answers: Sequence[Message]) -> Result:
        """What the answers, one to each request that was sent, come to."""
        return self.phrase.read(self.intent, answers)


def translate(intent: Intent, cp: ChargePoint) -> Translation:
    """`intent` in the words of the station's version.

    Raises NotSupported where they have none for it, Invalid where it breaks the version's schema.
    """
    phrase = TABLE[cp.version].get(type(intent))
    if phrase is None:
        name = type(intent).__name__
        others = " and ".join(version for version, phrases in TABLE.items() if type(intent) in phrases)
        raise NotSupported(f"{cp.version} has no {name}; {others} {'have' if ' ' in others else 'has'}")
    requests = [_typed(said, cp.version) for said in phrase.say(intent, cp)]
    if phrase.split is not None:
        requests = [part for request in requests for part in phrase.split(request, cp)]
    if not requests:
        raise Invalid(f"this {type(intent).__name__} asks for nothing: name at least one")
    return Translation(intent=intent, phrase=phrase, requests=requests)


def _typed(said: Said, version: str) -> Message:
    action, payload = said
    request_type: type[Message] = MESSAGES[version].ACTIONS[action][0]
    try:
        return msgspec.convert(payload, request_type, dec_hook=decode_hook)
    except msgspec.ValidationError as error:
        raise Invalid(f"this cannot be said as {action} in {version}: {error}") from None
