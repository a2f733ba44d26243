"""What the notifier may be told beyond the shared settings."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.notifier.cap import PLAIN, Sender
from services.notifier.domain.bulletin import BulletinPlan
from services.notifier.domain.policy import Settings as Policy
from services.notifier.domain.routing import Routing
from shared.contracts.base import Record
from shared.problems import BadInput
from shared.settings import secrets_from_files

__all__ = ["NotifierSettings", "Rules", "load_rules"]


class NotifierSettings(BaseSettings):
    """From the environment, ``TAILWARDEN_NOTIFIER_…``; files: ``TAILWARDEN_CHANNELS_FILE`` and the like."""

    model_config = SettingsConfigDict(
        env_prefix="TAILWARDEN_NOTIFIER_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    channels_file: Path | None = Field(
        default=None, validation_alias=AliasChoices("TAILWARDEN_CHANNELS_FILE", "channels_file")
    )
    """Providers; None: ``channels.toml`` in the home, and without one every message is put into ``mailbox`` there."""
    routing_file: Path | None = Field(
        default=None, validation_alias=AliasChoices("TAILWARDEN_ROUTING_FILE", "routing_file")
    )
    """Chains and times; None: ``routing.toml`` in the home, and without one the product's own."""
    cards_file: Path | None = Field(default=None, validation_alias=AliasChoices("TAILWARDEN_CARDS_FILE", "cards_file"))
    """TARP cards; None: ``cards.toml`` in the home, and without one the product's own."""
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    """Where signed links and the CAP feed are served; 0: any free port (links then last until the next start)."""
    base_url: str = ""
    """What people's phones reach, ``https://warn.example``; empty: host and port."""
    link_secret: SecretStr | None = None
    """Signs the links; None: ``secrets/notifier-links`` in the home, made at the first start."""
    link_secret_file: Path | None = None
    link_hours: float = Field(default=48.0, gt=0, le=24 * 90)
    tick_s: float = Field(default=1.0, gt=0, le=60)
    """Seconds between looks at what fell due: escalations, repetitions, ends of shelvings."""
    keep_days: float = Field(default=90.0, gt=0)
    """So long a settled message stays in the outbox; its events stay for ever."""
    shelve_days: float = Field(default=30.0, gt=0, le=366)
    """For so long a pond's alarms may be set aside at once."""
    watchdog: bool = True
    """Whether a synthetic pond proves the way of a warning every minute."""
    watchdog_patience_s: float = Field(default=180.0, ge=5)
    """Without a reading that came back as a warning for so long, the watchdog is silent: the control room is told."""
    deadman_url: SecretStr | None = None
    """Called while readings come back (``https://hc.example/ping/…``): whoever runs it misses the calls. A secret."""
    deadman_url_file: Path | None = None
    cap_sender: str = "tailwarden@localhost"
    """``sender`` of CAP documents."""
    cap_name_zh: str = ""
    cap_name_en: str = ""
    cap_contact: str = ""
    cap_pattern: str = PLAIN
    """Pattern of CAP identifiers; China's is ``{unit}_{time}_{serial}`` with ``cap_unit``."""
    cap_unit: str = ""

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: Any) -> Any:
        return secrets_from_files(values, ("link_secret", "deadman_url"))

    @field_validator("deadman_url")
    @classmethod
    def _web(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")  # and never says what it is instead
        return url

    def sender(self) -> Sender:
        """Return who sends CAP documents.

        Raises
        ------
        BadInput
            ``settings.bad_value``.
        """
        names = {"zh": self.cap_name_zh, "en": self.cap_name_en}
        try:
            return Sender(
                sender=self.cap_sender, names={language: name for language, name in names.items() if name},
                contact=self.cap_contact, pattern=self.cap_pattern, unit=self.cap_unit,
            )  # fmt: skip
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = f"cap_{first['loc'][0] if first['loc'] else 'pattern'}"
            raise BadInput(
                "settings.bad_value", field=name, name=f"TAILWARDEN_NOTIFIER_{name.upper()}", reason=first["msg"]
            ) from error


class Rules(Record):
    """A routing file: policy per level, chains, and bulletins."""

    settings: Policy
    routing: Routing
    bulletin: BulletinPlan = BulletinPlan()


def load_rules(path: Path | None = None) -> Rules:
    """Return the rules of *path*, or the product's own.

    Raises
    ------
    BadInput
        ``delivery.bad_routing``, with the file and the reason, which begins with the place in it.
    """
    source: Traversable = files("services.notifier") / "routing.toml" if path is None else path.absolute()
    try:
        given = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        raise BadInput("delivery.bad_routing", path=str(source), reason=reason) from error
    try:
        fallback = given.get("fallback", [])
        return Rules(
            settings=Policy.model_validate({"fallback": fallback, **given.get("settings", {})}),
            routing=Routing.model_validate(
                {
                    "city": given.get("city", ""),
                    "chains": given.get("chains", {}),
                    "fallback": fallback,
                    **given.get("hours", {}),
                }
            ),
            bulletin=BulletinPlan.model_validate(given.get("bulletin", {})),
        )
    except (ValidationError, TypeError, AttributeError) as error:
        first = error.errors(include_url=False, include_input=False)[0] if isinstance(error, ValidationError) else None
        reason = str(error) if first is None else f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise BadInput("delivery.bad_routing", path=str(source), reason=reason) from error
