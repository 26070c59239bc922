"""Settings: three sources, one check; every refusal names what to do."""

from pathlib import Path

import msgspec
import pytest

from engine.errors import SettingsError
from engine.settings import FIELDS, Settings, is_loopback, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "voltrio.toml"


def test_every_setting_has_a_default_and_a_description() -> None:
    described = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    assert load() == Settings()
    assert [name for name in FIELDS if not described[name].get("description")] == []


def test_later_sources_win(file: Path) -> None:
    file.write_text('ocpp_port = 1\nhttp_port = 1\nmanage_port = 1\ndata = "from-file"\n')
    settings = load(
        file, {"VOLTRIO_HTTP_PORT": "2", "VOLTRIO_MANAGE_PORT": "2", "PATH": "/bin"}, {"manage_port": 3}
    )
    assert (settings.data, settings.ocpp_port, settings.http_port, settings.manage_port) == (
        "from-file",
        1,
        2,
        3,
    )


def test_flags_that_were_not_given_change_nothing() -> None:
    assert load(flags={"ocpp_port": None, "accept_unknown": None}) == Settings()


def test_environment_is_text_and_is_converted() -> None:
    settings = load(
        environment={
            "VOLTRIO_ACCEPT_UNKNOWN": "true",
            "VOLTRIO_PING_INTERVAL": "12.5",
            "VOLTRIO_MESSAGE_LOG_EXCLUDE": "Heartbeat,StatusNotification",
        }
    )
    assert settings.accept_unknown is True
    assert settings.ping_interval == 12.5
    assert settings.message_log_exclude == ("Heartbeat", "StatusNotification")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"ocp_port": 1}, "command line: unknown setting 'ocp_port'; did you mean 'ocpp_port'?"),
        ({"zzzzzz": 1}, "command line: unknown setting 'zzzzzz'"),
        ({"ocpp_port": 65_536}, "ocpp_port"),
        ({"ocpp_port": "many"}, "ocpp_port"),
        ({"policy": "lax"}, "policy"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "trusted_proxies: 10.0.0.1/8 has host bits set"),
        ({"trusted_proxies": ["balancer"]}, "trusted_proxies: 'balancer'"),
        ({"call_queue": 0}, "call_queue"),
        ({"ping_interval": 0}, "ping_interval"),
        ({"manage_host": "0.0.0.0"}, "manage_token"),  # noqa: S104 - refusing it is the point
        ({"manage_host": "example.org"}, "manage_token"),
        ({"ocpp_tls_port": 9443}, "tls_certificate"),
        ({"ocpp_tls_port": 9443, "tls_certificate": "a.pem"}, "tls_key"),
    ],
)
def test_refusals_name_the_setting(flags: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(flags=flags)
    assert said in str(refused.value)


def test_unknown_keys_name_their_source(file: Path) -> None:
    file.write_text("ocpp_prt = 1")
    with pytest.raises(
        SettingsError, match=r"voltrio\.toml: unknown setting 'ocpp_prt'; did you mean 'ocpp_port'"
    ):
        load(file)
    with pytest.raises(SettingsError, match="environment: unknown setting 'ocpp_prt'"):
        load(environment={"VOLTRIO_OCPP_PRT": "1"})


def test_broken_and_missing_files(file: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(file)
    file.write_text("ocpp_port =")
    with pytest.raises(SettingsError, match=r"voltrio\.toml"):
        load(file)


def test_the_management_api_may_leave_loopback_with_a_token() -> None:
    settings = load(flags={"manage_host": "0.0.0.0", "manage_token": "a secret"})  # noqa: S104 - with a token
    assert settings.manage_token == "a secret"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("::", False),
        ("example.org", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_all_wrong_settings_are_named_at_once_with_where_they_come_from(file: Path) -> None:
    file.write_text('ocpp_port = 70000\nhttp_port = "many"\n')
    with pytest.raises(SettingsError) as refusal:
        load(file, {"VOLTRIO_POLICY": "lax"}, {"heartbeat_interval": 0})
    assert str(refusal.value).splitlines() == [
        f"ocpp_port ({file}): must be at most 65535",
        "policy (environment): is none of the allowed words; allowed: strict, repair, observe",
        "heartbeat_interval (command line): must be at least 1",
        f"http_port ({file}): must be a whole number, not text",
    ]
