"""Simulated chargers: believable ones (`simulate`) and, in `engine.simulator.load`, bare ones in thousands.

A simulated charger knows a server only by its address: nothing here imports the server's side.
"""

from engine.simulator.fleet import run, simulate
from engine.simulator.ledger import Entry, Sample
from engine.simulator.settings import MIXES, ProtocolError, Report, SimulationSettings

__all__ = ["MIXES", "Entry", "ProtocolError", "Report", "Sample", "SimulationSettings", "run", "simulate"]
