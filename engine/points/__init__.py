"""The living side of charge points: listeners, one actor per connection, the registry that finds them."""

from engine.points.registry import Registry
from engine.points.server import serve_chargers

__all__ = ["Registry", "serve_chargers"]
