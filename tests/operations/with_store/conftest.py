"""Operations over a whole node, with its store."""

from tests.api.conftest import address, admin, ask, client_certificate, connect, node, registry
from tests.conftest import store
from tests.security.conftest import csr, station_key

__all__ = [
    "address",
    "admin",
    "ask",
    "client_certificate",
    "connect",
    "csr",
    "node",
    "registry",
    "station_key",
    "store",
]
