"""The reply report and the supervision summary over the bus."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from datetime import date
from typing import Any, Protocol, TypeVar

from psycopg import sql
from pydantic import BaseModel

from services.cases.handlers.letters import Letters
from services.cases.report.build import write_report
from services.cases.report.counting import Count
from services.cases.report.facts import Facts
from services.cases.report.reduction import MINE_TYPES
from shared.contracts.base import ID_PATTERN, Command
from shared.contracts.cases import Finding, FindingState, FindingView, ShowLetter, SubjectKind
from shared.contracts.mines import ListMines, Mine, MineList
from shared.contracts.plans import ListPlans, PlanList, PlanView, ShowPlan
from shared.contracts.pondfiles import PondFileView, ShowPondFile
from shared.contracts.report import CountySummary, ReplyReport, Summarise, SupervisionSummary, WriteReport
from shared.contracts.stories import Story, StoryEntry, StoryQuery, TellCaseStory, TellRegistryStory
from shared.eventstore.aggregates import Aggregates
from shared.eventstore.history import as_of_day
from shared.eventstore.stories import Stories
from shared.problems import NotFound

__all__ = ["Asks", "Reports", "overdue_on"]

T = TypeVar("T", bound=BaseModel)
PAGE = 500
MOST_CITED = 200
"""Mines whose registrations are all among a report's sources; of a larger register it says that they are not."""


class Asks(Protocol):
    """Asks other services (``CommandClient`` fits)."""

    def send(self, command: Command, reply: type[T]) -> Awaitable[T]:
        """Send a command and return its answer."""
        ...


class Reports:
    """Answers what is asked about how things stand.

    Parameters
    ----------
    records, letters, stories
        The cases' own.
    registry
        Asks the registry, whose facts a report rests on as well.
    """

    def __init__(self, records: Aggregates, letters: Letters, stories: Stories, registry: Asks) -> None:
        self._records, self._letters, self._stories, self._registry = records, letters, stories, registry

    async def write(self, command: WriteReport) -> ReplyReport:
        """Write the reply to a letter as the records stood on a day.

        Raises
        ------
        NotFound
            ``acts.unknown``, also when the letter was not there yet on that day.
        Unavailable
            When the registry does not answer: a report without its facts would be none.
        """
        day = command.as_of or self._records.today()
        letter = await self._letters.show(ShowLetter(letter_id=command.letter_id, as_of=day))
        findings = letter.findings
        streams = [f"letter-{command.letter_id}"]
        streams += [f"finding-{finding_id}" for finding_id in _with_earlier(findings)]
        stories = await _tell(self._stories.tell, TellCaseStory, streams, day)
        ponds = await self._ponds(findings, day)
        known = [pond_id for pond_id, view in ponds.items() if view is not None]
        told = [f"{kind}-{pond_id}" for pond_id in known for kind in ("pondfile", "closure")]
        stories |= await _tell(self._registry_story, TellRegistryStory, told, day)
        mines = await self._mines(findings, day)
        plan = await self._plan(findings, day)
        streams = [f"mine-{mine.id}" for mine in _to_cite(mines)]
        stories |= await _tell(self._registry_story, TellRegistryStory, streams, day, MINE_TYPES)
        if plan is not None:
            stories |= await _tell(self._registry_story, TellRegistryStory, [f"plan-{plan.plan.id}"], day)
        views = tuple(FindingView(finding=finding, version=1, overdue=overdue_on(finding, day)) for finding in findings)
        return write_report(
            Facts(
                as_of=day,
                language=command.language,
                letter=letter,
                findings=views,
                stories=stories,
                ponds=ponds,
                mines=mines,
                plan=plan,
            )
        )

    async def summarise(self, command: Summarise) -> SupervisionSummary:
        """Count the findings of every county as they stood on a day."""
        day = command.as_of or self._records.today()
        condition, parameters = as_of_day(command.as_of)
        async with self._records.pool.connection() as conn:
            cursor = await conn.execute(
                sql.SQL(_SUMMARY).format(condition), [day, day, *parameters, command.county, command.county]
            )
            rows = await cursor.fetchall()
        names = tuple(CountySummary.model_fields)
        counties = tuple(CountySummary(**dict(zip(names, row, strict=True))) for row in rows)
        sums = {name: sum(getattr(each, name) for each in counties) for name in names[1:]}
        return SupervisionSummary(as_of=day, counties=counties, total=CountySummary(county="", **sums))

    async def _ponds(self, findings: Iterable[Finding], day: date) -> dict[str, PondFileView | None]:
        ponds: dict[str, PondFileView | None] = {}
        for pond_id in _subjects(findings, SubjectKind.POND):
            try:
                ponds[pond_id] = await self._registry.send(ShowPondFile(pond_id=pond_id, as_of=day), PondFileView)
            except NotFound:
                ponds[pond_id] = None
        return ponds

    async def _mines(self, findings: Iterable[Finding], day: date) -> tuple[Mine, ...]:
        """Return the mines of the counties that findings are about, or all where one is about the city."""
        subjects = [subject for finding in findings for subject in finding.subjects]
        counties: list[str | None] = [None]
        if all(subject.kind is not SubjectKind.CITY for subject in subjects):
            counties = list(dict.fromkeys(each.name for each in subjects if each.kind is SubjectKind.COUNTY))
        mines: list[Mine] = []
        for county in counties:
            offset = 0
            while True:
                query = ListMines(county=county, as_of=day, limit=PAGE, offset=offset)
                some = await self._registry.send(query, MineList)
                mines += some.mines
                offset += len(some.mines)
                if not some.mines or offset >= some.total:
                    break
        return tuple(mines)

    async def _plan(self, findings: Iterable[Finding], day: date) -> PlanView | None:
        """Return the plan of the city that a finding is about, if one was set by then."""
        subjects = (subject for finding in findings for subject in finding.subjects)
        for city in dict.fromkeys(subject.name for subject in subjects if subject.kind is SubjectKind.CITY):
            known = await self._registry.send(ListPlans(place=city, as_of=day), PlanList)
            for plan in known.plans:
                return await self._registry.send(ShowPlan(plan_id=plan.id, as_of=day), PlanView)
        return None

    async def _registry_story(self, query: StoryQuery) -> Story:
        return await self._registry.send(query, Story)


def _to_cite(mines: tuple[Mine, ...]) -> tuple[Mine, ...]:
    """Return the mines whose events a report rests on: all of a small register, else those that go or merge."""
    if len(mines) <= MOST_CITED:
        return mines
    latest = max(mines, key=lambda mine: (mine.last_on, mine.id))
    return tuple({mine.id: mine for mine in (*Count(mines).moving, latest)}.values())


def overdue_on(finding: Finding, day: date) -> bool:
    """Tell whether a finding is open past its deadline on a day."""
    return finding.state is not FindingState.CLOSED_OUT and finding.deadline is not None and finding.deadline < day


def _subjects(findings: Iterable[Finding], kind: SubjectKind) -> list[str]:
    """Return the ids of what findings are about that the register may know, each once."""
    ids = (subject.id for finding in findings for subject in finding.subjects if subject.kind is kind)
    return [each for each in dict.fromkeys(ids) if re.fullmatch(ID_PATTERN, each)]


def _with_earlier(findings: Sequence[Finding]) -> list[str]:
    """Return the ids of findings and of the earlier ones on file that they repeat."""
    earlier = (each for finding in findings for each in finding.recurrence_of if re.fullmatch(ID_PATTERN, each))
    return list(dict.fromkeys([*(finding.id for finding in findings), *earlier]))


async def _tell(
    tell: Any, question: type[StoryQuery], streams: Sequence[str], day: date, types: tuple[str, ...] = ()
) -> dict[str, tuple[StoryEntry, ...]]:
    """Return the events of many streams, page by page."""
    found: dict[str, list[StoryEntry]] = defaultdict(list)
    for begin in range(0, len(streams), 1_000):
        query = question(streams=tuple(streams[begin : begin + 1_000]), as_of=day, types=types)
        while True:
            story: Story = await tell(query)
            for entry in story.entries:
                found[entry.stream].append(entry)
            if not story.more:
                break
            query = query.model_copy(update={"after": story.entries[-1].position})
    return {stream: tuple(entries) for stream, entries in found.items()}


_SUMMARY = """
SELECT county,
       count(*),
       count(*) FILTER (WHERE finding_state <> 'closed_out'),
       count(*) FILTER (WHERE finding_state = 'found'
                           OR coalesce((state ->> 'awaits_assignment')::boolean, false)),
       count(*) FILTER (WHERE deadline < %s),
       count(*) FILTER (WHERE finding_state = 'closed_out'),
       count(*) FILTER (WHERE (state ->> 'reopened')::integer > 0),
       count(*) FILTER (WHERE jsonb_typeof(state -> 'listed') = 'object'),
       coalesce(sum((SELECT count(*) FROM jsonb_array_elements(state -> 'look_backs') AS look
                     WHERE look ->> 'held_on' IS NULL AND (look ->> 'due')::date <= %s)), 0)
FROM finding_history
WHERE {} AND (%s::text IS NULL OR county = %s)
GROUP BY county
ORDER BY county
"""
