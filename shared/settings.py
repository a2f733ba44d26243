"""Where the running system is, and with which credentials: arguments, environment, then the file `up` wrote.

Addresses and their credentials are taken as one group from one source: a password from the file is never
sent to an address from the environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.problems import BadInput, Unavailable

__all__ = ["CONNECTION_FILE", "Connection", "Settings", "bad_setting", "connection", "secrets_from_files"]

CONNECTION_FILE = Path("run/connection.json")
"""Where in its home a running system says how to reach it (mode 0600: it holds passwords)."""

DEFAULT_MQTT_PORT = 1883


class Connection(BaseModel):
    """How to reach a running system: everything a service or a command needs to connect."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    nats_url: str
    nats_user: str | None = None
    nats_password: str | None = Field(default=None, repr=False)
    nats_ca: str | None = None
    """File of the authority that signed NATS's certificate (TLS); None: those this machine trusts."""
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = DEFAULT_MQTT_PORT
    nats_users: dict[str, str] = Field(default_factory=dict, repr=False)
    """Passwords of the other NATS users (``gateway``, ``subscriber``), when this machine runs the server."""
    web_url: str | None = None
    """Where people's pages and the CAP feed are served."""
    ops_urls: dict[str, str] = Field(default_factory=dict)
    """By process (a service's name, or ``monitor-2``): where it answers ``/healthz``, ``/readyz`` and ``/metrics``."""
    database_urls: dict[str, str] = Field(default_factory=dict, repr=False)
    """By role: ``owner`` (migrations), each service's name, ``reader``."""

    def database(self, role: str) -> str:
        """Return the database address of *role*.

        Raises
        ------
        Unavailable
            When none is known.
        """
        url = self.database_urls.get(role)
        if url is None:
            raise Unavailable("settings.no_database", role=role)
        return url

    def write(self, path: Path) -> None:
        """Write this to *path*, whole or not at all, readable by its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(self.model_dump(mode="json"), indent=2) + "\n", "utf-8")
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> Connection | None:
        """Return what *path* says, or None when there is no such file."""
        try:
            return cls.model_validate_json(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (ValidationError, UnicodeDecodeError) as error:
            raise Unavailable("settings.bad_connection_file", path=str(path)) from error
        except OSError as error:
            raise Unavailable("settings.secret_file", path=str(path), reason=error.strerror) from error


class Settings(BaseSettings):
    """What every process may be told, by arguments or by ``TAILWARDEN_…`` in the environment.

    Each secret may instead be named by a file: ``TAILWARDEN_NATS_PASSWORD_FILE`` and so on.
    """

    model_config = SettingsConfigDict(env_prefix="TAILWARDEN_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Path(".tailwarden")
    nats_url: str | None = None
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    nats_password_file: Path | None = None
    nats_ca_file: Path | None = None
    """The authority that signed NATS's certificate, where it is one of one's own (``tls://…``)."""
    stream_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream that is made: 3 in a cluster of three."""
    mqtt_host: str | None = None
    mqtt_port: int | None = Field(default=None, ge=1, le=65535)
    database_url: SecretStr | None = None
    database_url_file: Path | None = None
    owner_database_url: SecretStr | None = None
    owner_database_url_file: Path | None = None
    timezone: str = "Asia/Shanghai"
    """Where the office is: its day is the day of acts and deadlines."""
    language: Literal["zh", "en"] | None = None
    ops_host: str = "127.0.0.1"
    ops_port: int | None = Field(default=None, ge=0, le=65535)
    """Where a service answers ``/healthz``, ``/readyz`` and ``/metrics``; None: nowhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: Any) -> Any:
        return secrets_from_files(values, ("nats_password", "database_url", "owner_database_url"))

    @classmethod
    def load(cls, **arguments: Any) -> Self:
        """Return the settings: each *argument* that is not None, else the environment, else the default.

        Raises
        ------
        BadInput
            When a value cannot be used; ``field`` names the setting.
        """
        try:
            return cls(**{name: value for name, value in arguments.items() if value is not None})
        except ValidationError as error:
            raise bad_setting(error) from error

    def connection(self) -> Connection:
        """Resolve how to reach the running system.

        Raises
        ------
        Unavailable
            When neither arguments nor environment nor the home's file name a NATS address.
        """
        running = Connection.read(self.home / CONNECTION_FILE)
        if self.nats_url is not None:
            base = Connection(
                nats_url=self.nats_url,
                nats_user=self.nats_user,
                nats_password=_revealed(self.nats_password),
                nats_ca=None if self.nats_ca_file is None else str(self.nats_ca_file),
                mqtt_host=self.mqtt_host or urlsplit(self.nats_url).hostname or "127.0.0.1",
                mqtt_port=DEFAULT_MQTT_PORT if self.mqtt_port is None else self.mqtt_port,
            )
        elif running is not None:
            base = running
        else:
            raise Unavailable("settings.no_system", home=str(self.home))
        return base.model_copy(update={"database_urls": self._databases(running)})

    def _databases(self, running: Connection | None) -> dict[str, str]:
        """One database group from one source: what was said, else the running system's."""
        own, owner = _revealed(self.database_url), _revealed(self.owner_database_url)
        if own is None and owner is None:
            return dict(running.database_urls) if running is not None else {}
        urls: dict[str, str] = {}
        if own is not None:
            # One address given from outside serves whichever service reads it: each runs in its own process.
            urls |= dict.fromkeys(("registry", "cases", "monitor", "notifier", "reader"), own)
        if owner is not None:
            urls["owner"] = owner
        return urls


def bad_setting(error: ValidationError, prefix: str = "TAILWARDEN_", whole: str = "settings") -> BadInput:
    """Return the refusal ``settings.bad_value`` of the first setting that cannot be used.

    Parameters
    ----------
    prefix
        Of the settings' names in the environment.
    whole
        What is named where no single setting is at fault.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else whole
    return BadInput("settings.bad_value", field=name, name=f"{prefix}{name.upper()}", reason=first["msg"])


def secrets_from_files(values: Any, names: Sequence[str]) -> Any:
    """Return the *values* given to a settings class, each secret of *names* read from its ``…_file`` if it has one.

    Raises
    ------
    Unavailable
        ``settings.secret_file`` when such a file cannot be read.
    """
    if not isinstance(values, Mapping):
        return values
    read = dict(values)
    for name in names:
        path = read.get(f"{name}_file")
        if path is not None and read.get(name) is None:
            try:
                read[name] = Path(path).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8"
                raise Unavailable("settings.secret_file", path=str(path), reason=reason) from error
    return read


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def connection(home: Path | None = None) -> Connection:
    """Return how to reach the running system: environment, else the file in *home* (see ``Settings``)."""
    return Settings.load(home=home).connection()
