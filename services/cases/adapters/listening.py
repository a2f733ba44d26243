"""What the cases do when the registry or the monitor says something; each event takes effect once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from pydantic import BaseModel

from services.cases.domain.casefile import HearWarning
from services.cases.domain.clock import NoteClosure
from services.cases.domain.heard import (
    Known,
    closure_finding,
    closure_finding_id,
    incident_id,
    known,
    opens_incident,
)
from services.cases.kinds import FINDING
from services.cases.workkinds import CASEFILE, DEADLINE
from shared.contracts.base import Command
from shared.contracts.cases import FindingSource, FindingState, Subject, SubjectKind
from shared.contracts.casework import FrozenWarning
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.deadlines import ClosureNote
from shared.contracts.monitor import PondStandings, ShowPondStanding, WarningEscalated, WarningRaised
from shared.contracts.pondfiles import ClosureOverdue
from shared.contracts.registry import PondView, ShowPond
from shared.eventstore import Inbox
from shared.eventstore.aggregates import Acting, Aggregates
from shared.eventstore.store import MAX_EVENT_BYTES
from shared.postgres import Connection
from shared.problems import TailwardenError, Unavailable
from shared.words import say

__all__ = ["MONITOR", "REGISTRY", "Ask", "Listening"]

log = logging.getLogger(__name__)

REGISTRY, MONITOR = "cases-registry", "cases-monitor"
"""Names of the durable consumers."""

Ask = Callable[[Command, type[BaseModel]], Awaitable[BaseModel]]
"""Asks another service."""

_NO_COUNTY = "未登记县区"
_FIRST_TAG = {SubjectKind.MINE: "operating", SubjectKind.POND: "in_use"}


class Listening:
    """Takes in what other services say.

    Parameters
    ----------
    records
        Where findings and cases live.
    ask
        Asks the registry and the monitor how a pond stands, to be frozen in its incident.
    """

    def __init__(self, records: Aggregates, ask: Ask) -> None:
        self._records, self._ask = records, ask

    async def registry(self, event: CloudEvent) -> None:
        """Take in an event of the registry: who is known, and whose closure is overdue."""
        about = event_of(event)
        if about is None:
            return
        told = known(about, event.subject)
        if not isinstance(about, ClosureOverdue) and told is None:
            return

        async def work(acting: Acting) -> None:
            if not await Inbox().first_time(acting.conn, REGISTRY, event.id):
                return
            if told is not None:
                await _keep_known(acting.conn, told)
            if isinstance(about, ClosureOverdue):
                await _closure_overdue(acting, about)

        await self._records.together(work)

    async def monitor(self, event: CloudEvent) -> None:
        """Take in an event of the monitor: an orange or red warning opens an incident, with its data frozen.

        Raises
        ------
        Unavailable
            When the registry or the monitor cannot be asked now; the event comes again.
        """
        about = event_of(event)
        warning = None if about is None else opens_incident(about)
        if warning is None or await self._heard(event):
            return
        frozen = await self._freeze(event, warning)

        async def work(acting: Acting) -> None:
            if await Inbox().first_time(acting.conn, MONITOR, event.id):
                await _incident(acting, frozen, frozen.time.astimezone(self._records.zone).date())

        await self._records.together(work)

    async def _heard(self, event: CloudEvent) -> bool:
        """Tell whether the incident has this event already, so that nobody is asked for nothing."""
        about = event_of(event)
        assert isinstance(about, WarningRaised | WarningEscalated)
        incident = await self._records.find(CASEFILE, incident_id(about.warning_id))
        return incident is not None and any(each.event_id == str(event.id) for each in incident.state.frozen)

    async def _freeze(self, event: CloudEvent, warning: WarningRaised | WarningEscalated) -> FrozenWarning:
        pond = await self._view(ShowPond(pond_id=warning.pond_id), PondView)
        standing = await self._view(ShowPondStanding(pond_id=warning.pond_id), PondStandings)
        frozen = FrozenWarning(
            event_id=str(event.id),
            event_type=event.type,
            warning_id=warning.warning_id,
            pond_id=warning.pond_id,
            level=warning.level,
            time=warning.time,
            recorded_at=event.time,
            event=event.data,
            pond=pond,
            standing=standing,
        )
        if len(frozen.model_dump_json().encode()) > MAX_EVENT_BYTES * 2 // 3:
            log.warning("warning %s: what is known of its pond is too large to be frozen", warning.warning_id)
            frozen = frozen.model_copy(update={"pond": None, "standing": None})
        return frozen

    async def _view(self, question: Command, reply: type[BaseModel]) -> dict[str, Any] | None:
        try:
            return (await self._ask(question, reply)).model_dump(mode="json")
        except Unavailable:
            raise
        except TailwardenError as error:
            log.warning("not frozen: %s", error)
            return None


async def _keep_known(conn: Connection, told: Known) -> None:
    """Keep what is told of a mine or pond; what is not told stays."""
    await conn.execute(
        "INSERT INTO known_subject (kind, id, name, county, tag) VALUES (%(kind)s, %(id)s, coalesce(%(name)s, %(id)s),"
        " coalesce(%(county)s, ''), coalesce(%(tag)s, %(first)s)) ON CONFLICT (kind, id) DO UPDATE SET"
        " name = coalesce(%(name)s, known_subject.name), county = coalesce(%(county)s, known_subject.county),"
        " tag = CASE WHEN %(again)s THEN known_subject.tag ELSE coalesce(%(tag)s, known_subject.tag) END",
        {
            "kind": told.kind.value,
            "id": told.id,
            "name": told.name,
            "county": told.county,
            "tag": told.tag,
            "first": _FIRST_TAG.get(told.kind, ""),
            # A registration tells the first state; heard again of one that is known, it must not undo what came since.
            "again": told.name is not None,
        },
    )


async def _closure_overdue(acting: Acting, event: ClosureOverdue) -> None:
    """Open a finding, or note the overdue on the finding there is."""
    note = ClosureNote(
        pond_id=event.pond_id,
        closure_stage=event.stage,
        due_on=event.due_on,
        out_of_use_since=event.out_of_use_since,
    )
    finding_id = closure_finding_id(event.pond_id, event.term, event.out_of_use_since)
    own = await acting.find(FINDING, finding_id)
    if own is None:
        of_a_letter = await _open_finding_of_a_letter(acting.conn, event.pond_id)
        if of_a_letter is None:
            command = closure_finding(event, await _county(acting.conn, event), REGISTRY)
            await acting.put(FINDING, finding_id, command, event.on, command.by)
        else:
            finding_id = of_a_letter
    await acting.put(DEADLINE, finding_id, NoteClosure(finding_id, note), event.on, REGISTRY)


async def _open_finding_of_a_letter(conn: Connection, pond_id: str) -> str | None:
    """Return the oldest open finding of a letter about this pond."""
    cursor = await conn.execute(
        "SELECT id, state -> 'subjects' FROM finding_history WHERE valid_to IS NULL AND subject_ids @> ARRAY[%s]"
        " AND finding_state <> %s AND state ->> 'source' = %s ORDER BY state ->> 'found_on', id",
        (pond_id, FindingState.CLOSED_OUT.value, FindingSource.LETTER.value),
    )
    for finding_id, subjects in await cursor.fetchall():
        if any(each["kind"] == SubjectKind.POND and each["id"] == pond_id for each in subjects):
            return str(finding_id)
    return None


async def _county(conn: Connection, event: ClosureOverdue) -> str:
    if event.county.strip():
        return event.county
    name = await _known(conn, event.pond_id)
    return (name[1] if name is not None else "") or _NO_COUNTY


async def _known(conn: Connection, pond_id: str) -> tuple[str, str] | None:
    """Return a pond's name and county."""
    cursor = await conn.execute(
        "SELECT name, county FROM known_subject WHERE kind = %s AND id = %s", (SubjectKind.POND.value, pond_id)
    )
    row = await cursor.fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


async def _incident(acting: Acting, frozen: FrozenWarning, on: date) -> None:
    pond_id = frozen.pond_id
    name, county = await _known(acting.conn, pond_id) or (pond_id, "")
    if frozen.pond is not None:
        name = frozen.pond["pond"]["name"] or name
        county = frozen.pond["pond"]["county"] or county
    level = say(f"level.{frozen.level}", "zh")
    heard = HearWarning(
        casefile_id=incident_id(frozen.warning_id),
        title=say("casework.incident_title", "zh", pond=name, level=level),
        county=county or _NO_COUNTY,
        subjects=(Subject(kind=SubjectKind.POND, id=pond_id, name=name),),
        frozen=frozen,
        by=MONITOR,
    )
    await acting.put(CASEFILE, heard.casefile_id, heard, on, heard.by)
