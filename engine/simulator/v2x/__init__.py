"""The OCPP 2.0.1 and 2.1 dialects of a simulated charger."""

from engine.simulator.v2x.charger import Charger21, Charger201

__all__ = ["Charger21", "Charger201"]
