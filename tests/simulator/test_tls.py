"""Simulated chargers over TLS: whom they trust, what they show, and what a user is told who got it wrong."""

from __future__ import annotations

import ssl

import msgspec
import pytest
from trio_websocket import serve_websocket

from engine.errors import SettingsError
from engine.simulator import SimulationSettings, run
from engine.simulator.address import address
from engine.simulator.connection import converse
from engine.simulator.link import Answer, LinkLost
from engine.simulator.tls import contexts
from tests.certificates import Authority


class Owner:
    """Nobody asks anything here."""

    def serve(self, action, payload):
        return Answer(b"{}")

    def complain(self, rule, detail, frame):
        raise AssertionError(rule)

    async def think(self):
        pass


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def settings(authority):
    return SimulationSettings(url="wss://localhost:1/ocpp", stations=2, ca=str(authority.file))


@pytest.fixture
async def shown(nursery, authority):
    """Who connected, by the common name of the certificate, and where."""
    names = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.load_cert_chain(*authority.issue("server", 2))
    context.verify_mode = ssl.CERT_OPTIONAL

    async def handle(request):
        peer = request._connection._stream.getpeercert()  # trio-websocket has no other way to it
        names.append(
            dict(pair for names in peer["subject"] for pair in names)["commonName"] if peer else None
        )
        await request.accept(subprotocol="ocpp1.6")

    listening = await nursery.start(serve_websocket, handle, "127.0.0.1", 0, context)
    yield names, f"wss://localhost:{listening.port}/ocpp"
    nursery.cancel_scope.cancel()


async def meet(url, identity, context):
    async def body(_link):
        pass

    await converse(address(url, identity, None, context), "ocpp1.6", Owner(), 1.0, body)


async def test_each_station_shows_its_own_certificate(shown, settings, authority):
    names, url = shown
    for identity in settings.identities():
        authority.issue(identity, 10)
    own = msgspec.structs.replace(
        settings,
        certificate=f"{authority.folder}/{{identity}}.pem",
        key=f"{authority.folder}/{{identity}}.key",
    )
    made = contexts(own)
    for identity in own.identities():
        await meet(url, identity, made[identity])
    await meet(url, "SIM-0001", contexts(settings)["SIM-0001"])
    assert names == ["SIM-0001", "SIM-0002", None]


async def test_a_server_of_strangers_is_not_trusted(shown, settings, tmp_path):
    _, url = shown
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    strict = contexts(msgspec.structs.replace(settings, ca=str(other.file)))
    with pytest.raises(LinkLost, match="CERTIFICATE_VERIFY_FAILED"):
        await meet(url, "SIM-0001", strict["SIM-0001"])


def test_files_are_read_once_where_they_are_the_same(settings):
    made = contexts(settings)
    assert made["SIM-0001"] is made["SIM-0002"]
    assert contexts(msgspec.structs.replace(settings, url="ws://localhost:1/ocpp")) == {}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"certificate": "a.pem"}, "needs both"),
        (
            {"certificate": "a.pem", "key": "{identity}.key"},
            r"cannot use .*a.pem, SIM-0001.key: .*No such file",
        ),
        ({"ca": __file__}, "cannot use .*test_tls.py"),
    ],
)
def test_files_that_cannot_be_used_are_told_at_once(settings, files, told):
    with pytest.raises(SettingsError, match=told):
        run(msgspec.structs.replace(settings, **files))
