"""Settings from the environment, and what is said of those that cannot be used."""

from pathlib import Path

import pytest

from streams.settings import Settings, SettingsError, read_settings, unknown_settings


@pytest.fixture(autouse=True)
def only_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without our variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LOOPWATCH_{name.upper()}", raising=False)


def test_everything_has_a_default() -> None:
    """An empty environment means a broker on this machine, in plaintext."""
    settings = read_settings()
    assert settings.kafka_options() == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
    }
    assert settings.faust_credentials() is None
    assert settings.web_host == "127.0.0.1"
    assert settings.topics().observations == "loopwatch.observations"
    assert settings.group("score") == "loopwatch-score"


def test_several_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are separated by commas, with or without blanks."""
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", "a:1, [::1]:2,c:3")
    assert read_settings().bootstrap_servers == ["a:1", "[::1]:2", "c:3"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", "broker"),
        ("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", "broker:http"),
        ("LOOPWATCH_KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("LOOPWATCH_KAFKA_SASL_MECHANISM", "KERBEROS"),
        ("LOOPWATCH_TOPIC_PARTITIONS", "0"),
        ("LOOPWATCH_TOPIC_PREFIX", "a/b"),
        ("LOOPWATCH_WEB_PORT", "70000"),
        ("LOOPWATCH_LOG_LEVEL", "loud"),
        ("LOOPWATCH_SESSION_TIMEOUT_S", "nan"),
        ("LOOPWATCH_HEARTBEAT_INTERVAL_S", "9"),
        ("LOOPWATCH_EMBEDDED", "perhaps"),
    ],
)
def test_what_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The message begins with the variable that is wrong."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as fault:
        read_settings()
    (problem,) = fault.value.problems
    assert problem.startswith(variable)


def test_every_fault_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong variables are two problems."""
    monkeypatch.setenv("LOOPWATCH_WEB_PORT", "x")
    monkeypatch.setenv("LOOPWATCH_EMBEDDED", "x")
    with pytest.raises(SettingsError) as fault:
        read_settings()
    assert len(fault.value.problems) == 2


def test_a_login_needs_its_name_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """SASL without a user, then without a password, names what is missing."""
    monkeypatch.setenv("LOOPWATCH_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SettingsError, match="LOOPWATCH_KAFKA_SASL_USERNAME"):
        read_settings()
    monkeypatch.setenv("LOOPWATCH_KAFKA_SASL_USERNAME", "me")
    with pytest.raises(SettingsError, match="LOOPWATCH_KAFKA_SASL_PASSWORD"):
        read_settings()


def test_the_password_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor Faust's credentials show it."""
    monkeypatch.setenv("LOOPWATCH_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("LOOPWATCH_KAFKA_SASL_USERNAME", "me")
    monkeypatch.setenv("LOOPWATCH_KAFKA_SASL_PASSWORD", "hunter2")
    settings = read_settings()
    assert settings.kafka_options()["sasl_plain_password"] == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {settings.faust_credentials()!r}"


def test_a_password_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file gives the password without its line end; a missing one is named."""
    file = tmp_path / "password"
    monkeypatch.setenv("LOOPWATCH_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("LOOPWATCH_KAFKA_SASL_USERNAME", "me")
    monkeypatch.setenv("LOOPWATCH_KAFKA_SASL_PASSWORD_FILE", str(file))
    with pytest.raises(SettingsError, match="LOOPWATCH_KAFKA_SASL_PASSWORD_FILE"):
        read_settings()
    file.write_text("from a file\n")
    assert read_settings().password() == "from a file"


def test_a_certificate_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Missing and unreadable certificates name their settings."""
    monkeypatch.setenv("LOOPWATCH_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("LOOPWATCH_KAFKA_SSL_CAFILE", str(tmp_path / "none.pem"))
    with pytest.raises(SettingsError, match="LOOPWATCH_KAFKA_SSL_CAFILE"):
        read_settings()
    monkeypatch.delenv("LOOPWATCH_KAFKA_SSL_CAFILE")
    (tmp_path / "text.pem").write_text("no certificate")
    monkeypatch.setenv("LOOPWATCH_KAFKA_SSL_CERTFILE", str(tmp_path / "text.pem"))
    with pytest.raises(SettingsError, match="LOOPWATCH_KAFKA_SSL_KEYFILE"):
        read_settings()


def test_the_embedded_broker_is_joined_sooner() -> None:
    """Its joins take half a session timeout, which is short there."""
    assert Settings(embedded=True).session_s < Settings().session_s


def test_a_misspelt_variable_is_noticed() -> None:
    """A name that nobody reads comes with the one that was meant."""
    environ = {
        "LOOPWATCH_KAFKA_BOOTSTRAP_SERVER": "x",
        "LOOPWATCH_KAFKA_LIBS": "x",
        "LOOPWATCH_WEB_PORT": "1",
        "PATH": "x",
    }
    (sentence,) = unknown_settings(environ)
    assert "did you mean LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS?" in sentence
