"""OCPP security profiles 2 and 3 over wss, asked for by clients that are not ours."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection

from tests.certificates import Authority
from tests.conftest import data_folder
from tests.e2e.peers import dial, take
from tests.e2e.program import Program, running
from tests.patience import PATIENCE
from tests.ports import claimed

PASSWORD = "sixteen bytes or more"


class Secured:
    """A node that also listens on wss, and the authority that signed its certificate."""

    def __init__(self, program: Program, port: int, authority: Authority) -> None:
        self.program = program
        self.url = f"wss://localhost:{port}/ocpp"
        self.port = port
        self.authority = authority

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority.file)

    def certified(self, common_name: str, serial: int = 77) -> ssl.SSLContext:
        context = self.client()
        context.load_cert_chain(*self.authority.issue(common_name, serial))
        return context

    @contextmanager
    def connected(
        self, identity: str, context: ssl.SSLContext | None, password: str | None = None
    ) -> Iterator[ClientConnection]:
        """A charge point over wss, or over ws without a context."""
        url = self.url if context else self.program.ocpp
        with dial(url, identity, password, ssl=context) as socket:
            yield socket

    def boots(self, identity: str, context: ssl.SSLContext, password: str | None = None) -> str:
        """The status of its boot."""
        with self.connected(identity, context, password) as socket:
            boot = {"chargePointVendor": "V", "chargePointModel": "M"}
            socket.send(json.dumps([2, "1", "BootNotification", boot]))
            return str(take(socket)[2]["status"])

    def have_booted(self, identities: list[str]) -> bool:
        shown = (self.program.request("GET", f"/stations/{one}").json() for one in identities)
        return all(station["bootedAt"] for station in shown)

    def refusal(self, identity: str, context: ssl.SSLContext | None, password: str | None = None) -> int:
        """The status of an upgrade that is refused."""
        with pytest.raises(InvalidStatus) as refused, self.connected(identity, context, password):
            pass
        return refused.value.response.status_code


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    with data_folder() as folder:
        authority = Authority(folder)
        certificate, key = authority.issue("server", 2)
        (port,) = claimed(1)
        flags = ["--ocpp-tls-port", str(port), "--tls-certificate", str(certificate)]
        flags += ["--tls-key", str(key), "--tls-client-ca", str(authority.file)]
        with running(folder / "node", *flags) as program:
            yield Secured(program, port, authority)


def test_profile_2_is_basic_over_tls_alone(secured: Secured) -> None:
    secured.program.add_station("TLS-2", securityProfile=2, password=PASSWORD)
    assert secured.boots("TLS-2", secured.client(), PASSWORD) == "Accepted"
    station = secured.program.request("GET", "/stations/TLS-2").json()
    assert station["currentSecurityProfile"] == 2
    assert secured.refusal("TLS-2", secured.client(), "a wrong password") == 401
    assert secured.refusal("TLS-2", None, PASSWORD) == 403


def test_profile_3_is_a_certificate_of_the_identity(secured: Secured) -> None:
    secured.program.add_station("TLS-3", securityProfile=3)
    assert secured.boots("TLS-3", secured.certified("TLS-3")) == "Accepted"
    assert secured.program.request("GET", "/stations/TLS-3").json()["currentSecurityProfile"] == 3
    assert secured.refusal("TLS-3", secured.certified("TLS-2")) == 401
    assert secured.refusal("TLS-3", secured.client()) == 401
    assert secured.refusal("TLS-3", None) == 401


def test_profile_3_by_serial_number(secured: Secured) -> None:
    secured.program.add_station("TLS-4", securityProfile=3, certificateSerial="0A:BC")
    assert secured.boots("TLS-4", secured.certified("any name", 0xABC)) == "Accepted"
    assert secured.refusal("TLS-4", secured.certified("TLS-4", 0xABD)) == 401


def test_a_certificate_of_a_foreign_authority_is_refused_by_tls(secured: Secured, tmp_path: Path) -> None:
    secured.program.add_station("TLS-5", securityProfile=3)
    context = secured.client()
    context.load_cert_chain(*Authority(tmp_path).issue("TLS-5", 77))
    # TLS 1.3 tells the client after its own part of the handshake: what it was doing then fails.
    with pytest.raises((OSError, WebSocketException)):
        secured.boots("TLS-5", context)
    assert secured.program.request("GET", "/stations/TLS-5").json()["networkStatus"] == "never_connected"

    def is_reported() -> bool:
        events = {event["type"] for event in secured.program.rows("/security-events")}
        return "InvalidChargePointCertificate" in events

    secured.program.wait_until(is_reported)  # nobody waits for such a row to be written


def test_tls_1_2_is_the_oldest(secured: Secured) -> None:
    secured.program.add_station("TLS-6", securityProfile=2, password=PASSWORD)
    context = secured.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert secured.boots("TLS-6", context, PASSWORD) == "Accepted"
    old = secured.client()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        secured.boots("TLS-6", old, PASSWORD)


def simulated(secured: Secured, identities: list[str], *flags: str) -> None:
    """Simulated chargers until all of them have booted; then they go in order."""
    command = [sys.executable, "-m", "api.cli", "simulate", "--no-table", "--url", secured.url]
    command += ["--stations", str(len(identities)), "--ca", str(secured.authority.file), "--life", "calm"]
    with subprocess.Popen(
        [*command, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as simulator:
        secured.program.wait_until(lambda: simulator.poll() is not None or secured.have_booted(identities))
        simulator.terminate()
        output, _ = simulator.communicate(timeout=PATIENCE)
    assert simulator.returncode == 0, output


def test_simulated_chargers_come_over_wss(secured: Secured) -> None:
    secured.program.add_station("SIM-0001", securityProfile=2, password=PASSWORD)
    simulated(secured, ["SIM-0001"], "--password", PASSWORD)


def test_simulated_chargers_come_with_certificates(secured: Secured) -> None:
    identities = ["OWN-0001", "OWN-0002"]
    for number, identity in enumerate(identities):
        secured.program.add_station(identity, securityProfile=3)
        secured.authority.issue(identity, 91 + number)
    own = str(secured.authority.folder / "{identity}")
    certificates = ["--certificate", f"{own}.pem", "--key", f"{own}.key"]
    simulated(secured, identities, "--prefix", "OWN-", "--mix", "1.6=50,2.1=50", *certificates)
    for identity in identities:
        station = secured.program.request("GET", f"/stations/{identity}").json()
        assert station["currentSecurityProfile"] == 3
