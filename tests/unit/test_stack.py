"""`tailwarden stack`: secrets are made once and stay closed, a logger has its own user, a certificate its names."""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from deploy.stack.certificates import INSIDE, RENEW_DAYS, make_certificates
from deploy.stack.loggers import add_logger, remove_logger
from deploy.stack.secrets import NATS_USERS, POSTGRES_ROLES, make_secrets
from services.notifier.settings import NotifierSettings
from shared.bus.connection import connect
from shared.problems import BadInput, NotFound, Unavailable
from shared.settings import Connection, Settings
from tailwarden.cli.app import app


@pytest.fixture
def made(tmp_path: Path) -> Path:
    make_secrets(tmp_path / "secrets")
    return tmp_path / "secrets"


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def names(directory: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate((directory / "nats" / "server.crt").read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def test_every_secret_is_its_own_and_closed_to_others(made: Path) -> None:
    words = [(made / f"nats_{user}").read_text() for user in NATS_USERS]
    words += [(made / f"postgres_{role}").read_text() for role in (*POSTGRES_ROLES, "superuser")]
    words += [(made / name).read_text() for name in ("grafana_admin", "notifier_links")]
    assert len(set(words)) == len(words)
    assert all(re.fullmatch(r"[0-9a-f]{48}\n", word) for word in words)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE((made / "authority" / "ca.key").stat().st_mode) == 0o400
    for path in made.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o022, path


def test_made_again_nothing_changes(made: Path) -> None:
    add_logger(made, "xiakou")
    before = contents(made)
    assert make_secrets(made) == []
    assert contents(made) == before


def test_what_is_lost_is_made_again_and_what_follows_from_it_with_it(made: Path) -> None:
    before = contents(made)
    for name in ("nats_monitor", "postgres_reader"):
        (made / name).unlink()
    assert make_secrets(made) == ["nats_monitor", "postgres_reader"]
    after = contents(made)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"nats_monitor", "postgres_reader", "database_url_reader", "nats/passwords.conf"}
    assert (made / "nats_monitor").read_text().strip() in (made / "nats" / "passwords.conf").read_text()
    assert (made / "postgres_reader").read_text().strip() in (made / "database_url_reader").read_text()


def test_an_open_directory_is_closed(made: Path) -> None:
    made.chmod(0o755)
    make_secrets(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be used"):
        make_secrets(tmp_path / "file" / "secrets")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for somebody else")
def test_what_root_makes_belongs_to_the_directorys_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    make_secrets(tmp_path)
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {1234}


def test_a_certificate_keeps_its_names_and_gets_new_ones(made: Path) -> None:
    assert names(made) == set(INSIDE)
    first = (made / "nats" / "ca.crt").read_bytes()
    make_secrets(made, ["warn.example.org", "10.1.2.3"])
    make_secrets(made, ["fd00::1"])
    assert names(made) == {*INSIDE, "warn.example.org", "10.1.2.3", "fd00::1"}
    assert (made / "nats" / "ca.crt").read_bytes() == first  # loggers need not be told
    assert (made / "nats_ca.crt").read_bytes() == first
    for bad in ("no name", "-x.example", "a" * 300, "*.example.org", ""):
        with pytest.raises(BadInput, match="neither a host name nor an address"):
            make_secrets(made, [bad])


def test_a_certificate_is_renewed_in_time(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not make_certificates(made / "nats", made / "authority")

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            certificate = x509.load_pem_x509_certificate((made / "nats" / "server.crt").read_bytes())
            return certificate.not_valid_after_utc - timedelta(days=RENEW_DAYS - 1)

    monkeypatch.setattr("deploy.stack.certificates.datetime", Later)
    assert make_certificates(made / "nats", made / "authority")
    monkeypatch.undo()
    certificate = x509.load_pem_x509_certificate((made / "nats" / "server.crt").read_bytes())
    assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=RENEW_DAYS)


def test_a_sites_own_certificate_is_left_alone(made: Path) -> None:
    (made / "authority" / "ca.key").unlink()
    before = contents(made)
    make_secrets(made, ["warn.example.org"])
    assert contents(made) == before


def test_a_logger_is_added_once_and_revoked(made: Path) -> None:
    user, password = add_logger(made, "xiakou")
    assert (user, add_logger(made, "xiakou")) == ("logger-xiakou", (user, password))
    add_logger(made, "a" * 64)
    add_logger(made, None)
    listed = (made / "nats" / "loggers.conf").read_text()
    assert re.findall(r'"user": "([\w-]+)"', listed) == ["gateway", f"logger-{'a' * 64}", "logger-xiakou"]
    assert '"publish": ["tw.telemetry.xiakou", "tw.telemetry.xiakou.*"]' in listed
    assert remove_logger(made, "xiakou") == user
    assert "xiakou" not in (made / "nats" / "loggers.conf").read_text()
    assert add_logger(made, "xiakou")[1] != password


@pytest.mark.parametrize("pond", ["", "*", ">", "Xiakou", "下口", "a.b", "../x", "a" * 65, 'x"]', "a b"])
def test_a_pond_that_is_no_id_gets_no_user(made: Path, pond: str) -> None:
    before = contents(made)
    with pytest.raises(BadInput, match="no pond's id"):
        add_logger(made, pond)
    with pytest.raises(NotFound):
        remove_logger(made, pond)
    assert contents(made) == before


def test_a_logger_needs_secrets_first(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="stack secrets"):
        add_logger(tmp_path, "xiakou")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_commands_say_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", language)
    where = ["--directory", str(tmp_path / "secrets")]

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["stack", *words, *where], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert "nats_admin" in run("secrets", "--host", "warn.example.org")
    assert {"zh": "未作改动", "en": "nothing was changed"}[language] in run("secrets")
    told = run("logger", "xiakou")
    assert (tmp_path / "secrets" / "loggers" / "logger-xiakou").read_text().strip() in told
    assert "tw/telemetry/xiakou/" in told
    assert "docker compose kill -s HUP nats" in told
    assert "logger-xiakou" in run("logger", "xiakou", "--revoke")
    assert "gateway" in run("logger", "--gateway")
    with pytest.raises(BadInput):
        run("logger")
    with pytest.raises(BadInput):
        run("logger", "xiakou", "--gateway")


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    monkeypatch.setenv("TAILWARDEN_NOTIFIER_LINK_SECRET_FILE", str(secret))
    monkeypatch.setenv("TAILWARDEN_NATS_URL", "tls://nats:4222,tls://nats-2:4222")
    monkeypatch.setenv("TAILWARDEN_NATS_CA_FILE", str(tmp_path / "ca.crt"))
    link = NotifierSettings().link_secret
    assert link is not None
    assert link.get_secret_value() == "hush"
    assert Settings.load(home=tmp_path).connection().nats_ca == str(tmp_path / "ca.crt")
    secret.unlink()
    with pytest.raises(Unavailable, match="secret"):
        NotifierSettings()


async def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "ca.crt"
    for text in (None, "no certificate"):
        if text is not None:
            bad.write_text(text)
        with pytest.raises(Unavailable, match=r"ca\.crt"):
            await connect(Connection(nats_url="tls://127.0.0.1:1", nats_ca=str(bad)))
