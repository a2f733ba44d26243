"""What an archive says of itself: what it holds, of when, and the SHA-256 of every part."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.base import Moment, Record

__all__ = [
    "FORMAT",
    "Evidence",
    "HomeFile",
    "Manifest",
    "Part",
    "SequencePart",
    "Series",
    "ServicePart",
    "StreamPart",
    "Table",
]

FORMAT = 1
"""Archives of a higher format were made by newer code."""


class Part(Record):
    """A member of the archive, as its bytes are there."""

    name: str
    size: int
    sha256: str


class Series(Record):
    """Bytes that were split over several compressed parts: each is a gzip file, together they are the whole."""

    parts: tuple[str, ...]
    size: int
    """Bytes before compression."""
    sha256: str
    """Of these."""
    lines: int


class Table(Series):
    """A table as ``COPY … TO STDOUT`` gives it in the order of its key: equal bytes are equal rows."""

    table_schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        """``schema.name``."""
        return f"{self.table_schema}.{self.name}"


class SequencePart(Record):
    """Where a sequence stands."""

    sequence_schema: str
    name: str
    last: int
    called: bool


class ServicePart(Record):
    """One service's event store."""

    name: str
    migrations: dict[str, str]
    """Name → SHA-256 of each migration that was applied."""
    events: int
    head: str
    """Hash of the last event, in hex; empty: there is none."""


class StreamPart(Series):
    """Messages of a stream, one JSON object a line."""

    stream: str
    created: Moment
    after: int
    """Messages behind this sequence are here."""
    until: int
    """… up to this one, which was the stream's last."""


class Evidence(Record):
    """Files of evidence: those that are here, and those that are on record and are not."""

    files: int
    size: int
    lost: dict[str, Literal["evidence.missing", "evidence.damaged"]] = Field(default_factory=dict)


class HomeFile(Record):
    """A file of the home."""

    part: str
    name: str
    secret: bool = False


class Manifest(Record):
    """See the module's text."""

    format: int
    id: str
    taken: Moment
    """When the database was looked at: everything committed before is here, nothing after."""
    tailwarden: str
    postgres: str
    timescaledb: str | None
    services: tuple[ServicePart, ...]
    tables: tuple[Table, ...]
    sequences: tuple[SequencePart, ...]
    streams: tuple[StreamPart, ...]
    events_published: int
    """Last sequence of EVENTS then; the stream itself is made anew from the stores."""
    evidence: Evidence
    files: tuple[HomeFile, ...]
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.lines for table in self.tables)
