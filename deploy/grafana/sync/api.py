"""Where Grafana is and with which token; its client, whose errors become ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import niquests.exceptions
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaTimeoutError
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.problems import BadInput, Fault, Forbidden, Unavailable
from shared.settings import bad_setting, secrets_from_files

__all__ = ["Grafana", "GrafanaSettings"]

T = TypeVar("T")
_NOT_FOUND, _REFUSED = 404, (401, 403)


class GrafanaSettings(BaseSettings):
    """``TAILWARDEN_GRAFANA_…`` in the environment; each secret may instead be named by a file (``…_FILE``)."""

    model_config = SettingsConfigDict(
        env_prefix="TAILWARDEN_GRAFANA_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    url: str | None = None
    token: SecretStr | None = None
    """Of a service account with the role Admin (data sources) or, without ``sync`` of the data source, Editor."""
    token_file: Path | None = None
    user: str | None = None
    """Instead of a token: a user with their password, as the stack's administrator."""
    password: SecretStr | None = None
    password_file: Path | None = None
    database_url: SecretStr | None = None
    """How Grafana reaches the database, as the reader; None: as we do."""
    database_url_file: Path | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=300)

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: Any) -> Any:
        return secrets_from_files(values, ("token", "password", "database_url"))

    @classmethod
    def load(cls) -> Self:
        """Return the settings.

        Raises
        ------
        BadInput
            ``settings.bad_value``.
        """
        try:
            return cls()
        except ValidationError as error:
            raise bad_setting(error, "TAILWARDEN_GRAFANA_", "grafana") from error


class Grafana:
    """A Grafana by its client. Its calls wait: from a loop they are made in a thread. Close it by ``with``."""

    def __init__(self, settings: GrafanaSettings) -> None:
        parts = urlsplit(settings.url or "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("grafana.no_url", field="url", got=settings.url or "")
        credential: str | tuple[str, str]
        if settings.token is not None:
            credential = settings.token.get_secret_value()
        elif settings.user is not None and settings.password is not None:
            credential = (settings.user, settings.password.get_secret_value())
        else:
            raise BadInput("grafana.no_token", field="token")
        self.address = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        self._api: Any = GrafanaApi.from_url(str(settings.url), credential=credential, timeout=settings.timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.client.s.close()

    def call(self, work: Callable[[Any], T]) -> T:
        """Return what *work* makes of the client.

        Raises
        ------
        Unavailable
            ``grafana.unreachable``: nobody answers, or a server error.
        Forbidden
            ``grafana.refused``: the token may not do this.
        Fault
            ``grafana.failed``: anything else Grafana says no to.
        """
        try:
            return work(self._api)
        except (niquests.exceptions.RequestException, GrafanaTimeoutError, OSError) as error:
            raise Unavailable("grafana.unreachable", address=self.address, reason=type(error).__name__) from error
        except GrafanaException as error:
            status = error.status_code
            if status in _REFUSED:
                raise Forbidden("grafana.refused", address=self.address) from error
            if not isinstance(error, GrafanaClientError):
                raise Unavailable("grafana.unreachable", address=self.address, reason=f"HTTP {status}") from error
            raise Fault("grafana.failed", address=self.address, reason=str(error.message)) from error

    def find(self, work: Callable[[Any], T]) -> T | None:
        """Return what *work* finds, or None where Grafana has no such thing."""

        def look(api: Any) -> T | None:
            try:
                return work(api)
            except GrafanaClientError as error:
                if error.status_code == _NOT_FOUND:
                    return None
                raise

        return self.call(look)
