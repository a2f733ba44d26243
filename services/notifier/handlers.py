"""The notifier's commands: answers, the TARP card, shelving, and questions about alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from services.notifier.domain.alarm import Alarm, AlarmEvent, Told
from services.notifier.domain.directory import Directory, PersonEntry
from shared.clock import Clock
from shared.contracts.levels import LevelName
from shared.contracts.notifier import (
    ActOnCard,
    AlarmAnswered,
    AlarmList,
    AlarmRead,
    AlarmView,
    AnswerAlarm,
    CardStepDone,
    ListAlarms,
    ListShelvings,
    ReportRead,
    Shelve,
    Shelving,
    ShelvingList,
    ShelvingView,
    ShowAlarm,
    Unshelve,
)
from shared.names import same_name
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["Alarms", "Notifier"]

Acts = Callable[[Alarm], Sequence[AlarmEvent]]


class Alarms(Protocol):
    """Where alarms live."""

    async def act(self, alarm_id: str, by: str, acts: Acts) -> Alarm | None:
        """Do a person's act and what follows; None when there is no such alarm."""
        ...

    async def view(self, alarm_id: str) -> AlarmView | None:
        """Return an alarm with its proof per person."""
        ...

    async def views(self, pond_id: str | None, include_ended: bool, exercises: bool, limit: int) -> list[AlarmView]:
        """Return alarms, newest first; those of exercises when asked for, or for the pond of one."""
        ...

    async def shelve(self, shelving: Shelving) -> None:
        """Keep a shelving."""
        ...

    async def unshelve(self, shelving_id: str, by: str) -> Shelving | None:
        """End a shelving; None when there is none of that id."""
        ...

    async def shelvings(self, pond_id: str | None) -> list[Shelving]:
        """Return shelvings in force."""
        ...


class Notifier:
    """Answers the notifier's commands.

    Parameters
    ----------
    directory : Directory
        People and ponds of the register.
    longest : timedelta
        For so long a pond's alarms may be set aside at once.
    """

    def __init__(
        self, alarms: Alarms, clock: Clock, directory: Directory, longest: timedelta = timedelta(days=30)
    ) -> None:
        self._alarms, self._clock = alarms, clock
        self._directory, self._longest = directory, longest

    async def read(self, command: ReportRead) -> AlarmView:
        """Keep that a person has read the alarm."""

        def acts(alarm: Alarm) -> Sequence[AlarmEvent]:
            told = _told(alarm, command.person_id)
            return [] if told.read is not None else [AlarmRead(person_id=command.person_id, **self._about(alarm))]

        return await self._act(command.alarm_id, command.person_id, acts)

    async def answer(self, command: AnswerAlarm, via: str = "bus") -> AlarmView:
        """Keep a person's answer; the same again changes nothing."""

        def acts(alarm: Alarm) -> Sequence[AlarmEvent]:
            told = _told(alarm, command.person_id)
            if alarm.ended is not None:
                raise Conflict("notifier.ended", field="alarm_id", alarm=alarm.alarm_id)
            if told.answer is command.answer and told.answered_revision >= alarm.alarmed_revision:
                return []
            events: list[AlarmEvent] = []
            if told.read is None and via == "link":
                events.append(AlarmRead(person_id=command.person_id, **self._about(alarm)))
            given = {"person_id": command.person_id, "answer": command.answer, "note": command.note, "via": via}
            return [*events, AlarmAnswered.model_validate(given | self._about(alarm))]

        return await self._act(command.alarm_id, command.person_id, acts)

    async def act_on_card(self, command: ActOnCard) -> AlarmView:
        """Keep that a step of the TARP card is done."""

        def acts(alarm: Alarm) -> Sequence[AlarmEvent]:
            _told(alarm, command.person_id)
            known = [step.id for step in alarm.card]
            if command.step_id not in known:
                raise NotFound("notifier.no_step", field="step_id", step=command.step_id, known=", ".join(known))
            if command.step_id in alarm.steps_done:
                return []
            given = {"note": command.note, "photo_sha256": command.photo_sha256, "step_id": command.step_id}
            return [CardStepDone.model_validate({"person_id": command.person_id, **given, **self._about(alarm)})]

        return await self._act(command.alarm_id, command.person_id, acts)

    async def shelve(self, command: Shelve) -> ShelvingView:
        """Set a pond's alarms aside. Red needs two people of the register, whom their ids tell apart.

        Raises
        ------
        BadInput
            ``notifier.expired``, ``too_long``, ``second_approver``, ``same_approver``, ``several_people``.
        NotFound
            ``registry.no_pond``, ``notifier.no_person``.
        """
        now = self._clock.now()
        if command.expires <= now:
            raise BadInput("notifier.expired", field="expires", expires=command.expires.isoformat())
        if command.expires - now > self._longest:
            days = f"{self._longest / timedelta(days=1):g}"
            raise BadInput("notifier.too_long", field="expires", days=days, expires=command.expires.isoformat())
        signed = self._signed(command)
        if command.pond_id not in self._directory.ponds:
            raise NotFound("registry.no_pond", field="pond_id", pond=command.pond_id)
        shelving = Shelving.model_validate(
            {
                "shelving_id": f"{command.pond_id}-{uuid4().hex[:8]}", "pond_id": command.pond_id,
                "highest": command.highest, "reason": command.reason, "begins": now, "expires": command.expires,
            } | signed
        )  # fmt: skip
        await self._alarms.shelve(shelving)
        return ShelvingView(shelving=shelving)

    async def unshelve(self, command: Unshelve) -> ShelvingView:
        """End a shelving before its time."""
        shelving = await self._alarms.unshelve(command.shelving_id, command.by)
        if shelving is None:
            raise NotFound("notifier.no_shelving", field="shelving_id", shelving=command.shelving_id)
        return ShelvingView(shelving=shelving)

    async def shelvings(self, command: ListShelvings) -> ShelvingList:
        """Return shelvings in force."""
        return ShelvingList(shelvings=tuple(await self._alarms.shelvings(command.pond_id)))

    async def show(self, command: ShowAlarm) -> AlarmView:
        """Return an alarm with its proof per person."""
        return await self._view(command.alarm_id)

    async def list(self, command: ListAlarms) -> AlarmList:
        """Return alarms, newest first."""
        found = await self._alarms.views(command.pond_id, command.include_ended, command.exercises, command.limit)
        return AlarmList(alarms=tuple(found))

    def _signed(self, command: Shelve) -> dict[str, str | None]:
        """Return who signs a shelving, as it is kept."""
        by, second = command.by, command.second_approver
        red = command.highest is LevelName.RED
        if red and second is None:
            raise BadInput("notifier.second_approver", field="second_approver")
        ids = by != second and {by, second} <= set(self._directory.people)  # zhang1 and zhang-1 are two people
        if second is not None and same_name(second, by) and not (red and ids):
            raise BadInput("notifier.same_approver", field="second_approver", name=by)
        if not red or second is None:
            return {"by": by, "second_approver": second}
        one, other = self._person("by", by), self._person("second_approver", second)
        if one.person_id == other.person_id:
            raise BadInput("notifier.same_approver", field="second_approver", name=f"{one.name}, {one.person_id}")
        return {
            "by": one.name, "by_id": one.person_id, "second_approver": other.name,
            "second_approver_id": other.person_id,
        }  # fmt: skip

    def _person(self, field: str, given: str) -> PersonEntry:
        """Return the one person of the register who is meant by a name or an id."""
        match self._directory.called(given):
            case [person]:
                return person
            case []:
                raise NotFound("notifier.no_person", field=field, name=given)
            case several:
                ids = ", ".join(sorted(person.person_id for person in several))
                raise BadInput("notifier.several_people", field=field, name=given, ids=ids)

    async def _act(self, alarm_id: str, by: str, acts: Acts) -> AlarmView:
        if await self._alarms.act(alarm_id, by, acts) is None:
            raise NotFound("notifier.no_alarm", field="alarm_id", alarm=alarm_id)
        return await self._view(alarm_id)

    async def _view(self, alarm_id: str) -> AlarmView:
        view = await self._alarms.view(alarm_id)
        if view is None:
            raise NotFound("notifier.no_alarm", field="alarm_id", alarm=alarm_id)
        return view

    def _about(self, alarm: Alarm) -> dict[str, object]:
        at = self._clock.now()
        return {"alarm_id": alarm.alarm_id, "pond_id": alarm.pond_id, "at": at, "exercise": alarm.exercise}


def _told(alarm: Alarm, person_id: str) -> Told:
    told = alarm.people.get(person_id)
    if told is None:
        raise NotFound("notifier.not_told", field="person_id", person=person_id, alarm=alarm.alarm_id)
    return told
