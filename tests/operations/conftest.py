"""Operations over the living side of a node, with a store in memory."""

from tests.points.conftest import site, start, store

__all__ = ["site", "start", "store"]
