"""Base classes of everything published: frozen, aware times, ids with a fixed alphabet.

Commands refuse unknown fields (a typing error must not pass silently); events ignore them, so that
an old reader survives a newer writer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator

__all__ = ["Command", "Event", "Identifier", "Moment", "Record"]

ID_PATTERN = r"^[a-z0-9_-]{1,64}$"

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id safe in NATS subjects, MQTT topics and file names: ``[a-z0-9_-]{1,64}``."""

Moment = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]
"""An aware time, held in UTC; a time without offset is refused."""


class Record(BaseModel):
    """A frozen value inside an event or a command; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Event(Record):
    """Something that happened, in the past tense. Readers ignore fields they do not know.

    ``event_type`` is ``<service>.<aggregate>.<event>`` and is what stands in the event store, in
    the CloudEvent and (with dots) in the NATS subject ``tw.events.<service>.<aggregate>.<id>.<event>``.
    """

    event_type: ClassVar[str]
    schema_version: ClassVar[int] = 1


class Command(BaseModel):
    """A wish, in the imperative. Unknown fields are refused.

    ``command_name`` is ``<service>.<command>``; the NATS subject is ``tw.commands.<command_name>``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    command_name: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, given: Any) -> Any:
        """Refuse NUL: no name or text has one, and the database cannot keep it."""
        for where, text in _texts(given):
            if "\x00" in text:
                raise ValueError(f"{where}: text must not contain NUL (U+0000)")
        return given


def _texts(given: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in nested data, with its path."""
    match given:
        case str():
            yield where, given
        case dict():
            for key, value in given.items():
                yield from _texts(value, f"{where}.{key}".lstrip("."))
        case list() | tuple():
            for index, value in enumerate(given):
                yield from _texts(value, f"{where}[{index}]")
        case _:
            pass
