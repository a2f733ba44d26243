"""Alarms as people meet them: acts through the desk, views from the read models and the record of deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.notifier.adapters.desk import Desk
from services.notifier.domain.alarm import Alarm, AlarmEvent, Told
from services.notifier.domain.policy import ORDER
from shared.contracts.base import Moment
from shared.contracts.levels import LevelName
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmChanged,
    AlarmHeld,
    AlarmOpened,
    AlarmView,
    CardAct,
    CardStep,
    CardStepDone,
    Delivery,
    DeliveryConfirmed,
    DeliveryFailed,
    DeliverySent,
    HeldBack,
    LevelCard,
    PersonProof,
    Shelved,
    Shelving,
    Unshelved,
)
from shared.contracts.synthetic import is_exercise
from shared.eventstore import EventStore, StoredEvent

__all__ = ["StoredAlarms"]

_NOBODY = "route:nobody_responsible:"
"""As the alarm's state keeps it."""


class StoredAlarms:
    """Implements ``handlers.Alarms``."""

    def __init__(self, desk: Desk, store: EventStore) -> None:
        self._desk, self._store = desk, store

    async def act(self, alarm_id: str, by: str, acts: Callable[[Alarm], Sequence[AlarmEvent]]) -> Alarm | None:
        """See ``handlers.Alarms``."""
        return await self._desk.act(alarm_id, by, acts)

    async def view(self, alarm_id: str) -> AlarmView | None:
        """See ``handlers.Alarms``."""
        async with self._desk.pool.connection() as conn:
            cursor = await conn.execute("SELECT state::text, version FROM alarm WHERE id = %s", (alarm_id,))
            row = await cursor.fetchone()
            if row is None:
                return None
            story = await self._store.read(conn, f"alarm-{alarm_id}")
        return _view(Alarm.model_validate_json(row[0]), int(row[1]), story)

    async def views(self, pond_id: str | None, include_ended: bool, exercises: bool, limit: int) -> list[AlarmView]:
        """See ``handlers.Alarms``: without the single deliveries."""
        async with self._desk.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT state::text, version FROM alarm WHERE (%s::text IS NULL OR pond_id = %s)"
                " AND (%s OR ended IS NULL) AND (%s OR NOT exercise) ORDER BY opened DESC, id LIMIT %s",
                (pond_id, pond_id, include_ended, exercises or is_exercise(pond_id or ""), limit),
            )
            rows = await cursor.fetchall()
        return [_view(Alarm.model_validate_json(state), int(version), []) for state, version in rows]

    async def shelve(self, shelving: Shelving) -> None:
        """See ``handlers.Alarms``."""
        async with self._desk.lock:
            event = Shelved(shelving=shelving, at=shelving.begins)
            await self._desk.append_other(f"shelving-{shelving.shelving_id}", shelving.pond_id, [event], shelving.by)
            self._desk.shelvings[shelving.shelving_id] = shelving

    async def unshelve(self, shelving_id: str, by: str) -> Shelving | None:
        """See ``handlers.Alarms``; what the shelving held back is told with the next tick."""
        async with self._desk.lock:
            shelving = self._desk.shelvings.get(shelving_id)
            if shelving is None:
                return None
            event = Unshelved(shelving_id=shelving_id, pond_id=shelving.pond_id, by=by, at=self._desk.clock.now())
            await self._desk.append_other(f"shelving-{shelving_id}", shelving.pond_id, [event], by)
            del self._desk.shelvings[shelving_id]
            return shelving

    async def shelvings(self, pond_id: str | None) -> list[Shelving]:
        """See ``handlers.Alarms``."""
        now = self._desk.clock.now()
        found = [each for each in self._desk.shelvings.values() if each.expires > now]
        return sorted((each for each in found if pond_id in (None, each.pond_id)), key=lambda each: each.expires)


def _view(alarm: Alarm, version: int, story: Sequence[StoredEvent]) -> AlarmView:
    deliveries: dict[str, dict[str, Delivery]] = {}
    for stored in story:
        _deliver(deliveries, stored)
    said = [stored.event for stored in story]
    steps = {step.id: step for event in said if isinstance(event, AlarmOpened | AlarmChanged) for step in event.card}
    heard = [event for event in said if isinstance(event, AlarmOpened | AlarmChanged)]
    peak = next((event for event in heard if event.level is alarm.highest), None)
    notes = {event.person_id: event.note for event in said if isinstance(event, AlarmAnswered)}
    held = [event for event in said if isinstance(event, AlarmHeld)]
    return AlarmView(
        alarm_id=alarm.alarm_id,
        pond_id=alarm.pond_id,
        exercise=alarm.exercise,
        level=alarm.level,
        highest=alarm.highest,
        verified=alarm.verified,
        late=alarm.late,
        opened=alarm.opened,
        changed=alarm.changed,
        ended=alarm.ended,
        rank=alarm.rank,
        answered=alarm.answered,
        people=tuple(
            _proof(told, deliveries.get(told.person_id, {}), notes.get(told.person_id, ""), alarm)
            for told in alarm.recalled
        ),
        card=alarm.card,
        steps_done=alarm.steps_done,
        acts=tuple(_act(event, steps) for event in said if isinstance(event, CardStepDone)),
        held=tuple(f"{event.stage}: {event.reason}" for event in held),
        held_back=tuple(
            HeldBack(stage=event.stage, reason=event.reason, at=event.at, until=event.until) for event in held
        ),
        cards=_cards(heard, alarm.highest),
        highest_causes=() if peak is None else peak.causes,
        highest_time=None if peak is None else peak.time,
        nobody_responsible=not alarm.people and _NOBODY in alarm.held,
        version=version,
    )


def _cards(heard: Sequence[AlarmOpened | AlarmChanged], highest: LevelName) -> tuple[LevelCard, ...]:
    """Return the cards that held at some time: not those of levels that were over before anybody heard of them."""
    found = {
        event.level: event.card
        for event in heard
        if event.level is not None and event.card and (not event.superseded or event.level is highest)
    }
    return tuple(LevelCard(level=level, steps=found[level]) for level in sorted(found, key=lambda x: -ORDER[x]))


def _act(event: CardStepDone, steps: Mapping[str, CardStep]) -> CardAct:
    step = steps.get(event.step_id)
    return CardAct(
        step_id=event.step_id, zh="" if step is None else step.zh, en="" if step is None else step.en,
        person_id=event.person_id, at=event.at, note=event.note, photo_sha256=event.photo_sha256,
    )  # fmt: skip


def _proof(told: Told, deliveries: dict[str, Delivery], note: str, alarm: Alarm) -> PersonProof:
    return PersonProof(
        person_id=told.person_id,
        name=told.name,
        role=told.role,
        rank=told.rank,
        decided=told.decided,
        sent=told.sent,
        delivered=told.delivered,
        read=told.read,
        answered=told.answered,
        answer=told.answer,
        note=note,
        answer_stands=told.answer is None or told.answered_revision >= alarm.alarmed_revision,
        acted=told.acted,
        deliveries=tuple(deliveries.values()),
    )


def _deliver(deliveries: dict[str, dict[str, Delivery]], stored: StoredEvent) -> None:
    event = stored.event
    if not isinstance(event, DeliverySent | DeliveryFailed | DeliveryConfirmed):
        return
    mine = deliveries.setdefault(event.person_id, {})
    key = f"{event.delivery_id}/{event.channel}"
    if isinstance(event, DeliveryConfirmed):
        if key in mine:
            mine[key] = mine[key].model_copy(update={"delivered": event.at})
        return
    known = mine.get(key, Delivery(delivery_id=event.delivery_id, kind=event.kind, channel=event.channel))
    update: dict[str, Moment | int | str | bool] = {"attempts": event.attempt}
    if isinstance(event, DeliverySent):
        update |= {"sent": event.at, "maybe_again": event.maybe_again}
    else:
        update |= {"failed": event.at, "why": event.why}
    mine[key] = known.model_copy(update=update)
