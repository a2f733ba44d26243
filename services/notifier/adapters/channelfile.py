"""The channels file: which channels there are, in TOML. Secrets come from the environment or from files."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from shared.contracts.base import Identifier
from shared.problems import BadInput

__all__ = ["ChannelConfig", "SecretSource", "read_channels"]

_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_WEBHOOK = re.compile(r"(json|xml|form):\{address\}")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


class SecretSource(_Strict):
    """Where a secret is: the name of an environment variable, or a file."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either env or file")
        return self

    def read(self, environment: Mapping[str, str], base: Path) -> str | None:
        """Return the secret, or None when there is none; a relative file is beside the channels file."""
        if self.env is not None:
            return environment.get(self.env) or None
        assert self.file is not None  # one of the two
        try:
            return (base / self.file).read_text("utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None


class ChannelConfig(_Strict):
    """One channel. ``url`` is an apprise URL with places in braces; ``directory`` stands for a provider."""

    name: Identifier
    kind: str
    """Kind of address in the register (``mobile``, ``phone``, ``mail``, ``webhook``), or ``everybody``: it needs none
    and is everybody's last resort."""
    url: SecretStr | None = None
    directory: Path | None = None
    secrets: dict[str, SecretSource] = Field(default_factory=dict)
    language: Literal["zh", "en"] = "zh"
    length: Literal["full", "short"] = "full"
    per_second: float | None = Field(default=None, gt=0)
    per_minute: float | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=10.0, gt=0, le=120)
    concurrency: int = Field(default=8, ge=1, le=64)
    """Messages under way at once, those of hung providers among them."""
    known: dict[str, SecretStr] = Field(default_factory=dict, exclude=True)
    """The secrets themselves, once they have been read."""

    @model_validator(mode="after")
    def _carried(self) -> Self:
        if (self.url is None) == (self.directory is None):
            raise ValueError("name either url or directory")
        if self.url is not None:
            url = self.url.get_secret_value()
            places = set(_PLACE.findall(url)) - {"address"}
            if unknown := places - set(self.secrets):
                raise ValueError(f"no secret for {', '.join(sorted(unknown))}")
            if self.kind != "everybody" and "{address}" not in url:
                raise ValueError("url does not say where {address} stands")
            if self.kind == "everybody" and "{address}" in url:
                raise ValueError("a channel for everybody has no {address}")
        return self

    @property
    def webhook(self) -> str | None:
        """``json``, ``xml`` or ``form`` when the address is itself the URL to post to (``url = "json:{address}"``)."""
        found = None if self.url is None else _WEBHOOK.fullmatch(self.url.get_secret_value())
        return None if found is None else found[1]

    @property
    def mail(self) -> bool:
        """Whether it is SMTP that takes its messages."""
        return self.url is not None and self.url.get_secret_value().lower().startswith(("mailto:", "mailtos:"))

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the URL with its places filled; *values* are quoted already."""
        assert self.url is not None  # a directory has none
        return _PLACE.sub(lambda found: values[found[1]], self.url.get_secret_value())


def read_channels(path: Path, environment: Mapping[str, str] | None = None) -> tuple[ChannelConfig, ...]:
    """Return the channels of a file, in its order.

    Raises
    ------
    BadInput
        ``delivery.bad_file`` or ``delivery.no_secret``; neither says more of a secret than its name.
    """
    environment = os.environ if environment is None else environment
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # What TOML says of a mistake may hold the line.
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise _bad(path, str(reason)) from None
    tables: Any = content.get("channels", {})
    if not isinstance(tables, dict):
        raise _bad(path, "channels: not a table")
    return tuple(_channel(path, str(name), table, environment) for name, table in tables.items())


def _bad(path: Path, reason: str) -> BadInput:
    return BadInput("delivery.bad_file", path=str(path.absolute()), reason=reason)


def _channel(path: Path, name: str, table: object, environment: Mapping[str, str]) -> ChannelConfig:
    where = f"channels.{name}"
    if not isinstance(table, dict):
        raise _bad(path, f"{where}: not a table")
    try:
        config = ChannelConfig.model_validate({**table, "name": name, "known": {}})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join([where, *(str(part) for part in first["loc"])])
        raise _bad(path, f"{place}: {first['msg']}") from None
    known: dict[str, SecretStr] = {}
    for key, source in config.secrets.items():
        secret = source.read(environment, path.parent)
        if secret is None:
            raise BadInput("delivery.no_secret", name=f"{where}.secrets.{key}")
        known[key] = SecretStr(secret)
    directory = None if config.directory is None else path.parent / config.directory
    return config.model_copy(update={"known": known, "directory": directory})
