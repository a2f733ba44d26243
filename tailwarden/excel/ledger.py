"""What the register holds on a day, as the rows of its ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from shared.bus.rpc import CommandClient
from shared.contracts.acts import PageQuery
from shared.contracts.base import Record
from shared.contracts.ledger import ListPonds, PondList
from shared.contracts.mines import GONE, ListMines, Mine, MineList, MineStatus
from shared.contracts.people import Grid, Person
from shared.contracts.peopleacts import ListGrids, ListPeople
from shared.contracts.peopleviews import GridList, PersonList
from shared.contracts.plans import ListPlans, PlanList, PlanView, ShowPlan
from shared.contracts.pondfiles import ListPondFiles, PondFileList, PondFileView, PondUse
from shared.contracts.registry import PondView
from shared.words import say
from tailwarden.excel.sheets import EXPORT_ONLY, SHEETS, Table

__all__ = ["Holdings", "holdings", "tables"]

Row = dict[str, Any]
L = TypeVar("L", MineList, PondList, PondFileList, PersonList, GridList, PlanList)

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the register holds on a day."""

    day: date
    mines: tuple[Mine, ...] = ()
    ponds: tuple[PondView, ...] = ()
    files: tuple[PondFileView, ...] = ()
    people: tuple[Person, ...] = ()
    """Those who left too: a grid of former days names them."""
    grids: tuple[Grid, ...] = ()
    plans: tuple[PlanView, ...] = ()


async def holdings(client: CommandClient, as_of: date | None, today: date) -> Holdings:
    """Ask the register for everything it holds on a day, page by page.

    Raises
    ------
    TailwardenError
        Whatever the register answers.
    """
    mines = [each for page in await _pages(client, ListMines(as_of=as_of), MineList) for each in page.mines]
    ponds = [each for page in await _pages(client, ListPonds(as_of=as_of), PondList) for each in page.ponds]
    files = [each for page in await _pages(client, ListPondFiles(as_of=as_of), PondFileList) for each in page.ponds]
    everybody = ListPeople(as_of=as_of, left=None)
    people = [each for page in await _pages(client, everybody, PersonList) for each in page.people]
    grids = [each for page in await _pages(client, ListGrids(as_of=as_of), GridList) for each in page.grids]
    found = [each for page in await _pages(client, ListPlans(as_of=as_of), PlanList) for each in page.plans]
    plans = [await client.send(ShowPlan(plan_id=plan.id, as_of=as_of), PlanView) for plan in found]
    return Holdings(as_of or today, tuple(mines), tuple(ponds), tuple(files), tuple(people), tuple(grids), tuple(plans))


async def _pages(client: CommandClient, query: PageQuery, reply: type[L]) -> list[L]:
    pages: list[L] = []
    total = 1
    while len(pages) * _PAGE < total:
        asked = query.model_copy(update={"limit": _PAGE, "offset": len(pages) * _PAGE})
        pages.append(await client.send(asked, reply))
        total = pages[-1].total
    return pages


def tables(held: Holdings, language: str) -> list[tuple[Table, list[Row]]]:
    """Return every ledger of *held* with its rows."""
    return [
        (SHEETS["mines"], [_mine(each, language) for each in _by_county(held.mines)]),
        (SHEETS["ponds"], _ponds(held, language)),
        (SHEETS["sensors"], list(_sensors(held))),
        (SHEETS["people"], [_person(each, language) for each in held.people if each.left_on is None]),
        (EXPORT_ONLY["grid"], list(_grid(held, language))),
        (EXPORT_ONLY["plans"], [row for each in _by_county(held.mines) for row in _plans(each, language)]),
        (EXPORT_ONLY["reduction"], list(_reduction(held, language))),
    ]


def _by_county(mines: Iterable[Mine]) -> list[Mine]:
    return sorted(mines, key=lambda mine: (mine.description.county, mine.id))


def _fields(table: str, *records: Record | None) -> Row:
    """Return what records say of a table's columns; blank texts are left out."""
    row: Row = {}
    for record in records:
        if record is not None:
            for column in SHEETS[table].columns:
                value = getattr(record, column.name, None)
                if value not in (None, ""):
                    row[column.name] = value
    return row


def _plan(mine: Mine) -> tuple[str, date, str] | None:
    if mine.closure is not None:
        return "closure", mine.closure.deadline, mine.closure.responsible
    if mine.phase_out is not None:
        return "phase_out", mine.phase_out.deadline, mine.phase_out.responsible
    if mine.merger is not None:
        return "merger", mine.merger.deadline, mine.merger.responsible
    return None


def _mine(mine: Mine, language: str) -> Row:
    row = _fields("mines", mine.description)
    row |= {"status": mine.status, "since": mine.since}
    if mine.suspension is not None:
        controls = mine.suspension.controls
        row |= {
            "reason": mine.suspension.reason,
            "suspended_since": mine.suspension.since,
            "guarantors": _listed(controls.guarantors, language),
            "on_site_watch": controls.on_site_watch,
        }
    plan = _plan(mine)
    if plan is not None:
        name, deadline, responsible = plan
        row |= {"plan": say(f"ledger.plan_{name}", language), "plan_deadline": deadline}
        row["plan_responsible"] = responsible
    if mine.policy is not None:
        row |= {
            "policy_target": mine.policy.target,
            "policy_measures": "\n".join(mine.policy.measures),
            "policy_owner": mine.policy.owner,
            "policy_due": mine.policy.due,
        }
    return row


def _plans(mine: Mine, language: str) -> Iterable[Row]:
    """Yield what is planned of a mine, done or not."""
    head = {"county": mine.description.county, "mine_id": mine.id, "mine": mine.description.name}

    def item(name: str, detail: str, deadline: date, responsible: str, **more: object) -> Row:
        told = {"detail": detail, "deadline": deadline, "responsible": responsible}
        return {**head, "item": say(f"ledger.plan_{name}", language), **told, **more}

    def done(status: MineStatus) -> Row:
        return {"done": mine.status is status, "done_on": mine.since if mine.status is status else None}

    if mine.closure is not None:
        plan = mine.closure
        yield item(
            "closure", plan.basis, plan.deadline, plan.responsible, planned_on=plan.planned_on,
            **done(MineStatus.CLOSED),
        )  # fmt: skip
    if mine.phase_out is not None:
        plan = mine.phase_out
        yield item(
            "phase_out", plan.basis, plan.deadline, plan.responsible, planned_on=plan.planned_on,
            **done(MineStatus.PHASED_OUT),
        )  # fmt: skip
    if mine.merger is not None:
        merger = mine.merger
        merged = (
            done(MineStatus.MERGED)
            if mine.status in GONE
            else {"done": set(merger.members) <= {*mine.absorbed, mine.id}}
        )
        yield item(
            "merger", f"{' + '.join(merger.members)} → {merger.into}", merger.deadline, merger.responsible,
            planned_on=merger.planned_on, **merged,
        )  # fmt: skip
    if mine.improvement is not None:
        better = mine.improvement
        yield item(
            "improvement", "\n".join(better.measures), better.deadline, better.responsible,
            done=better.completed_on is not None, done_on=better.completed_on,
        )  # fmt: skip
    if mine.policy is not None:
        policy = mine.policy
        yield item("policy", policy.target, policy.due, policy.owner, planned_on=policy.start)


def _reduction(held: Holdings, language: str) -> Iterable[Row]:
    """Yield the items of every reduction plan, with what became of them by the day."""
    for view in held.plans:
        for each in view.items:
            yield {
                "plan": view.plan.plan.title,
                "county": each.county or None,
                "mine_id": each.mine_id,
                "mine": each.name or None,
                "kind": say(f"ledger.plan_{each.kind.value}", language),
                "into": each.into,
                "deadline": each.deadline,
                "state": say(f"ledger.item_{each.state.value}", language),
                "done_on": each.done_on,
            }


def _ponds(held: Holdings, language: str) -> list[Row]:
    """Return ponds: registered ones, and those whose file tells of a day before they were registered here."""
    files = {view.file.id: view for view in held.files}
    registered = {view.pond.id: view for view in held.ponds}
    rows = [_pond(pond_id, registered.get(pond_id), files.get(pond_id), language) for pond_id in {*files, *registered}]
    return sorted(rows, key=lambda row: (str(row.get("county", "")), str(row["id"])))


def _pond(pond_id: str, view: PondView | None, filed: PondFileView | None, language: str) -> Row:
    row: Row = {"id": pond_id}
    if filed is not None:
        file = filed.file
        row |= {"name": file.name, "county": file.county or None, "grade": file.declared_grade}
        row |= _fields("ponds", file.facts)
        row |= {"use": file.use, "use_since": file.use_since}
        if file.use is PondUse.OUT_OF_USE:
            row["use_since"] = file.out_of_use_since
        row |= {
            "computed_grade": filed.computed_grade,
            "grade_differs": filed.grade_differs,
            "closure_late": filed.closure_late,
            "overdue_since": filed.overdue_since,
        }
        if file.closure is not None:
            row |= {
                "closure_started": file.closure.started_on,
                "closure_due": file.closure.extended_to or file.closure.due,
            }
            position = file.closure.position
            if position is not None:
                row["closure_step"] = say(f"ledger.step_{position.step.value}", language)
                row["closure_state"] = say(f"ledger.step_state_{position.state.value}", language)
    if view is not None:
        row |= {"name": view.pond.name, "county": view.pond.county or None, "grade": view.pond.grade}
        row["crest_level"] = view.pond.crest_level
    return row


def _sensors(held: Holdings) -> Iterable[Row]:
    for view in held.ponds:
        for each in view.sensors:
            low, high = each.sensor.range or (None, None)
            # As people said last: a maintenance window ends by itself, and is no state that an import could set.
            state = each.state_history[-1][1] if each.state_history else each.state
            row = {"pond_id": view.pond.id, "state": state, "range_low": low, "range_high": high}
            yield {**_fields("sensors", each.sensor), **row}


def _person(person: Person, language: str) -> Row:
    contacts = "\n".join(
        f"{say(f'people.channel_{each.channel.value}', language)} {each.masked}" for each in person.contacts
    )
    return {**_fields("people", person.description), "contacts": contacts or None}


def _grid(held: Holdings, language: str) -> Iterable[Row]:
    """Yield who answers for what on the day: duties in force."""
    people = {person.id: person.description for person in held.people}
    names: Mapping[str, str] = {
        **{f"mine-{mine.id}": mine.description.name for mine in held.mines},
        **{f"pond-{view.pond.id}": view.pond.name for view in held.ponds},
    }

    def name(person_id: str) -> str:
        return people[person_id].name if person_id in people else person_id

    for grid in held.grids:
        for each in grid.assignments:
            if not each.in_force(held.day):
                continue
            yield {
                "kind": say(f"people.kind_{grid.place.kind.value}", language),
                "place": grid.place.id,
                "place_name": names.get(grid.place.key, grid.place.id),
                "duty": say(f"people.duty_{each.duty.value}", language),
                "unit": each.unit or None,
                "person": name(each.person_id),
                "position": people[each.person_id].position or None if each.person_id in people else None,
                "since": each.since,
                "until": each.until,
                "deputies": _listed([name(who) for who in each.deputies], language) or None,
                "note": each.note or None,
            }


def _listed(items: Sequence[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(items)
