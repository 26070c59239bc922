"""The matrix: stored profile × what the connection brings → admitted with a profile, or a status."""

import base64
import hashlib
from typing import Any

import pytest

from engine.domain.access import StationRecord
from engine.points.authentication import Admitted, Certificate, Credentials, Refused, authenticate

PASSWORD = bytes.fromhex("000102030405060708090a0b0c0d0eff")  # not UTF-8
CERTIFICATE = Certificate(common_name="CP:1", serial="00AB12")


def record(profile: int, **more: Any) -> StationRecord:
    return StationRecord(
        id=1,
        identity="CP:1",
        operator_id=1,
        security_profile=profile,
        **{"password_sha256": hashlib.sha256(PASSWORD).digest(), **more},
    )


def basic(password: bytes = PASSWORD, username: str = "CP:1") -> bytes:
    return b"Basic " + base64.b64encode(username.encode() + b":" + password)


def given(authorization: bytes | None = None, secure: bool = False, certified: bool = False) -> Credentials:
    certificate = CERTIFICATE if certified else None
    return Credentials(authorization=authorization, secure=secure, certificate=certificate)


@pytest.mark.parametrize(
    ("stored", "credentials", "expected"),
    [
        (None, given(), 401),
        (None, given(basic()), 401),
        (record(0), given(), "profile 0"),
        (record(0), given(secure=True), "profile 0"),
        (record(0, enabled=False), given(), 403),
        (record(1), given(), 401),
        (record(1), given(basic()), "profile 1"),
        (record(1), given(basic(), secure=True), "profile 2"),
        (record(1), given(basic(b"wrong")), 401),
        (record(1, next_security_profile=2), given(basic()), "profile 1"),
        (record(1, next_security_profile=2), given(basic(), secure=True), "profile 2"),
        (record(1, next_security_profile=2), given(), 401),
        (record(2, next_security_profile=3), given(basic(), secure=True), "profile 2"),
        (record(2, next_security_profile=3), given(secure=True, certified=True), "profile 3"),
        (record(2, next_security_profile=3), given(basic()), 403),
        (record(1), given(basic(username="CP2")), 401),
        (record(1, invalid_username_allowed=True), given(basic(username="admin")), "profile 1"),
        (record(1, invalid_username_allowed=True), given(basic(b"wrong", "admin")), 401),
        (record(1, invalid_username_allowed=True), given(), 401),
        (record(1, password_sha256=None), given(basic(b"")), 401),
        (record(1, enabled=False), given(basic()), 403),
        (record(1, enabled=False), given(basic(b"wrong")), 401),
        (record(1), given(basic(PASSWORD.hex().encode())), "profile 1"),
        (record(1), given(basic(PASSWORD.hex().upper().encode())), "profile 1"),
        (
            record(1, password_sha256=hashlib.sha256(PASSWORD.hex().upper().encode()).digest()),
            given(basic()),
            "profile 1",
        ),
        (record(1), given(b"Bearer abc"), 401),
        (record(1), given(b"Basic ###"), 401),
        (record(1), given(b"Basic " + base64.b64encode(b"no colon")), 401),
        (record(2), given(basic()), 403),
        (record(2), given(), 401),
        (record(2), given(basic(), secure=True), "profile 2"),
        (record(2), given(secure=True), 401),
        (record(3), given(), 401),
        (record(3), given(basic()), 403),
        (record(3), given(basic(), secure=True), 403),
        (record(3), given(secure=True), 401),
        (record(3), given(secure=True, certified=True), "profile 3"),
        (record(3, enabled=False), given(secure=True, certified=True), 403),
        (record(3, certificate_serial="ab:12"), given(secure=True, certified=True), "profile 3"),
        (record(3, certificate_serial="ab13"), given(secure=True, certified=True), 401),
    ],
)
def test_matrix(stored: StationRecord | None, credentials: Credentials, expected: int | str) -> None:
    verdict = authenticate(stored, "CP:1", credentials)
    if isinstance(verdict, Admitted):
        assert f"profile {verdict.profile}" == expected
    else:
        assert verdict.status == expected
        assert verdict.event in ("FailedToAuthenticateAtCentralSystem", "InvalidChargePointCertificate")


def test_a_certificate_of_another_charge_point_is_no_proof() -> None:
    stored = StationRecord(id=2, identity="CP2", operator_id=1, security_profile=3)
    verdict = authenticate(stored, "CP2", given(secure=True, certified=True))
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.event) == (401, "InvalidChargePointCertificate")


def test_outsiders_cannot_tell_the_unknown_from_the_wrong_password() -> None:
    unknown = authenticate(None, "CP:1", given(basic(b"guess")))
    wrong = authenticate(record(1), "CP:1", given(basic(b"guess")))
    assert isinstance(unknown, Refused)
    assert isinstance(wrong, Refused)
    assert (unknown.status, unknown.reason) == (wrong.status, wrong.reason)
