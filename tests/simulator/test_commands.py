"""Every action that a central system may send, its answer, and what follows from it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.ocpp.messages import v16
from engine.simulator.v16.commands import COMMANDS

CHARGE_POINTS_OWN = {
    "Authorize",
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}


@pytest.fixture
def root(epoch):
    """A self-signed certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(4711).not_valid_before(epoch).not_valid_after(epoch + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def profile(purpose="TxDefaultProfile", limit="8.1", *, id_=1, stack=0, **changes):
    schedule = v16.ChargingSchedule(
        charging_rate_unit="A",
        charging_schedule_period=[v16.ChargingSchedulePeriod(start_period=0, limit=Decimal(limit))],
    )
    values = {"charging_profile_kind": "Relative", "charging_schedule": schedule} | changes
    return v16.ChargingProfile(
        charging_profile_id=id_, stack_level=stack, charging_profile_purpose=purpose, **values
    )


async def charging(charger, central, car, number=1):
    """A running transaction, acknowledged."""
    connector = charger.connectors[number - 1]
    charger.plug(connector, car)
    assert await charger.present(connector, "TAG-1")
    await trio.sleep(5)
    assert connector.entry.start_acknowledged
    return connector


def test_no_action_is_forgotten():
    assert set(COMMANDS) | CHARGE_POINTS_OWN == set(v16.ACTIONS)


CALLS = [
    v16.CancelReservation(reservation_id=1),
    v16.CertificateSigned(certificate_chain="-----BEGIN CERTIFICATE-----"),
    v16.ChangeAvailability(connector_id=1, type="Inoperative"),
    v16.ChangeConfiguration(key="HeartbeatInterval", value="60"),
    v16.ClearCache(),
    v16.ClearChargingProfile(),
    v16.DataTransfer(vendor_id="nobody"),
    v16.DeleteCertificate(
        certificate_hash_data=v16.CertificateHashData(
            hash_algorithm="SHA256", issuer_name_hash="00", issuer_key_hash="00", serial_number="1"
        )
    ),
    v16.ExtendedTriggerMessage(requested_message="LogStatusNotification"),
    v16.GetCompositeSchedule(connector_id=1, duration=60),
    v16.GetConfiguration(),
    v16.GetDiagnostics(location="ftp://here/"),
    v16.GetInstalledCertificateIds(certificate_type="CentralSystemRootCertificate"),
    v16.GetLocalListVersion(),
    v16.GetLog(log=v16.LogParameters(remote_location="ftp://here/"), log_type="SecurityLog", request_id=1),
    v16.InstallCertificate(certificate_type="CentralSystemRootCertificate", certificate="no"),
    v16.RemoteStartTransaction(id_tag="TAG-1"),
    v16.RemoteStopTransaction(transaction_id=1),
    v16.Reset(type="Soft"),
    v16.SendLocalList(list_version=1, update_type="Full"),
    v16.SetChargingProfile(connector_id=0, cs_charging_profiles=profile()),
    v16.TriggerMessage(requested_message="Heartbeat"),
    v16.UnlockConnector(connector_id=1),
]


@pytest.mark.parametrize("request_", CALLS, ids=lambda call: type(call).__name__)
async def test_every_action_is_answered_as_its_schema_says(charger, central, autojump_clock, request_):
    answer = await central.send("CP-1", request_)
    assert isinstance(answer, v16.ACTIONS[type(request_).__name__][1])
    await trio.sleep(120)
    assert charger.world.errors == []
    await central.send("CP-1", v16.GetLocalListVersion())


async def test_firmware_updates_are_answered_and_reported(charger, central, autojump_clock, root, epoch):
    retrieve = epoch + timedelta(seconds=30)
    update = v16.UpdateFirmware(location="ftp://here/fw", retrieve_date=retrieve)
    assert await central.send("CP-1", update) == v16.UpdateFirmwareResponse()
    await trio.sleep(300)
    stages = [told.status for told in central.of("FirmwareStatusNotification")]
    assert stages == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert [boot.firmware_version for boot in central.of("BootNotification")] == ["1.4.2", "1.4.3"]

    firmware = v16.Firmware(
        location="ftp://here/fw", retrieve_date_time=retrieve, signing_certificate=root, signature="s"
    )
    answer = await central.send("CP-1", v16.SignedUpdateFirmware(request_id=7, firmware=firmware))
    assert answer.status == "Accepted"
    await trio.sleep(300)
    told = central.of("SignedFirmwareStatusNotification")
    assert [one.status for one in told][-3:] == ["Installing", "InstallRebooting", "Installed"]
    assert {one.request_id for one in told} == {7}

    forged = msgspec.structs.replace(firmware, signing_certificate="no certificate")
    answer = await central.send("CP-1", v16.SignedUpdateFirmware(request_id=8, firmware=forged))
    assert answer.status == "InvalidCertificate"
    await trio.sleep(10)
    assert central.of("SecurityEventNotification")[-1].type == "InvalidFirmwareSigningCertificate"


async def test_what_cannot_be_decoded_or_is_unknown_is_refused(charger, central, autojump_clock):
    assert (await central.call("CP-1", "Reset", b'{"type":"Warm"}'))[2] == "FormationViolation"
    assert (await central.call("CP-1", "Dance", b"{}"))[2] == "NotImplemented"
    assert (await central.call("CP-1", "Heartbeat", b"{}"))[2] == "NotSupported"
    # The server may ask for what a station need not do; that is no fault of its.
    assert [error.rule for error in charger.world.errors] == ["bad-call"] * 2


async def test_remote_start_with_the_cable_in_starts_at_once(charger, central, autojump_clock, car):
    charger.plug(charger.connectors[1], car)
    answer = await central.send("CP-1", v16.RemoteStartTransaction(id_tag="TAG-2"))
    await trio.sleep(5)
    assert answer.status == "Accepted"
    start = central.of("StartTransaction")[0]
    assert (start.connector_id, start.id_tag) == (2, "TAG-2")


async def test_remote_start_waits_for_a_car_until_the_time_out(charger, central, autojump_clock):
    await central.send("CP-1", v16.RemoteStartTransaction(connector_id=1, id_tag="TAG-2"))
    await trio.sleep(10)
    assert charger.connectors[0].invited.is_set()
    assert charger.status(charger.connectors[0]) == "Preparing"
    await trio.sleep(60)
    assert charger.status(charger.connectors[0]) == "Available"
    assert central.of("StartTransaction") == []


async def test_remote_start_of_an_unknown_tag_is_accepted_and_starts_nothing(
    charger, central, autojump_clock
):
    await central.send("CP-1", v16.RemoteStartTransaction(connector_id=1, id_tag="NOBODY"))
    await trio.sleep(10)
    assert [one.id_tag for one in central.of("Authorize")] == ["NOBODY"]
    assert charger.connectors[0].claim is None


async def test_remote_stop(charger, central, autojump_clock, car):
    connector = await charging(charger, central, car)
    id_ = connector.entry.transaction_id
    assert (await central.send("CP-1", v16.RemoteStopTransaction(transaction_id=999))).status == "Rejected"
    assert (await central.send("CP-1", v16.RemoteStopTransaction(transaction_id=id_))).status == "Accepted"
    await trio.sleep(5)
    stop = central.of("StopTransaction")[0]
    assert (stop.reason, stop.transaction_id) == ("Remote", id_)
    assert charger.status(connector) == "Finishing"


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_a_reset_ends_transactions_and_boots(charger, central, autojump_clock, car, kind):
    connector = await charging(charger, central, car)
    meter = connector.outlet.meter.register
    assert (await central.send("CP-1", v16.Reset(type=kind))).status == "Accepted"
    await trio.sleep(120)
    assert central.of("StopTransaction")[0].reason == f"{kind}Reset"
    assert len(central.of("BootNotification")) == 2
    assert connector.outlet.meter.register >= meter
    assert charger.ledger[0].stop_acknowledged


async def test_unlocking_ends_the_transaction(charger, central, autojump_clock, car):
    await charging(charger, central, car)
    assert (await central.send("CP-1", v16.UnlockConnector(connector_id=1))).status == "Unlocked"
    await trio.sleep(5)
    assert central.of("StopTransaction")[0].reason == "UnlockCommand"
    assert (await central.send("CP-1", v16.UnlockConnector(connector_id=9))).status == "NotSupported"


async def test_availability_waits_for_the_transaction(charger, central, autojump_clock, car):
    connector = await charging(charger, central, car)
    change = v16.ChangeAvailability(connector_id=0, type="Inoperative")
    assert (await central.send("CP-1", change)).status == "Scheduled"
    await trio.sleep(5)
    assert charger.status(charger.connectors[1]) == "Unavailable"
    assert connector.operative
    charger.unplug(connector)
    await trio.sleep(5)
    assert charger.status(connector) == "Unavailable"
    assert not await charger.present(connector, "TAG-1")
    assert (
        await central.send("CP-1", msgspec.structs.replace(change, type="Operative"))
    ).status == "Accepted"
    await trio.sleep(5)
    assert [charger.status(c) for c in charger.connectors] == ["Available", "Available"]
    unknown = v16.ChangeAvailability(connector_id=5, type="Operative")
    assert (await central.send("CP-1", unknown)).status == "Rejected"


async def test_reservations(charger, central, autojump_clock, car, epoch):
    connector = charger.connectors[0]
    reserve = v16.ReserveNow(
        connector_id=1, expiry_date=epoch + timedelta(minutes=30), id_tag="TAG-2", reservation_id=5
    )
    assert (await central.send("CP-1", reserve)).status == "Accepted"
    await trio.sleep(5)
    assert charger.status(connector) == "Reserved"
    other = msgspec.structs.replace(reserve, reservation_id=6)
    assert (await central.send("CP-1", other)).status == "Occupied"
    assert (await central.send("CP-1", v16.CancelReservation(reservation_id=6))).status == "Rejected"
    assert not await charger.present(connector, "TAG-1")
    charger.plug(connector, car)
    assert await charger.present(connector, "TAG-2")
    await trio.sleep(5)
    assert central.of("StartTransaction")[0].reservation_id == 5
    assert connector.reservation is None
    assert (await central.send("CP-1", reserve)).status == "Occupied"


async def test_a_reservation_expires_or_is_cancelled(charger, central, autojump_clock, epoch):
    for number in (1, 2):
        reserve = v16.ReserveNow(
            connector_id=number,
            expiry_date=epoch + timedelta(minutes=5),
            id_tag="TAG-2",
            reservation_id=number,
        )
        assert (await central.send("CP-1", reserve)).status == "Accepted"
    assert (await central.send("CP-1", v16.CancelReservation(reservation_id=1))).status == "Accepted"
    await trio.sleep(1)
    assert [charger.status(c) for c in charger.connectors] == ["Available", "Reserved"]
    await trio.sleep(310)
    assert charger.status(charger.connectors[1]) == "Available"
    assert (await central.send("CP-1", reserve)).status == "Rejected"


async def test_charging_profiles_are_obeyed_and_told(charger, central, autojump_clock, car):
    connector = await charging(charger, central, car)
    await trio.sleep(60)
    free = connector.outlet.read(charger.time.elapsed()).power_w
    limit = v16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile("TxProfile"))
    assert (await central.send("CP-1", limit)).status == "Accepted"
    await trio.sleep(60)
    reading = connector.outlet.read(charger.time.elapsed())
    assert max(reading.amps) == pytest.approx(8.1)
    assert reading.power_w < free
    ask = v16.GetCompositeSchedule(connector_id=1, duration=600, charging_rate_unit="A")
    composite = await central.send("CP-1", ask)
    assert composite.charging_schedule.charging_schedule_period[0].limit == Decimal("8.1")
    pause = profile(
        "ChargePointMaxProfile",
        "0.0",
        id_=2,
        charging_profile_kind="Absolute",
        valid_from=charger.clock.now(),
    )
    stop = v16.SetChargingProfile(connector_id=0, cs_charging_profiles=pause)
    assert (await central.send("CP-1", stop)).status == "Accepted"
    await trio.sleep(10)
    assert charger.status(connector) == "SuspendedEVSE"
    charger.unplug(connector)
    assert (await central.send("CP-1", v16.ClearChargingProfile(id=1))).status == "Unknown"


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        (1, profile("TxProfile")),
        (0, profile("TxProfile")),
        (1, profile("ChargePointMaxProfile")),
        (9, profile()),
        (1, profile(stack=99)),
    ],
)
async def test_charging_profiles_out_of_place_are_rejected(charger, central, autojump_clock, number, wrong):
    request = v16.SetChargingProfile(connector_id=number, cs_charging_profiles=wrong)
    assert (await central.send("CP-1", request)).status == "Rejected"


async def test_configuration(charger, central, autojump_clock):
    async def change(key, value):
        return (await central.send("CP-1", v16.ChangeConfiguration(key=key, value=value))).status

    assert await change("MeterValueSampleInterval", "30") == "Accepted"
    assert await change("MeterValueSampleInterval", "often") == "Rejected"
    assert await change("NumberOfConnectors", "3") == "Rejected"
    assert await change("Colour", "red") == "NotSupported"
    assert await change("MeterValuesSampledData", "Voltage,SoC") == "Accepted"
    assert await change("MeterValuesSampledData", "Voltage,Mood") == "Rejected"
    assert await change("SecurityProfile", "2") == "RebootRequired"
    assert await change("AuthorizationKey", "sixteen bytes or more") == "Accepted"
    ask = v16.GetConfiguration(key=["MeterValueSampleInterval", "Colour", "AuthorizationKey"])
    answer = await central.send("CP-1", ask)
    assert answer.unknown_key == ["Colour"]
    interval, secret = answer.configuration_key
    assert (interval.value, interval.readonly) == ("30", False)
    assert secret.value is msgspec.UNSET
    everything = await central.send("CP-1", v16.GetConfiguration())
    assert len(everything.configuration_key) > 40


async def test_the_local_list_is_kept_and_used_offline(charger, central, autojump_clock):
    def entry(tag, status="Accepted"):
        info = v16.IdTagInfo(status=status) if status else msgspec.UNSET
        return v16.AuthorizationData(id_tag=tag, **({"id_tag_info": info} if info else {}))

    async def send(version, kind, *entries):
        request = v16.SendLocalList(
            list_version=version, update_type=kind, local_authorization_list=list(entries)
        )
        return (await central.send("CP-1", request)).status

    assert await send(3, "Full", entry("L-1"), entry("L-2", "Blocked")) == "Accepted"
    assert await send(3, "Differential", entry("L-3")) == "VersionMismatch"
    assert await send(4, "Differential", entry("L-3"), entry("L-1", None)) == "Accepted"
    assert await send(5, "Full", entry("L-1", None)) == "Failed"
    assert (await central.send("CP-1", v16.GetLocalListVersion())).list_version == 4
    charger.configuration.change("AllowOfflineTxForUnknownId", "false")
    async with charger.uplink.without("network"):
        statuses = [(await charger.authorize(tag)).status for tag in ("L-1", "L-2", "L-3")]
    assert statuses == ["Invalid", "Blocked", "Accepted"]


async def test_the_cache_learns_and_forgets(charger, central, autojump_clock):
    charger.configuration.change("AllowOfflineTxForUnknownId", "false")
    assert (await charger.authorize("TAG-1")).status == "Accepted"
    charger.configuration.change("LocalPreAuthorize", "true")
    assert (await charger.authorize("TAG-1")).status == "Accepted"
    assert len(central.of("Authorize")) == 1
    assert (await central.send("CP-1", v16.ClearCache())).status == "Accepted"
    async with charger.uplink.without("network"):
        assert (await charger.authorize("TAG-1")).status == "Invalid"


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("BootNotification", "BootNotification"),
        ("Heartbeat", "Heartbeat"),
        ("StatusNotification", "StatusNotification"),
        ("MeterValues", "MeterValues"),
        ("DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
        ("FirmwareStatusNotification", "FirmwareStatusNotification"),
    ],
)
async def test_triggered_messages_come(charger, central, autojump_clock, message, action):
    before = len(central.of(action))
    trigger = v16.TriggerMessage(requested_message=message)
    assert (await central.send("CP-1", trigger)).status == "Accepted"
    await trio.sleep(2)
    assert len(central.of(action)) > before
    nowhere = v16.TriggerMessage(requested_message=message, connector_id=9)
    assert (await central.send("CP-1", nowhere)).status == "Rejected"


async def test_certificates_are_kept_by_hash(charger, central, autojump_clock, root):
    kind = "CentralSystemRootCertificate"
    install = v16.InstallCertificate(certificate_type=kind, certificate=root)
    assert (await central.send("CP-1", install)).status == "Accepted"
    ask = v16.GetInstalledCertificateIds(certificate_type=kind)
    (digest,) = (await central.send("CP-1", ask)).certificate_hash_data
    assert digest.serial_number == f"{4711:x}"
    delete = v16.DeleteCertificate(certificate_hash_data=digest)
    assert (await central.send("CP-1", delete)).status == "Accepted"
    assert (await central.send("CP-1", delete)).status == "NotFound"
    assert (await central.send("CP-1", ask)).status == "NotFound"
    bad = msgspec.structs.replace(install, certificate="no certificate")
    assert (await central.send("CP-1", bad)).status == "Rejected"


async def test_a_signed_certificate_must_be_for_the_key_asked_for(
    charger, central, autojump_clock, root, epoch
):
    trigger = v16.ExtendedTriggerMessage(requested_message="SignChargePointCertificate")
    assert (await central.send("CP-1", trigger)).status == "Accepted"
    await trio.sleep(2)
    request = x509.load_pem_x509_csr(central.of("SignCertificate")[0].csr.encode())
    ca = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(request.subject)
    builder = builder.public_key(request.public_key()).serial_number(1)
    builder = builder.not_valid_before(epoch).not_valid_after(epoch + timedelta(days=9))
    signed = builder.sign(ca, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    for chain, status in ((signed, "Accepted"), (root, "Rejected")):
        answer = await central.send("CP-1", v16.CertificateSigned(certificate_chain=chain))
        assert answer.status == status


async def test_logs_and_diagnostics_are_reported(charger, central, autojump_clock):
    log = v16.GetLog(
        log=v16.LogParameters(remote_location="ftp://here/"), log_type="SecurityLog", request_id=3
    )
    assert (await central.send("CP-1", log)).status == "Accepted"
    assert (await central.send("CP-1", v16.GetDiagnostics(location="ftp://here/"))).file_name
    await trio.sleep(60)
    told = central.of("LogStatusNotification")
    assert [(one.status, one.request_id) for one in told] == [("Uploading", 3), ("Uploaded", 3)]
    assert [one.status for one in central.of("DiagnosticsStatusNotification")] == ["Uploading", "Uploaded"]


async def test_data_transfer_knows_its_own_vendor(charger, central, autojump_clock):
    own = v16.DataTransfer(vendor_id=charger.hardware.vendor, message_id="Echo", data="x")
    assert (await central.send("CP-1", own)).data == "x"
    other = msgspec.structs.replace(own, message_id="Sing")
    assert (await central.send("CP-1", other)).status == "UnknownMessageId"
    assert (await central.send("CP-1", v16.DataTransfer(vendor_id="X"))).status == "UnknownVendorId"
