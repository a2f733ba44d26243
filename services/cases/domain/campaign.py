"""A campaign's life: opened, amended, closed when none of its findings is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from services.cases.domain.names import signed
from shared.contracts.acts import Asked, Recorded
from shared.contracts.campaigns import (
    AmendCampaign,
    Campaign,
    CampaignAmended,
    CampaignClosed,
    CampaignOpened,
    CampaignPlan,
    CloseCampaign,
    OpenCampaign,
)
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["CampaignAct", "CampaignEvent", "decide", "evolve"]

CampaignAct = OpenCampaign | AmendCampaign | CloseCampaign
CampaignEvent = CampaignOpened | CampaignAmended | CampaignClosed


def decide(asked: Asked[CampaignAct], state: Campaign | None) -> Sequence[Recorded]:
    """Return what an act does to a campaign. That no finding of it is open is for the handler to see.

    Raises
    ------
    NotFound
        ``acts.unknown``.
    Conflict
        ``acts.exists``, ``casework.campaign_closed``.
    BadInput
        ``casework.campaign_days``, ``acts.blank``.
    """
    command = asked.command
    on, at, by, campaign_id = asked.on, asked.at, command.by, command.campaign_id
    signed(by=by)
    if isinstance(command, OpenCampaign):
        if state is None:
            _in_order(command.plan)
            return [CampaignOpened(on=on, at=at, by=by, campaign_id=campaign_id, plan=command.plan)]
        if state.plan == command.plan:
            return []
        raise Conflict("acts.exists", field="campaign_id", record=f"campaign {campaign_id}")
    if state is None:
        raise NotFound("acts.unknown", field="campaign_id", record=f"campaign {campaign_id}")
    match command:
        case AmendCampaign(plan=plan):
            if plan == state.plan:
                return []
            _still_open(state)
            _in_order(plan)
            return [CampaignAmended(on=on, at=at, by=by, campaign_id=campaign_id, plan=plan)]
        case CloseCampaign(conclusion=conclusion, evidence=evidence):
            if state.closed_on is not None and (state.conclusion, state.evidence) == (conclusion, evidence):
                return []
            _still_open(state)
            return [
                CampaignClosed(
                    on=on, at=at, by=by, campaign_id=campaign_id, conclusion=conclusion, evidence=evidence
                )
            ]  # fmt: skip
        case _:
            assert_never(command)


def _in_order(plan: CampaignPlan) -> None:
    if plan.ends < plan.begins:
        raise BadInput(
            "casework.campaign_days", field="plan.ends", begins=plan.begins.isoformat(), ends=plan.ends.isoformat()
        )


def _still_open(state: Campaign) -> None:
    if state.closed_on is not None:
        raise Conflict(
            "casework.campaign_closed", field="campaign_id", campaign=state.id, on=state.closed_on.isoformat()
        )


def evolve(state: Campaign | None, event: CampaignEvent) -> Campaign:
    """Return the campaign after *event*."""
    if isinstance(event, CampaignOpened):
        return Campaign(id=event.campaign_id, last_on=event.on, plan=event.plan)
    assert state is not None, "a campaign's life begins with its opening"
    match event:
        case CampaignAmended(plan=plan):
            return state.model_copy(update={"plan": plan, "last_on": event.on})
        case CampaignClosed():
            change = {"closed_on": event.on, "conclusion": event.conclusion, "evidence": event.evidence}
            return state.model_copy(update={**change, "last_on": event.on})
        case _:
            assert_never(event)
