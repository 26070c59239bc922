"""Trust, and the services outside it rests on: CA, revocation, contract certificates."""

from engine.security.authority import open_authority
from engine.security.contracts import open_roots
from engine.security.outside import open_world

__all__ = ["open_authority", "open_roots", "open_world"]
