"""The reduction of mines as the register counts it on the day: what is planned and what is done told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.cases.report.facts import Facts
from services.cases.report.pen import Pen
from shared.contracts.cases import Finding, SubjectKind
from shared.contracts.mines import (
    GONE,
    ClosurePlanned,
    MergerPlanned,
    Mine,
    MineAbsorbed,
    MineAmended,
    MineClosed,
    MineMerged,
    MineMerger,
    MinePhasedOut,
    MineRegistered,
    MineStatus,
    PhaseOutPlanned,
)
from shared.contracts.report import Block, Sentence
from shared.contracts.stories import StoryEntry

__all__ = ["MINE_TYPES", "Count", "count", "reduction_blocks"]

MINE_TYPES = tuple(
    event.event_type
    for event in (
        MineRegistered,
        MineAmended,
        ClosurePlanned,
        MineClosed,
        PhaseOutPlanned,
        MinePhasedOut,
        MergerPlanned,
        MineMerged,
        MineAbsorbed,
    )
)
"""Events of mines that a report may rest on."""
MOST_CITED = 200
"""Registrations cited one by one; a larger register is cited by its latest."""

Written = tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """What the mines of an area add up to."""

    mines: tuple[Mine, ...]

    @property
    def registered(self) -> int:
        """Mines that ever were in the register."""
        return len(self.mines)

    @property
    def now(self) -> int:
        """Mines that still are."""
        return sum(mine.status not in GONE for mine in self.mines)

    @property
    def closing(self) -> tuple[Mine, ...]:
        """Mines to be closed by law, those that are closed among them."""
        return tuple(mine for mine in self.mines if mine.closure is not None or mine.status is MineStatus.CLOSED)

    @property
    def phasing_out(self) -> tuple[Mine, ...]:
        """Mines to be phased out, those that are among them."""
        return tuple(mine for mine in self.mines if mine.phase_out is not None or mine.status is MineStatus.PHASED_OUT)

    @property
    def mergers(self) -> tuple[MineMerger, ...]:
        """Mergers these mines take part in, each once."""
        known = {mine.merger.merger_id: mine.merger for mine in self.mines if mine.merger is not None}
        return tuple(known[merger_id] for merger_id in sorted(known))

    @property
    def merging(self) -> int:
        """Mines that mergers begin with."""
        return len({member for merger in self.mergers for member in merger.members})

    @property
    def merged_away(self) -> int:
        """Mines that all mergers, done and planned, take away."""
        own = {mine.id for mine in self.mines}
        return sum(len((set(merger.members) - {merger.into}) & own) for merger in self.mergers)

    @property
    def planned(self) -> int:
        """Mines left when everything planned is done."""
        return self.registered - len(self.closing) - len(self.phasing_out) - self.merged_away

    def merger_done(self, merger: MineMerger) -> bool:
        """Tell whether a merger was carried out: every other member has gone into the one it names."""
        others = [mine for mine in self.mines if mine.id in merger.members and mine.id != merger.into]
        return bool(others) and all(mine.status is MineStatus.MERGED for mine in others)


def count(facts: Facts, county: str | None = None) -> Count:
    """Count the mines of a county, or of all."""
    chosen = (mine for mine in facts.mines if county is None or mine.description.county == county)
    return Count(tuple(sorted(chosen, key=lambda mine: mine.id)))


def reduction_blocks(pen: Pen, facts: Facts, finding: Finding, raised: StoryEntry) -> Iterator[Block]:
    """Write how many mines there are, are to be, and are gone, for the city and counties a finding is about."""
    kinds = {subject.kind for subject in finding.subjects}
    if SubjectKind.CITY in kinds:
        yield from _city(pen, facts, raised)
    for subject in finding.subjects:
        if subject.kind is SubjectKind.COUNTY:
            yield _county(pen, facts, subject.name, raised)


def _entries(facts: Facts, mines: Sequence[Mine], *events: str) -> list[StoryEntry]:
    return [entry for mine in mines for entry in facts.stories.get(f"mine-{mine.id}", ()) if entry.type in events]


def _registrations(facts: Facts, mines: Sequence[Mine]) -> list[StoryEntry]:
    found = _entries(facts, mines, MineRegistered.event_type)
    return found if len(found) <= MOST_CITED else sorted(found, key=lambda entry: entry.position)[-1:]


def _city(pen: Pen, facts: Facts, raised: StoryEntry) -> Iterator[Block]:
    whole = count(facts)
    label = pen.words("label_plan")
    registrations = _registrations(facts, whole.mines)
    if not registrations:
        yield pen.paragraph(label, pen.say("mines_none", raised), missing=True)
        return
    written = [*pen.say("mines_registered", *registrations, registered=whole.registered)]
    planning = _entries(
        facts, whole.mines, ClosurePlanned.event_type, PhaseOutPlanned.event_type, MergerPlanned.event_type,
        MineClosed.event_type, MinePhasedOut.event_type, MineMerged.event_type,
    )  # fmt: skip
    planning += facts.plan.entries if facts.plan is not None else ()
    if not planning:
        yield pen.paragraph(label, (*written, *pen.say("plan_none", raised)), missing=True)
        return
    written += pen.say(
        "plan",
        *planning,
        closing=len(whole.closing),
        merging=whole.merging,
        into=len(whole.mergers),
        registered=whole.registered,
        planned=whole.planned,
        fewer=whole.registered - whole.planned,
    )
    if whole.phasing_out:
        written += pen.say("plan_phase_out", *planning, count=len(whole.phasing_out))
    written += _done(pen, facts, whole, planning)
    yield pen.paragraph(label, written)
    if schedule := _schedule(pen, facts, whole):
        yield pen.paragraph(pen.words("label_schedule"), schedule)
    if facts.plan is not None and facts.plan.problems:
        wrong = pen.words("clauses").join(facts.plan.problems)
        yield pen.paragraph(label, pen.say("plan_differs", *(facts.plan.entries or planning), why=wrong), missing=True)


def _done(pen: Pen, facts: Facts, whole: Count, planning: Sequence[StoryEntry]) -> Written:
    """Write what of the plan is done; where nothing is, the plan itself shows it."""
    done = _entries(
        facts, whole.mines, MineClosed.event_type, MinePhasedOut.event_type, MineMerged.event_type,
        MineAbsorbed.event_type,
    )  # fmt: skip
    return pen.say(
        "plan_done",
        *(done or planning),
        closed=sum(mine.status is MineStatus.CLOSED for mine in whole.mines),
        closing=len(whole.closing),
        mergers_done=sum(whole.merger_done(merger) for merger in whole.mergers),
        mergers=len(whole.mergers),
        now=whole.now,
    )


def _schedule(pen: Pen, facts: Facts, whole: Count) -> Written:
    """Write name, deadline and person of every closure and merger: the schedule the letter missed."""
    names = {mine.id: mine.description.name for mine in facts.mines}
    written: list[Sentence] = []
    for mine in whole.closing:
        planned = facts.told(f"mine-{mine.id}", ClosurePlanned)
        closed = facts.told(f"mine-{mine.id}", MineClosed)
        if closed:
            written += pen.say("closed", closed[-1][0], name=mine.description.name, day=closed[-1][0].on)
        elif planned:
            entry, told = planned[-1]
            key = "to_close_late" if told.plan.deadline < facts.as_of else "to_close"
            written += pen.say(
                key, entry, name=mine.description.name, deadline=told.plan.deadline, person=told.plan.responsible
            )
    for merger in whole.mergers:
        members = [mine for mine in whole.mines if mine.id in merger.members or mine.id == merger.into]
        listed = pen.listed(names.get(member, member) for member in merger.members)
        into = names.get(merger.into, merger.into)
        if whole.merger_done(merger):
            entries = _entries(facts, members, MineMerged.event_type, MineAbsorbed.event_type)
            written += pen.say("merged", *entries, members=listed, into=into, day=max(entry.on for entry in entries))
        elif entries := _entries(facts, members, MergerPlanned.event_type):
            key = "to_merge_late" if merger.deadline < facts.as_of else "to_merge"
            written += pen.say(
                key, *entries, members=listed, into=into, deadline=merger.deadline, person=merger.responsible
            )
    return tuple(written)


def _county(pen: Pen, facts: Facts, county: str, raised: StoryEntry) -> Block:
    part = count(facts, county)
    label = pen.words("label_county", county=county)
    planning = _entries(facts, part.mines, ClosurePlanned.event_type, MergerPlanned.event_type, MineClosed.event_type)
    registrations = _registrations(facts, part.mines)
    if not registrations:
        return pen.paragraph(label, pen.say("mines_none", raised), missing=True)
    if not planning:
        none = pen.say("county_no_plan", *registrations, registered=part.registered)
        return pen.paragraph(label, none, missing=True)
    done = _entries(facts, part.mines, MineClosed.event_type, MineMerged.event_type, MinePhasedOut.event_type)
    deadlines = [mine.closure.deadline for mine in part.closing if mine.closure is not None]
    written = pen.say(
        "county_plan",
        *planning,
        *done,
        registered=part.registered,
        closing=len(part.closing),
        away=part.merged_away,
        planned=part.planned,
        closed=sum(mine.status is MineStatus.CLOSED for mine in part.mines),
        now=part.now,
    )
    if deadlines:
        written += pen.say("county_until", *planning, deadline=max(deadlines))
    return pen.paragraph(label, written)
