"""The envelope of everything published: CloudEvents 1.0, structured JSON.

The extension attributes (lower case, as the specification demands) carry the event's place in its
service's store: ``position`` (order over the whole service), ``stream`` and ``streamversion`` (order
within one aggregate) and ``hash`` (its link in the hash chain). An event that was recorded within a trace carries
the distributed tracing extension's ``traceparent``. Readers ignore attributes they do not know.

References
----------
CloudEvents 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
Distributed tracing extension 1.0.2, …/cloudevents/extensions/distributed-tracing.md
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import orjson
from pydantic import Field

from shared.contracts.base import Event, Moment, Record
from shared.contracts.campaigns import CAMPAIGN_EVENTS
from shared.contracts.caseevents import FINDING_EVENTS, LETTER_EVENTS
from shared.contracts.casework import CASEFILE_EVENTS
from shared.contracts.deadlines import DEADLINE_EVENTS
from shared.contracts.evidence import EVIDENCE_EVENTS
from shared.contracts.mergers import MERGER_EVENTS
from shared.contracts.mineevents import MINE_EVENTS
from shared.contracts.monitor import MONITOR_EVENTS
from shared.contracts.notifier import NOTIFIER_EVENTS
from shared.contracts.people import PEOPLE_EVENTS
from shared.contracts.plans import PLAN_EVENTS
from shared.contracts.pondfiles import PONDFILE_EVENTS
from shared.contracts.reading import read_model, read_value
from shared.contracts.registry import REGISTRY_EVENTS
from shared.contracts.sensorcare import SENSORCARE_EVENTS

__all__ = ["EVENT_TYPES", "CloudEvent", "Published", "envelope", "event_of", "read_cloud_event", "subject_of"]

EVENT_TYPES: Mapping[str, type[Event]] = {
    event.event_type: event
    for event in (
        *REGISTRY_EVENTS,
        *MONITOR_EVENTS,
        *PEOPLE_EVENTS,
        *PONDFILE_EVENTS,
        *MINE_EVENTS,
        *MERGER_EVENTS,
        *PLAN_EVENTS,
        *SENSORCARE_EVENTS,
        *LETTER_EVENTS,
        *FINDING_EVENTS,
        *DEADLINE_EVENTS,
        *EVIDENCE_EVENTS,
        *CASEFILE_EVENTS,
        *CAMPAIGN_EVENTS,
        *NOTIFIER_EVENTS,
    )
}
"""Every published event, by its type."""

CONTENT_TYPE = "application/cloudevents+json"


class Published(Protocol):
    """What the envelope needs to know of a stored event (the event store's ``StoredEvent`` fits)."""

    @property
    def position(self) -> int:
        """Order over the whole service, from 1."""
        ...

    @property
    def id(self) -> UUID:
        """Identity, for ever."""
        ...

    @property
    def stream(self) -> str:
        """The stream it stands in."""
        ...

    @property
    def version(self) -> int:
        """Order within the stream, from 1."""
        ...

    @property
    def event(self) -> Event:
        """The event itself."""
        ...

    @property
    def type(self) -> str:
        """``<service>.<aggregate>.<event>``."""
        ...

    @property
    def schema_version(self) -> int:
        """Version of the event's schema."""
        ...

    @property
    def aggregate_id(self) -> str:
        """The aggregate it happened to."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """Who did it, and within which trace."""
        ...

    @property
    def recorded_at(self) -> datetime:
        """When it was stored."""
        ...

    @property
    def hash(self) -> bytes:
        """Its link in the hash chain."""
        ...


class CloudEvent(Record):
    """One published event as it stands on the wire; ``data`` is the event's own fields, unjudged."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str = Field(pattern=r"^/tailwarden/[a-z0-9_-]+$")
    type: str
    subject: str
    """The aggregate's id."""
    time: Moment
    """When the event was recorded."""
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    data: dict[str, Any]
    position: int = Field(ge=1)
    stream: str
    streamversion: int = Field(ge=1)
    hash: str
    """Hexadecimal link of the store's hash chain."""
    traceparent: str | None = None
    """The step of a trace that recorded it (W3C Trace Context), when there was one."""

    @property
    def service(self) -> str:
        """The service that published it."""
        return self.source.rsplit("/", 1)[-1]

    @property
    def schema_version(self) -> int:
        """The version at the end of ``dataschema``; 1 when it carries none."""
        tail = self.dataschema.rsplit(":", 1)[-1]
        return int(tail) if tail.isdigit() else 1


def envelope(service: str, stored: Published) -> bytes:
    """Return the CloudEvent JSON of a stored event of *service*."""
    trace = stored.metadata.get("traceparent")
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(stored.id),
            "source": f"/tailwarden/{service}",
            "type": stored.type,
            "subject": stored.aggregate_id,
            "time": stored.recorded_at,
            "datacontenttype": "application/json",
            "dataschema": f"urn:tailwarden:schema:{stored.type}:{stored.schema_version}",
            "data": stored.event.model_dump(mode="json"),
            "position": stored.position,
            "stream": stored.stream,
            "streamversion": stored.version,
            "hash": stored.hash.hex(),
            **({} if trace is None else {"traceparent": trace}),
        },
    )


def read_cloud_event(payload: bytes) -> CloudEvent:
    """Return the CloudEvent in *payload*.

    Raises
    ------
    BadInput
        If it is not JSON or an attribute is missing or wrong; ``field`` names the first such attribute.
    """
    return read_model(CloudEvent, payload)


def event_of(cloud_event: CloudEvent) -> Event | None:
    """Return the event inside the envelope, or None when its type is not one we know (a newer writer's).

    Raises
    ------
    BadInput
        If the type is known and the data do not fit it.
    """
    known = EVENT_TYPES.get(cloud_event.type)
    return None if known is None else read_value(known, cloud_event.data, prefix="data")


def subject_of(event_type: str, aggregate_id: str) -> str:
    """Return the NATS subject an event is published on.

    >>> subject_of("monitor.warning.raised", "xiakou")
    'tw.events.monitor.warning.xiakou.raised'
    """
    service, aggregate, event = event_type.split(".", 2)
    return f"tw.events.{service}.{aggregate}.{aggregate_id}.{event}"
