"""Base classes of everything published: frozen, aware times, ids with a fixed alphabet.

Commands refuse unknown fields (a typing error must not pass silently); events ignore them, so that
an old reader survives a newer writer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from shared.contracts.border import implausible_days, misread_names, said, unkeepable, written

__all__ = ["Command", "Countersignature", "Event", "Identifier", "Moment", "Reason", "Record", "Signature"]

ID_PATTERN = r"^[a-z0-9_-]{1,64}$"

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id safe in NATS subjects, MQTT topics and file names: ``[a-z0-9_-]{1,64}``."""

Countersignature = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(written)]
"""The name of whoever else agrees: neither blank, however that is written, nor with signs nobody sees."""
Signature = Annotated[Countersignature, StringConstraints(min_length=1)]
"""The name of whoever signs a command."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), AfterValidator(said)]
"""Why somebody does something: in words, not in dashes."""


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("there is no such time in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
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
    def _can_be_kept(cls, given: Any) -> Any:
        """Refuse what the database cannot keep or a reader of JSON cannot take."""
        faults = unkeepable(given)
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return given

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        """Refuse days on which nothing here can have happened or be due, and names that do not read as stored."""
        faults = [*implausible_days(self), *misread_names(self)]
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        return self
