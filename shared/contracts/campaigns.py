"""Campaigns 专项整治: what is published of them and what may be asked (version 1).

A campaign groups findings by their ``campaign_id``; how far it is, its findings tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from pydantic import BaseModel, Field

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded, Text
from shared.contracts.base import Command, Event, Identifier, Record
from shared.contracts.cases import EvidenceRef, FindingState

__all__ = [
    "CAMPAIGN_ACTS",
    "CAMPAIGN_EVENTS",
    "CAMPAIGN_REPLIES",
    "AmendCampaign",
    "Campaign",
    "CampaignAmended",
    "CampaignClosed",
    "CampaignList",
    "CampaignOpened",
    "CampaignPlan",
    "CampaignProgress",
    "CampaignView",
    "CloseCampaign",
    "ListCampaigns",
    "OpenCampaign",
    "ShowCampaign",
]


class CampaignPlan(Record):
    """What a campaign is: from when to when, of what, led by whom."""

    name: Name
    begins: date
    ends: date
    scope: Text
    leader: Name


class Campaign(Kept):
    """A campaign 专项整治 as it stands."""

    plan: CampaignPlan
    closed_on: date | None = None
    conclusion: str = ""
    evidence: tuple[EvidenceRef, ...] = ()


class CampaignOpened(Recorded):
    """A campaign began."""

    event_type: ClassVar[str] = "cases.campaign.opened"
    campaign_id: Identifier
    plan: CampaignPlan


class CampaignAmended(Recorded):
    """A campaign changed; this is its whole new plan."""

    event_type: ClassVar[str] = "cases.campaign.amended"
    campaign_id: Identifier
    plan: CampaignPlan


class CampaignClosed(Recorded):
    """A campaign ended."""

    event_type: ClassVar[str] = "cases.campaign.closed"
    campaign_id: Identifier
    conclusion: str
    evidence: tuple[EvidenceRef, ...] = ()


class OpenCampaign(Act):
    """Begin a campaign 专项整治."""

    command_name: ClassVar[str] = "cases.open_campaign"
    campaign_id: Identifier
    plan: CampaignPlan


class AmendCampaign(Act):
    """Replace a campaign's plan."""

    command_name: ClassVar[str] = "cases.amend_campaign"
    campaign_id: Identifier
    plan: CampaignPlan


class CloseCampaign(Act):
    """End a campaign. Refused while findings of it are open."""

    command_name: ClassVar[str] = "cases.close_campaign"
    campaign_id: Identifier
    conclusion: Text
    evidence: tuple[EvidenceRef, ...] = ()


class ShowCampaign(Command):
    """Ask for a campaign with its progress, as of a day."""

    command_name: ClassVar[str] = "cases.show_campaign"
    campaign_id: Identifier
    as_of: date | None = None


class ListCampaigns(PageQuery):
    """Ask for campaigns with their progress, the latest first."""

    command_name: ClassVar[str] = "cases.list_campaigns"
    closed: bool | None = None


class CampaignProgress(Record):
    """How far a campaign's findings are on the day asked about."""

    findings: int = 0
    by_state: dict[FindingState, int] = Field(default_factory=dict)
    open: int = 0
    closed_out: int = 0
    overdue: int = 0
    relapsed: int = 0
    """Findings that were reopened at least once."""


class CampaignView(Record):
    """The answer to acts on a campaign and to ``ShowCampaign``."""

    campaign: Campaign
    progress: CampaignProgress = CampaignProgress()
    version: int
    changed: bool = False


class CampaignList(Record):
    """The answer to ``ListCampaigns``."""

    total: int
    campaigns: tuple[CampaignView, ...]


CAMPAIGN_EVENTS: tuple[type[Event], ...] = (CampaignOpened, CampaignAmended, CampaignClosed)
CAMPAIGN_ACTS: tuple[type[Act], ...] = (OpenCampaign, AmendCampaign, CloseCampaign)
"""Acts, each answered by a ``CampaignView``."""
CAMPAIGN_REPLIES: Mapping[type[Command], type[BaseModel]] = {
    **dict.fromkeys(CAMPAIGN_ACTS, CampaignView),
    ShowCampaign: CampaignView,
    ListCampaigns: CampaignList,
}
"""Command → model of its result."""
