"""The OCPP 1.6 dialect of a simulated charger."""

from engine.simulator.v16.charger import Charger16

__all__ = ["Charger16"]
