"""The rows of a ledger, one by one, inside the transaction that enters them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from services.registry.domain import Asked as AskedOfPond
from services.registry.domain import Pond, PondCommand, PondState, Unregistered
from services.registry.domain.pondfile import FileAct, PondFileAct
from services.registry.handlers import check
from services.registry.kinds import PONDFILE
from services.registry.people import person_act
from services.registry.peoplekinds import PERSON
from services.registry.pondfiles import POND
from shared.contracts.acts import Asked
from shared.contracts.base import Record
from shared.contracts.ledger import (
    Imported,
    ImportLedger,
    MineRow,
    PersonRow,
    PondRow,
    RowRefusal,
    SensorRow,
    Sheet,
    SheetCount,
)
from shared.contracts.levels import SensorState
from shared.contracts.mines import AmendMine, Mine, MineStatus, RegisterMine, SuspensionEntry
from shared.contracts.people import Person
from shared.contracts.peopleacts import AmendPerson, RegisterPerson, SetContact
from shared.contracts.pondfiles import ChangePondUse, PondFacts, PondFile, PondUse, SetPondFacts
from shared.contracts.reading import bad_input_of
from shared.contracts.registry import RegisterPond, RegisterSensor
from shared.contracts.synthetic import is_synthetic
from shared.eventstore import EventStore, NewEvent, Projection, Recording, handle, load
from shared.eventstore.aggregates import Acting
from shared.eventstore.bulk import append_new, project_new
from shared.eventstore.history import page
from shared.eventstore.kinds import Kind
from shared.problems import BadInput, Conflict, NotFound, Refusal

__all__ = ["Rows"]

R = TypeVar("R", MineRow, PersonRow, PondRow, SensorRow)
V = TypeVar("V", bound=Record)

_NAMED = {(Sheet.MINES, "since"): "suspended_since", (Sheet.PONDS, "since"): "use_since"}
"""Columns that are called otherwise than the field of the act they fill."""


class Rows:
    """One ledger being taken in; use once."""

    def __init__(
        self,
        acting: Acting,
        act: ImportLedger,
        on: date,
        store: EventStore,
        projections: Sequence[Projection],
        mine: Kind[Mine],
    ) -> None:
        self._acting, self._act, self._on = acting, act, on
        self._store, self._projections, self._mine = store, projections, mine
        self._stamp: dict[str, Any] = {"by": act.by, "on": act.on}
        self._refusals: list[RowRefusal] = []
        self._ponds: dict[str, PondState] = {}
        self._mines: dict[str, Mine] = {}
        self._people: dict[str, Person] = {}
        self._files: dict[str, PondFile] = {}
        self._begun: list[tuple[str, list[NewEvent]]] = []

    async def take_all(self) -> Imported:
        """Take every row; refusals are collected, so that the whole ledger is judged."""
        act, conn = self._act, self._acting.conn
        mines = [*(row.mine.id for row in act.mines), *(row.facts.mine_id for row in act.ponds)]
        asked: tuple[tuple[Kind[Any], Sequence[str | None]], ...] = (
            (self._mine, mines),
            (PERSON, [row.person.id for row in act.people]),
            (PONDFILE, [row.pond.id for row in act.ponds]),
        )
        known: dict[str, dict[str, Any]] = {}
        for kind, wanted in asked:
            found = await page(conn, kind, {"id": [each for each in wanted if each is not None]}, limit=None)
            known[kind.name] = {record.id: record for record in found.records}
        self._mines, self._people, self._files = known[self._mine.name], known[PERSON.name], known[PONDFILE.name]
        counts = [
            await self._take_mines(),
            await self._take(Sheet.PEOPLE, act.people, self._person_row),
            await self._take(Sheet.PONDS, act.ponds, self._pond_row),
            await self._take(Sheet.SENSORS, act.sensors, self._sensor_row),
        ]
        changed = not self._refusals and not act.check_only and any(each.added or each.amended for each in counts)
        return Imported(counts=tuple(counts), refusals=tuple(self._refusals), changed=changed)

    async def _take_mines(self) -> SheetCount:
        count = await self._take(Sheet.MINES, self._act.mines, self._mine_row)
        await self._store_begun()
        return count

    async def _take(self, sheet: Sheet, rows: Sequence[R], take: Callable[[R], Awaitable[str]]) -> SheetCount:
        counted: Counter[str] = Counter()
        for row in rows:
            try:
                counted[await self._taken(take, row)] += 1
            except Refusal as refusal:
                self._refusals.append(
                    RowRefusal(
                        sheet=sheet,
                        row=row.row,
                        column=_column(sheet, refusal.field),
                        code=refusal.code,
                        params=refusal.params,
                    )
                )
        return SheetCount(sheet=sheet, **counted)

    async def _taken(self, take: Callable[[R], Awaitable[str]], row: R) -> str:
        """Take a row; what no command may hold, though it is on record (an old name with controls), is refused too."""
        try:
            return await take(row)
        except ValidationError as error:
            raise bad_input_of(error) from error

    def _merged(self, sheet: Sheet, known: V, new: V) -> V:
        """Return what is known, with what the ledger says put in place: only of the columns that it has."""
        given = self._act.given.get(sheet, ())
        return known.model_copy(update={name: getattr(new, name) for name in given if name in type(new).model_fields})

    async def _mine_row(self, row: MineRow) -> str:
        known = self._mines.get(row.mine.id)
        if known is not None:
            if row.status is not None and row.status is not known.status:
                now, wanted = _said("mine_status", known.status), _said("mine_status", row.status)
                raise Conflict("ledger.by_act", field="status", now=now, wanted=wanted)
            _check_suspension(row, known)
            mine = self._merged(Sheet.MINES, known.description, row.mine)
            if mine == known.description:
                return "unchanged"
            await self._acting.ask(self._mine, mine.id, AmendMine(mine=mine, **self._stamp))
            return "amended"
        if row.status not in (None, MineStatus.OPERATING, MineStatus.SUSPENDED):
            raise Conflict("ledger.new_status", field="status", wanted=_said("mine_status", row.status))
        suspension = None
        if row.status is MineStatus.SUSPENDED:
            reason = row.reason.strip() or self._act.source
            suspension = SuspensionEntry(since=row.suspended_since, reason=reason)
        ask = RegisterMine(mine=row.mine, suspension=suspension, **self._stamp)
        self._mines[row.mine.id] = self._begin(ask)
        return "added"

    def _begin(self, ask: RegisterMine) -> Mine:
        """Decide about a new mine; its events wait, to be stored with those of all others."""
        events = self._mine.decide(Asked(ask, self._acting.now, self._on), None)
        state: Mine | None = None
        for event in events:
            state = self._mine.evolve(state, event)
        assert state is not None, "an unknown mine is registered or refused"
        metadata = {"by": self._act.by}
        waiting = [NewEvent(event, ask.mine.id, uuid4(), metadata) for event in events]
        self._begun.append((self._mine.stream(ask.mine.id), waiting))
        return state

    async def _store_begun(self) -> None:
        """Store the new mines' events at once: one by one, ten thousand would hold everybody up for a minute."""
        conn = self._acting.conn
        stored = await append_new(conn, self._store, self._begun, self._acting.now)
        await project_new(conn, self._projections, stored)
        self._acting.stored.extend(stored)

    async def _person_row(self, row: PersonRow) -> str:
        known = self._people.get(row.person.id)
        done = "unchanged"
        if known is None:
            await person_act(self._acting, RegisterPerson(person=row.person, **self._stamp))
            done = "added"
        else:
            person = self._merged(Sheet.PEOPLE, known.description, row.person)
            if person != known.description:
                await person_act(self._acting, AmendPerson(person=person, **self._stamp))
                done = "amended"
        for cell in row.contacts:
            ask = SetContact(person_id=row.person.id, channel=cell.channel, address=cell.address, **self._stamp)
            try:
                changed = (await person_act(self._acting, ask)).changed
            except Refusal as refusal:
                raise type(refusal)(refusal.code, field=cell.column, **refusal.params) from refusal
            done = "amended" if changed and done == "unchanged" else done
        return done

    async def _pond_row(self, row: PondRow) -> str:
        _real(row.pond.id, "id")
        mine = row.facts.mine_id
        if mine is not None and mine not in self._mines:
            raise NotFound("ledger.no_mine", field="mine_id", mine=mine)
        state = await self._pond(row.pond.id)
        pond = row.pond if isinstance(state, Unregistered) else self._merged(Sheet.PONDS, state.description, row.pond)
        changed = await self._ask_pond(pond.id, RegisterPond(pond=pond, by=self._act.by[:100]))
        file = self._files.get(pond.id)
        facts = row.facts if file is None else self._merged(Sheet.PONDS, file.facts, row.facts)
        told = row.use is not None or facts != PondFacts()
        if file is None and not told:
            return _done(isinstance(state, Unregistered), changed)
        about = (pond.name, pond.county, pond.grade, facts)
        if file is None or (file.name, file.county, file.declared_grade, file.facts) != about:
            file = await self._ask_file(row, SetPondFacts(pond_id=pond.id, facts=facts, **self._stamp))
            changed = True
        if row.use is not None and not _used_so(file, row.use, row.use_since):
            use = ChangePondUse(
                pond_id=pond.id, use=row.use, since=row.use_since, reason=self._act.source, **self._stamp
            )
            await self._ask_file(row, use)
            changed = True
        return _done(isinstance(state, Unregistered), changed)

    async def _sensor_row(self, row: SensorRow) -> str:
        _real(row.pond_id, "pond_id")
        state = await self._pond(row.pond_id)
        known = state.sensors.get(row.sensor.id) if isinstance(state, Pond) else None
        sensor = row.sensor
        if known is not None:
            if row.state is not None and row.state is not known.state:
                now, wanted = [f"sites.state_{known.state.value}"], [f"sites.state_{row.state.value}"]
                raise Conflict("ledger.by_act", field="state", now=now, wanted=wanted)
            sensor = self._merged(Sheet.SENSORS, known.description, row.sensor)
        first = SensorState.IN_SERVICE if row.state is None else row.state
        ask = RegisterSensor(pond_id=row.pond_id, sensor=sensor, state=first, by=self._act.by[:100])
        return _done(known is None, await self._ask_pond(row.pond_id, ask))

    async def _pond(self, pond_id: str) -> PondState:
        if pond_id not in self._ponds:
            self._ponds[pond_id] = (await load(self._acting.conn, self._store, f"pond-{pond_id}", POND)).state
        return self._ponds[pond_id]

    async def _ask_pond(self, pond_id: str, command: PondCommand) -> bool:
        """Do a command on a pond's monitoring record; return whether it changed anything."""
        check(command)
        asked = AskedOfPond(command, self._acting.now)
        if not POND.decide(asked, await self._pond(pond_id)):
            return False
        handled = await handle(
            self._acting.conn,
            self._store,
            f"pond-{pond_id}",
            POND,
            asked,
            Recording(at=self._acting.now, aggregate_id=pond_id, metadata={"by": command.by}),
            self._projections,
        )
        self._ponds[pond_id] = handled.state
        self._acting.stored.extend(handled.stored)
        return True

    async def _ask_file(self, row: PondRow, act: PondFileAct) -> PondFile:
        state = await self._pond(row.pond.id)
        assert isinstance(state, Pond), "the pond was registered just before"
        ask = FileAct(act=act, pond=state.description, **self._stamp)
        file = (await self._acting.ask(PONDFILE, row.pond.id, ask)).state
        self._files[row.pond.id] = file
        return file


def _check_suspension(row: MineRow, known: Mine) -> None:
    """Refuse that a ledger tells another suspension than the register."""
    stands = known.suspension
    reason, since = ("", None) if stands is None else (stands.reason, stands.since)
    if row.reason.strip() not in ("", reason.strip()):
        raise Conflict("ledger.by_act", field="reason", now=reason or "-", wanted=row.reason)
    if row.suspended_since not in (None, since):
        now = "-" if since is None else since.isoformat()
        raise Conflict("ledger.by_act", field="suspended_since", now=now, wanted=row.suspended_since.isoformat())


def _used_so(file: PondFile, use: PondUse, since: date | None) -> bool:
    """Whether a file says already what a ledger says of a pond's use."""
    known = file.out_of_use_since if use is PondUse.OUT_OF_USE else file.use_since
    return file.use is use and (since is None or since == known)


def _done(new: bool, changed: bool) -> str:
    return "added" if new else "amended" if changed else "unchanged"


def _said(what: str, value: MineStatus | None) -> list[str]:
    return [] if value is None else [f"ledger.{what}_{value.value}"]


def _real(pond_id: str, field: str) -> None:
    """Refuse ids that are kept for ponds of exercises and of the watchdog."""
    if is_synthetic(pond_id):
        raise BadInput("drills.reserved", field=field, pond=pond_id)


def _column(sheet: Sheet, field: str | None) -> str:
    """Return the column that a refusal's field stands for: the last part of its path, without an index."""
    name = "id" if field is None else field.rsplit(".", 1)[-1].split("[", 1)[0]
    return _NAMED.get((sheet, name), name)
