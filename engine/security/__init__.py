"""Trust, and the services outside it rests on: CA, revocation, contract certificates, security profiles."""

from engine.security.authority import open_authority
from engine.security.contracts import open_roots
from engine.security.outside import open_world
from engine.security.signing import issue_certificates

__all__ = ["issue_certificates", "open_authority", "open_roots", "open_world"]
