"""What a CAP document is made from: who sends it, what it is about, and the history of the warning."""

from __future__ import annotations

from collections.abc import Iterable
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from services.notifier.domain.alarm import AlarmEvent
from shared.contracts.base import Moment, Record
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import AlarmChanged, AlarmOpened, CardStep

__all__ = ["CHINA", "PLAIN", "CapDocument", "Revision", "Sender", "Subject", "Token", "revisions"]

PLAIN = "{sender}:{alarm}:{revision}"
"""Our own pattern of identifiers: a function of sender, alarm and revision alone."""
CHINA = "{unit}_{time}_{serial}"
"""China's pattern for public warnings, 31 characters: code of the issuing unit (6 digits administrative division GB/T
2260, 3 digits kind of institution GB/T 4657, 3 digits for the unit's own division, 2 for extension), Beijing time of
entry ``YYYYMMDDhhmmss``, and a number 0–9 among those of one unit and second. Read in a copy of the value rules of the
national early-warning release system (the copy names no standard's number); identifiers in public feeds of the system
have the first two parts, ``13013241600000_20260826160913``."""

Token = Annotated[str, StringConstraints(pattern=r"^[!-%'-+\--;=-~]{1,200}$")]
"""What may stand in a CAP reference: printable ASCII without space, comma, ``<`` and ``&``."""


class Sender(Record):
    """Who sends, to whom, and how documents are numbered."""

    sender: Token
    names: dict[str, str] = Field(default_factory=dict)
    """``senderName`` by language; without one the desk's."""
    contact: str = ""
    scope: Literal["Public", "Restricted", "Private"] = "Restricted"
    """Restricted unless told otherwise: the desk proposes, warning the public is the government's act."""
    restriction: str = ""
    """Who may read it; empty: our own words."""
    addresses: tuple[str, ...] = ()
    """Who is meant by Private."""
    pattern: str = PLAIN
    unit: str = Field(default="", pattern=r"^(\d{14})?$")
    """The issuing unit's code in ``CHINA``."""
    event_codes: tuple[tuple[str, str], ...] = ()
    """Pairs of name and value, for systems that have codes of events."""
    valid_h: float | None = Field(default=None, gt=0)
    """Hours until a document expires [h]. None: never by itself, a standing warning does not run out."""
    immediate_h: float = Field(default=1.0, gt=0)
    """With less time left than this [h] the urgency is Immediate, below ``expected_h`` Expected, else Future."""
    expected_h: float = Field(default=12.0, gt=0)

    @field_validator("pattern")
    @classmethod
    def _unique(cls, pattern: str) -> str:
        names = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
        if unknown := names - {"sender", "alarm", "revision", "unit", "time", "serial"}:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        if not {"alarm", "revision"} <= names and not {"unit", "time", "serial"} <= names:
            raise ValueError("two documents could get one identifier: use alarm and revision, or unit, time and serial")
        return pattern


class Subject(Record):
    """What a warning is about. Coordinates are WGS 84 degrees."""

    alarm_id: str = Field(min_length=1)
    pond_id: str
    pond_name: str
    county: str = ""
    timezone: str = "Asia/Shanghai"
    exercise: bool = False
    exercise_id: str = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    radius_km: float = Field(default=0.0, ge=0)
    """Radius of the circle around the pond [km]; 0: the pond's place alone, the area at risk is not known."""
    polygon: tuple[tuple[float, float], ...] = ()
    """Corners of the area at risk as (latitude, longitude); closed by us."""
    geocodes: tuple[tuple[str, str], ...] = ()
    web: str = ""
    """A page about the warning that carries no person's signature."""


class Revision(Record):
    """What was said of the warning at one moment. ``number`` counts from 1 what was heard of it."""

    number: int = Field(ge=1)
    sent: Moment
    time: Moment
    """Event time."""
    level: LevelName | None
    previous: LevelName | None = None
    verified: bool = True
    late: bool = False
    causes: tuple[Cause, ...] = ()
    card: tuple[CardStep, ...] = ()
    withdrawn: bool = False
    """The warning turned out never to have had a ground."""
    reason: str = ""
    """Why it is over when it is not the readings that say so (see ``AlarmChanged``)."""
    identifier: Token | None = None
    """The identifier it was published under, when that does not follow from the pattern."""
    serial: int = Field(default=0, ge=0, le=9)
    """The number among one unit's documents of one second, in ``CHINA``."""


class CapDocument(Record):
    """A document with what a feed or a subject needs of it."""

    identifier: str
    sender: str
    sent: str
    """As it stands in the document."""
    msg_type: Literal["Alert", "Update", "Cancel"]
    status: Literal["Actual", "Exercise"]
    level: LevelName | None
    headlines: dict[str, str]
    xml: bytes

    @property
    def reference(self) -> str:
        """How a later document refers to this one."""
        return f"{self.sender},{self.identifier},{self.sent}"


def revisions(events: Iterable[AlarmEvent]) -> tuple[Revision, ...]:
    """Return an alarm's history from its events.

    What was superseded when it was heard is left out (a stale alarm is not published as if it were now), and so is an
    all-clear of what was never published.
    """
    found: list[Revision] = []
    number = 0
    for event in events:
        if not isinstance(event, AlarmOpened | AlarmChanged):
            continue
        number += 1
        if event.superseded or (event.level is None and not found):
            continue
        previous, corrected, reason = None, False, ""
        if isinstance(event, AlarmChanged):
            previous, corrected, reason = event.previous, event.corrected, event.reason
        found.append(
            Revision(
                number=number, sent=event.at, time=event.time, level=event.level, previous=previous,
                verified=event.verified, late=event.late, causes=event.causes, card=event.card,
                withdrawn=event.level is None and corrected, reason=reason,
            )
        )  # fmt: skip
    return tuple(found)
