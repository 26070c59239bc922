"""What an error means for the person at the terminal, and what to do about it."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Final

from api.cli.client import Failure, Usage
from engine.errors import SettingsError, VoltrioError
from engine.points import certificates
from engine.settings import Settings

ADVICE: Final[Mapping[int, str]] = {
    errno.EADDRINUSE: "Another program listens there, perhaps another node. Choose another port.",
    errno.EADDRNOTAVAIL: "This machine does not have that address. `ip address` lists those it has.",
    errno.EACCES: "This user may not do that. Ports below 1024 want the capability CAP_NET_BIND_SERVICE.",
    errno.EPERM: "This user may not do that. The data folder must belong to the user who runs the node.",
    errno.ENOENT: "Is the path right? It, or the folder above it, is missing.",
    errno.EEXIST: "A file is there already, where a folder is wanted.",
    errno.EROFS: "The file system is read-only. Name a place on another one.",
    errno.ENOSPC: "The disk is full. Free some space, or choose another data folder with --data.",
    errno.EDQUOT: "The user's share of the disk is used up. Choose another data folder with --data.",
    errno.EISDIR: "A folder is where a file is wanted.",
    errno.ENOTDIR: "A file is where a folder is wanted. Name another place.",
    errno.EMFILE: "Too many open files. Raise the limit (`ulimit -n`, or LimitNOFILE of systemd).",
    errno.ENFILE: "The whole system has too many open files (fs.file-max).",
    errno.ENOMEM: "There is not enough memory.",
    errno.EIO: "The disk does not answer as it should. Look at the system's log (`dmesg`).",
}

NO_PEM: Final = "TLS needs PEM files: a certificate with its chain, and the key that belongs to it."
NO_ACCESS: Final = "Files and folders must belong to the user who runs this. Or name another place."

LISTENERS: Final = (
    ("ocpp_host", "ocpp_port"),
    ("ocpp_host", "ocpp_tls_port"),
    ("http_host", "http_port"),
    ("manage_host", "manage_port"),
)


def failure(error: VoltrioError | OSError) -> Failure:
    """What the command ends with, said in a line or two instead of a traceback."""
    if isinstance(error, SettingsError):
        return Usage(str(error))
    return Failure(advised(error) if isinstance(error, OSError) else str(error))


def advised(error: OSError) -> str:
    """The error and what to do about it."""
    if isinstance(error, socket.gaierror):
        return f"{error.strerror}. Give an address of this machine, such as 127.0.0.1."
    what = error.strerror or str(error)
    advice = ADVICE.get(error.errno or 0, "")
    if isinstance(error, ssl.SSLError):  # with a number of OpenSSL's
        advice = NO_PEM
    elif error.filename is not None and error.errno == errno.EACCES:
        advice = NO_ACCESS
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{what}. {advice}".rstrip()


def check_addresses(settings: Settings) -> None:
    """Raise OSError for the first address of a listener that cannot be had, before anything else is done."""
    for host_name, port_name in LISTENERS:
        host, port = getattr(settings, host_name), getattr(settings, port_name)
        if port:
            _bind(host, port, *(f"--{name.replace('_', '-')}" for name in (host_name, port_name)))


def check_certificates(settings: Settings) -> None:
    """Raise OSError for TLS files that cannot be used, before anything else is done."""
    if settings.ocpp_tls_port is not None:
        certificates.for_chargers(settings)
    certificates.for_http(settings)


def _bind(host: str, port: int, host_flag: str, port_flag: str) -> None:
    """Take the address and leave it again."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"{host} ({host_flag}): no such host name") from None
    except OSError as error:
        raise OSError(error.errno, f"{host}:{port} ({port_flag}): {error.strerror}") from None
