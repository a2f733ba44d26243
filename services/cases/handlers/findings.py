"""Findings over the bus: acts on them, which may concern their letter and earlier findings, and lists of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date
from typing import Any

from psycopg import sql

from services.cases.domain.finding import CloseOutKnowing, FindingAct
from services.cases.handlers.casework import RequireEvidence
from services.cases.kinds import FINDING, LETTER
from shared.contracts.acts import Asked
from shared.contracts.base import ID_PATTERN
from shared.contracts.cases import (
    CloseOutFinding,
    EvidenceRef,
    Finding,
    FindingList,
    FindingState,
    FindingView,
    LinkRecurrence,
    ListFindings,
    RaiseFinding,
    ReportProgress,
    ShowFinding,
    SimilarCheck,
    SubmitRectification,
)
from shared.eventstore.aggregates import Acting, Aggregates, Outcome
from shared.eventstore.history import find, page
from shared.postgres import Connection
from shared.problems import BadInput, Conflict, Fault, NotFound

__all__ = ["Damage", "Findings", "Similar"]

Damage = Callable[[Iterable[str]], Awaitable[Mapping[str, Fault]]]
"""Reads pieces of evidence by their SHA-256 and returns what is wrong with those that are not as they were."""

Similar = Callable[[Connection, Finding, int], Awaitable[tuple[SimilarCheck, ...]]]
"""Where else a finding's check may be due, at most so many places."""


class Findings:
    """Answers the commands about findings.

    Parameters
    ----------
    records
        Where findings live.
    similar
        Knows similar sites.
    evidence
        Refuses references to evidence that is not in the store; None: they are taken as they come.
    damage
        Reads the files that a submission or a close-out rests on; None: they are taken to be sound.
    look_back_days, similar_checks
        See ``CasesSettings``.
    """

    def __init__(
        self,
        records: Aggregates,
        similar: Similar,
        evidence: RequireEvidence | None = None,
        *,
        damage: Damage | None = None,
        look_back_days: int = 90,
        similar_checks: int = 20,
    ) -> None:
        self._records, self._similar, self._evidence, self._damage = records, similar, evidence, damage
        self._look_back_days, self._similar_checks = look_back_days, similar_checks

    async def raise_(self, command: RaiseFinding) -> FindingView:
        """Enter a finding; the same finding again changes nothing, however much has happened since.

        Raises
        ------
        NotFound
            ``acts.unknown``: its letter, or the finding whose check it answers; ``cases.no_earlier``.
        Conflict
            ``cases.number_taken``: another finding of its letter has its number.
        Refusal
            What ``domain.finding.decide`` and ``Acting.ask`` refuse.
        """

        async def work(acting: Acting) -> Outcome[Finding]:
            known = await acting.find(FINDING, command.finding_id)
            if known is not None and command.expected_version is None:
                repeated = Asked(command, acting.now, acting.today if command.on is None else command.on)
                if not FINDING.decide(repeated, known.state):
                    return known
            await self._check_letter(acting, command)
            if command.similar_to is not None and await acting.find(FINDING, command.similar_to) is None:
                raise NotFound("acts.unknown", field="similar_to", record=f"finding {command.similar_to}")
            outcome = await acting.ask(FINDING, command.finding_id, command)
            for earlier in outcome.state.recurrence_of:
                await _check_earlier(acting, outcome.state, earlier)
            return outcome

        return self._view(await self._records.together(work))

    async def link(self, command: LinkRecurrence) -> FindingView:
        """Link a finding to the earlier one it repeats.

        Raises
        ------
        NotFound
            ``cases.no_earlier``: what looks like an id is not on file.
        BadInput
            ``cases.earlier_later``: the other one was found later.
        Refusal
            What ``domain.finding.decide`` and ``Acting.ask`` refuse.
        """

        async def work(acting: Acting) -> Outcome[Finding]:
            outcome = await acting.ask(FINDING, command.finding_id, command)
            await _check_earlier(acting, outcome.state, command.recurrence_of)
            return outcome

        return self._view(await self._records.together(work))

    async def close_out(self, command: CloseOutFinding) -> FindingView:
        """Close a finding out, with a look-back to come and the same check proposed at similar sites.

        Raises
        ------
        Fault
            ``evidence.missing``, ``evidence.damaged``: what it rests on is not in the store as it was.
        Refusal
            What ``domain.finding.decide`` and ``Acting.ask`` refuse.
        """
        before = await self._records.find(FINDING, command.finding_id)
        latest = before.state.submissions[-1:] if before is not None else ()
        damaged = await self._damaged(ref for submission in latest for ref in submission.evidence)

        async def work(acting: Acting) -> Outcome[Finding]:
            known = await acting.find(FINDING, command.finding_id)
            similar = () if known is None else await self._similar(acting.conn, known.state, self._similar_checks)
            knowing = CloseOutKnowing(**command.model_dump(), look_back_days=self._look_back_days, similar=similar)
            outcome = await acting.ask(FINDING, command.finding_id, knowing)
            if outcome.changed:
                _refuse(damaged, outcome.state.submissions[-1].evidence)
            return outcome

        return self._view(await self._records.together(work))

    async def change(self, command: FindingAct) -> FindingView:
        """Carry out any other act on a finding.

        Raises
        ------
        NotFound
            ``evidence.unknown``: it refers to evidence that is not in the store.
        Fault
            ``evidence.missing``, ``evidence.damaged``: a submission rests on bytes that are not what they were.
        Refusal
            What ``domain.finding.decide`` and ``Acting.ask`` refuse.
        """
        refs = command.evidence if isinstance(command, SubmitRectification) else ()
        damaged = await self._damaged(refs)

        async def work(acting: Acting) -> Outcome[Finding]:
            outcome = await acting.ask(FINDING, command.finding_id, command)
            if self._evidence is not None and isinstance(command, ReportProgress | SubmitRectification):
                await self._evidence(acting.conn, command.evidence if outcome.changed else ())
            if outcome.changed:
                _refuse(damaged, refs)
            return outcome

        return self._view(await self._records.together(work))

    async def show(self, command: ShowFinding) -> FindingView:
        """Return a finding.

        Raises
        ------
        NotFound
            ``acts.unknown``, also when it was not there yet on that day.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, FINDING, command.finding_id, command.as_of)
        if found is None:
            raise NotFound("acts.unknown", field="finding_id", record=f"finding {command.finding_id}")
        day = self._records.today() if command.as_of is None else command.as_of
        return FindingView(finding=found[0], version=found[1], overdue=_overdue(found[0], day))

    async def list(self, command: ListFindings) -> FindingList:
        """Return findings, in the order of their ids."""
        day = self._records.today() if command.as_of is None else command.as_of
        extra: list[tuple[sql.Composable, list[Any]]] = []
        if command.overdue is True:
            extra.append((sql.SQL("deadline < %s"), [day]))
        elif command.overdue is False:
            extra.append((sql.SQL("finding_state <> %s"), [FindingState.CLOSED_OUT.value]))
            extra.append((sql.SQL("(deadline IS NULL OR deadline >= %s)"), [day]))
        if command.subject_id is not None:
            extra.append((sql.SQL("subject_ids @> %s"), [[command.subject_id]]))
        where = {
            "letter_id": command.letter_id,
            "county": command.county,
            "finding_state": [state.value for state in command.state] or None,
            "campaign_id": command.campaign_id,
        }
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, FINDING, where, as_of=command.as_of, limit=command.limit, offset=command.offset, extra=extra
            )
        return FindingList(total=found.total, findings=found.records)

    async def _check_letter(self, acting: Acting, command: RaiseFinding) -> None:
        if command.letter_id is None:
            return
        if await acting.find(LETTER, command.letter_id) is None:
            raise NotFound("acts.unknown", field="letter_id", record=f"letter {command.letter_id}")
        if command.number is None:
            return
        where = {"letter_id": command.letter_id}
        numbered: list[tuple[sql.Composable, list[Any]]] = [
            (sql.SQL("(state ->> 'number')::int = %s"), [command.number]),
            (sql.SQL("id <> %s"), [command.finding_id]),
        ]
        for other in (await page(acting.conn, FINDING, where, limit=1, extra=numbered)).records:
            raise Conflict(
                "cases.number_taken",
                field="number",
                letter=command.letter_id,
                number=command.number,
                finding=other.id,
            )

    async def _damaged(self, refs: Iterable[EvidenceRef]) -> Mapping[str, Fault]:
        """Read files before the transaction begins: while one appends, everybody else waits."""
        return {} if self._damage is None else await self._damage([ref.sha256 for ref in refs])

    def _view(self, outcome: Outcome[Finding]) -> FindingView:
        return FindingView(
            finding=outcome.state,
            version=outcome.version,
            overdue=_overdue(outcome.state, self._records.today()),
            changed=outcome.changed,
        )


def _refuse(damaged: Mapping[str, Fault], refs: Iterable[EvidenceRef]) -> None:
    for ref in refs:
        if ref.sha256 in damaged:
            raise damaged[ref.sha256]


def _overdue(finding: Finding, day: date) -> bool:
    deadline = finding.deadline
    return finding.state is not FindingState.CLOSED_OUT and deadline is not None and deadline < day


async def _check_earlier(acting: Acting, finding: Finding, earlier: str) -> None:
    """Refuse an id that is not on file, and a finding that was found later; words may say what they like."""
    if not re.fullmatch(ID_PATTERN, earlier):
        return
    old = await acting.find(FINDING, earlier)
    if old is None:
        raise NotFound("cases.no_earlier", field="recurrence_of", earlier=earlier)
    if old.state.found_on > finding.found_on:
        raise BadInput(
            "cases.earlier_later",
            field="recurrence_of",
            earlier=earlier,
            found=old.state.found_on.isoformat(),
            finding=finding.id,
            own=finding.found_on.isoformat(),
        )
