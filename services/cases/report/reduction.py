"""The reduction of mines as the register counts it on the day: what is planned and what is done told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from services.cases.report.counting import Count, count
from services.cases.report.facts import Facts
from services.cases.report.pen import Pen
from shared.contracts.cases import Finding, SubjectKind
from shared.contracts.mines import (
    ClosurePlanned,
    MergerPlanned,
    Mine,
    MineAbsorbed,
    MineAmended,
    MineClosed,
    MineMerged,
    MinePhasedOut,
    MineRegistered,
    MineStatus,
    PhaseOutPlanned,
)
from shared.contracts.plans import DifferenceKind
from shared.contracts.report import Block, Sentence
from shared.contracts.stories import StoryEntry

__all__ = ["MINE_TYPES", "reduction_blocks"]

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
_PLANNING = frozenset(event.event_type for event in (ClosurePlanned, PhaseOutPlanned, MergerPlanned))
_MOVES = (*_PLANNING, *(e.event_type for e in (MineClosed, MinePhasedOut, MineMerged, MineAbsorbed)))

Written = tuple[Sentence, ...]


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


def _registered(pen: Pen, facts: Facts, whole: Count) -> Written:
    """Write how many mines the register has; it says so when not each registration is among the sources."""
    entries = _entries(facts, whole.mines, MineRegistered.event_type)
    if not entries:
        return ()
    key = "mines_registered" if len(entries) == whole.registered else "mines_registered_many"
    return pen.say(key, *entries, registered=whole.registered, cited=len(entries))


def _city(pen: Pen, facts: Facts, raised: StoryEntry) -> Iterator[Block]:
    whole = count(facts)
    label = pen.words("label_plan")
    written = list(_registered(pen, facts, whole))
    if not written:
        yield pen.paragraph(label, pen.say("mines_none", raised), missing=True)
        return
    plans = _plan_entries(facts)
    moves = _entries(facts, whole.mines, *_MOVES)
    if not plans:
        written += pen.say("plan_none", raised)
        if moves:
            written += _counted(pen, whole, moves)
        yield pen.paragraph(label, written, missing=True)
    else:
        yield pen.paragraph(label, (*written, *_told(pen, facts, plans, moves)))
    if schedule := _schedule(pen, facts, whole):
        yield pen.paragraph(pen.words("label_schedule"), schedule)
    if differing := _differences(pen, facts, plans):
        yield pen.paragraph(pen.words("label_differences"), differing, missing=True)


def _plan_entries(facts: Facts) -> list[StoryEntry]:
    return [] if facts.plan is None else list(facts.stories.get(f"plan-{facts.plan.plan.id}", ()))


def _told(pen: Pen, facts: Facts, plans: Sequence[StoryEntry], moves: Sequence[StoryEntry]) -> Written:
    """Write the plan as decided, and what the register says is done of it."""
    view = facts.plan
    assert view is not None, "its events are there"
    written = pen.say(
        "plan",
        *plans,
        *(entry for entry in moves if entry.type in _PLANNING),
        closing=view.closures_planned,
        merging=view.merged_from,
        into=view.merged_into,
        before=view.mines_before,
        planned=view.mines_planned,
        fewer=view.mines_before - view.mines_planned,
        deadline=view.plan.plan.deadline,
    )
    done = [entry for entry in moves if entry.type not in _PLANNING]
    return written + pen.say(
        "plan_done",
        *(done or plans),
        closed=view.closures_done,
        closing=view.closures_planned,
        merged=view.merged_from_done,
        merging=view.merged_from,
        now=view.mines_now,
    )


def _counted(pen: Pen, whole: Count, moves: Sequence[StoryEntry]) -> Written:
    """Write what the mines' own records add up to where nobody has set a plan."""
    return pen.say(
        "counted",
        *moves,
        closing=len(whole.closing),
        merging=whole.merging,
        into=len(whole.mergers),
        phasing_out=len(whole.phasing_out),
        now=whole.now,
    )


def _differences(pen: Pen, facts: Facts, plans: Sequence[StoryEntry]) -> Written:
    """Write where plan and register do not agree; what is late stands in the schedule already."""
    if facts.plan is None or not plans:
        return ()
    written: list[Sentence] = []
    for each in facts.plan.differences:
        if each.kind is DifferenceKind.OVERDUE and each.mine_id is not None:
            continue
        where = each.name or each.mine_id or each.county or facts.plan.plan.plan.place
        written += pen.say(
            f"differs_{each.kind.value}",
            *plans,
            *_entries(facts, [mine for mine in facts.mines if mine.id == each.mine_id], *_MOVES),
            where=where,
            expected="–" if each.expected is None else each.expected,
            found="–" if each.found is None else each.found,
        )
    return tuple(written)


def _schedule(pen: Pen, facts: Facts, whole: Count) -> Written:
    """Write name, deadline and person of every closure and merger: the schedule the letter missed."""
    return (
        *_goings(pen, facts, whole.closing, "close", ClosurePlanned, MineClosed),
        *_goings(pen, facts, whole.phasing_out, "phase_out", PhaseOutPlanned, MinePhasedOut),
        *_mergers(pen, facts, whole),
    )


def _goings(
    pen: Pen,
    facts: Facts,
    mines: Sequence[Mine],
    how: str,
    planning: type[ClosurePlanned | PhaseOutPlanned],
    going: type[MineClosed | MinePhasedOut],
) -> Written:
    """Write which mines are gone and which are to go, those of one deadline and person together."""
    written: list[Sentence] = []
    waiting: dict[tuple[date, str], list[tuple[str, StoryEntry]]] = defaultdict(list)
    for mine in mines:
        name = mine.description.name
        gone = facts.told(f"mine-{mine.id}", going)
        planned = facts.told(f"mine-{mine.id}", planning)
        if gone:
            written += pen.say(f"{how}_done", gone[-1][0], names=name, day=gone[-1][0].on)
        elif planned:
            entry, told = planned[-1]
            waiting[told.plan.deadline, told.plan.responsible].append((name, entry))
    for (deadline, person), items in sorted(waiting.items()):
        key = f"{how}_late" if deadline < facts.as_of else f"{how}_due"
        names = pen.listed(name for name, _ in items)
        written += pen.say(key, *(entry for _, entry in items), names=names, deadline=deadline, person=person)
    return tuple(written)


def _mergers(pen: Pen, facts: Facts, whole: Count) -> Written:
    known = {mine.id: mine for mine in whole.mines}
    written: list[Sentence] = []
    for merger in whole.mergers:
        members = [known[each] for each in dict.fromkeys((*merger.members, merger.into)) if each in known]
        listed = pen.listed(known[each].description.name if each in known else each for each in merger.members)
        into = known[merger.into].description.name if merger.into in known else merger.into
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
    registrations = _entries(facts, part.mines, MineRegistered.event_type)
    if not part.mines:
        return pen.paragraph(label, pen.say("mines_none", raised), missing=True)
    if not planning:
        none = pen.say("county_no_plan", *(registrations or [raised]), registered=part.registered)
        return pen.paragraph(label, none, missing=True)
    done = _entries(facts, part.mines, MineClosed.event_type, MineMerged.event_type, MinePhasedOut.event_type)
    deadlines = [mine.closure.deadline for mine in part.closing if mine.closure is not None]
    written = pen.say(
        "county_plan",
        *registrations,
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
