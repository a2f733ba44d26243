"""Cases beside findings, and campaigns, over the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date

from psycopg import sql

from services.cases.domain.campaign import CampaignAct
from services.cases.domain.casefile import CaseFileAct
from services.cases.workkinds import CAMPAIGN, CASEFILE
from shared.contracts.campaigns import (
    Campaign,
    CampaignList,
    CampaignProgress,
    CampaignView,
    CloseCampaign,
    ListCampaigns,
    ShowCampaign,
)
from shared.contracts.cases import EvidenceRef, FindingState
from shared.contracts.casework import (
    CaseFile,
    CaseFileList,
    CaseFileView,
    CloseCaseFile,
    ListCaseFiles,
    NoteCaseFile,
    ShowCaseFile,
)
from shared.eventstore.aggregates import Acting, Aggregates, Outcome
from shared.eventstore.history import as_of_day, find, page
from shared.postgres import Connection
from shared.problems import Conflict, NotFound

__all__ = ["Campaigns", "CaseFiles", "RequireEvidence"]

RequireEvidence = Callable[[Connection, Iterable[EvidenceRef]], Awaitable[None]]
"""Refuses references to evidence that is not in the store."""


class CaseFiles:
    """Answers the commands about incidents, joint enforcement and typical cases."""

    def __init__(self, records: Aggregates, require: RequireEvidence) -> None:
        self._records, self._require = records, require

    async def change(self, command: CaseFileAct) -> CaseFileView:
        """Carry out an act on a case.

        Raises
        ------
        NotFound
            ``evidence.unknown``: it refers to evidence that is not in the store.
        Refusal
            What ``domain.casefile.decide`` and ``Acting.ask`` refuse.
        """

        async def work(acting: Acting) -> Outcome[CaseFile]:
            if isinstance(command, NoteCaseFile | CloseCaseFile):
                await self._require(acting.conn, command.evidence)
            return await acting.ask(CASEFILE, command.casefile_id, command)

        outcome = await self._records.together(work)
        return CaseFileView(casefile=outcome.state, version=outcome.version, changed=outcome.changed)

    async def show(self, command: ShowCaseFile) -> CaseFileView:
        """Return a case with what is frozen in it.

        Raises
        ------
        NotFound
            ``acts.unknown``, also when it was not there yet on that day.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, CASEFILE, command.casefile_id, command.as_of)
        if found is None:
            raise NotFound("acts.unknown", field="casefile_id", record=f"casefile {command.casefile_id}")
        return CaseFileView(casefile=found[0], version=found[1])

    async def list(self, command: ListCaseFiles) -> CaseFileList:
        """Return cases, the latest first, without what is frozen in them."""
        kind = None if command.case_kind is None else command.case_kind.value
        where = {"case_kind": kind, "county": command.county, "closed": command.closed}
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, CASEFILE, where, as_of=command.as_of, limit=command.limit, offset=command.offset,
                order=("-opened_on", "id"),
            )  # fmt: skip
        light = tuple(each.model_copy(update={"frozen": ()}) for each in found.records)
        return CaseFileList(total=found.total, casefiles=light)


class Campaigns:
    """Answers the commands about campaigns."""

    def __init__(self, records: Aggregates, require: RequireEvidence) -> None:
        self._records, self._require = records, require

    async def change(self, command: CampaignAct) -> CampaignView:
        """Carry out an act on a campaign.

        Raises
        ------
        Conflict
            ``casework.campaign_open_findings``: it cannot end while findings of it are open.
        NotFound
            ``evidence.unknown``.
        Refusal
            What ``domain.campaign.decide`` and ``Acting.ask`` refuse.
        """

        async def work(acting: Acting) -> tuple[Outcome[Campaign], CampaignProgress]:
            progress = await _progress(acting.conn, [command.campaign_id], None, acting.today)
            own = progress.get(command.campaign_id, CampaignProgress())
            outcome = await acting.ask(CAMPAIGN, command.campaign_id, command)
            if isinstance(command, CloseCampaign) and outcome.changed:
                await self._require(acting.conn, command.evidence)
                if own.open:
                    raise Conflict(
                        "casework.campaign_open_findings", field="campaign_id", campaign=command.campaign_id,
                        count=own.open,
                    )  # fmt: skip
            return outcome, own

        outcome, progress = await self._records.together(work)
        return CampaignView(campaign=outcome.state, progress=progress, version=outcome.version, changed=outcome.changed)

    async def show(self, command: ShowCampaign) -> CampaignView:
        """Return a campaign with its progress.

        Raises
        ------
        NotFound
            ``acts.unknown``, also when it was not there yet on that day.
        """
        campaign_id = command.campaign_id
        async with self._records.pool.connection() as conn:
            found = await find(conn, CAMPAIGN, campaign_id, command.as_of)
            if found is None:
                raise NotFound("acts.unknown", field="campaign_id", record=f"campaign {campaign_id}")
            progress = await _progress(conn, [campaign_id], command.as_of, self._day(command.as_of))
        own = progress.get(campaign_id, CampaignProgress())
        return CampaignView(campaign=found[0], progress=own, version=found[1])

    async def list(self, command: ListCampaigns) -> CampaignList:
        """Return campaigns with their progress, the latest first."""
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, CAMPAIGN, {"closed": command.closed}, as_of=command.as_of, limit=command.limit,
                offset=command.offset, order=("-begins", "id"),
            )  # fmt: skip
            ids = [each.id for each in found.records]
            progress = await _progress(conn, ids, command.as_of, self._day(command.as_of))
        views = tuple(
            CampaignView(campaign=each, progress=progress.get(each.id, CampaignProgress()), version=0)
            for each in found.records
        )
        return CampaignList(total=found.total, campaigns=views)

    def _day(self, as_of: date | None) -> date:
        return self._records.today() if as_of is None else as_of


async def _progress(
    conn: Connection, campaigns: Sequence[str], as_of: date | None, day: date
) -> dict[str, CampaignProgress]:
    """Count the findings of each campaign as they stood."""
    then, parameters = as_of_day(as_of)
    cursor = await conn.execute(
        sql.SQL(
            "SELECT campaign_id, finding_state, count(*), count(*) FILTER (WHERE deadline < %s),"
            " count(*) FILTER (WHERE (state ->> 'reopened')::int > 0)"
            " FROM finding_history WHERE campaign_id = ANY(%s) AND {} GROUP BY campaign_id, finding_state"
        ).format(then),
        [day, list(campaigns), *parameters],
    )
    found: dict[str, CampaignProgress] = {}
    for campaign, state, count, overdue, relapsed in await cursor.fetchall():
        known = found.get(campaign, CampaignProgress())
        closed = count if state == FindingState.CLOSED_OUT else 0
        found[campaign] = CampaignProgress(
            findings=known.findings + count,
            by_state={**known.by_state, FindingState(state): count},
            open=known.open + count - closed,
            closed_out=known.closed_out + closed,
            overdue=known.overdue + overdue,
            relapsed=known.relapsed + relapsed,
        )
    return found
