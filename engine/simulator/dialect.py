"""What a charger of one version adds to the versionless one: its messages, whom it admits, how it stops."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from engine.ocpp.step import Message
from engine.simulator.connector import Connector, Permit
from engine.simulator.limits import Profile
from engine.simulator.link import Answer, Refusal


class Dialect(ABC):
    """`engine.simulator.v16` and `engine.simulator.v2x` are the dialects."""

    subprotocol: ClassVar[str]
    messages: ClassVar[Mapping[str, tuple[type[Message], type[Message]]]]  # action → request, response

    @abstractmethod
    async def introduce(self) -> None:
        """Everything that comes first on a connection; returns when ordinary messages may be sent."""

    @abstractmethod
    async def attend(self) -> None:
        """What goes on while connected and accepted, besides heartbeats and the delivery of messages."""

    @abstractmethod
    def boot_notification(self) -> Message:
        """The message that registers the charger."""

    @abstractmethod
    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        """Answer a call of the server."""

    @abstractmethod
    async def authorize(self, id_tag: str) -> Permit:
        """Ask the server about a tag, or the charger's own knowledge."""

    @abstractmethod
    def admit(
        self, connector: Connector, id_tag: str, parent: str | None, profile: Profile | None = None
    ) -> bool:
        """An identified driver: start at once if the cable is in, else wait for it."""

    @abstractmethod
    def plugged_in(self, connector: Connector) -> None:
        """A cable has just been connected."""

    @abstractmethod
    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the transaction on a connector; nothing happens if there is none."""

    @abstractmethod
    def status(self, connector: Connector) -> str:
        """The connector's status in the words of the protocol."""

    @abstractmethod
    def observe(self, connector: Connector) -> None:
        """Look at a connector: time-outs, and the status if it has changed."""

    @property
    @abstractmethod
    def retry_rule(self) -> tuple[int, float]:
        """How often a transaction message that is not processed is sent, and the wait between, seconds."""

    @property
    @abstractmethod
    def heartbeat_interval(self) -> int:
        """Seconds."""

    @heartbeat_interval.setter
    @abstractmethod
    def heartbeat_interval(self, seconds: int) -> None: ...
