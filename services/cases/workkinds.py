"""The kinds of records beside letters and findings: what clocks said, evidence, cases, campaigns."""

from __future__ import annotations

from typing import Any

from services.cases.domain import campaign, casefile, clock, evidence
from shared.contracts.campaigns import CAMPAIGN_EVENTS, Campaign
from shared.contracts.casework import CASEFILE_EVENTS, CaseFile
from shared.contracts.deadlines import DEADLINE_EVENTS, ClockRecord
from shared.contracts.evidence import EVIDENCE_EVENTS, Evidence
from shared.eventstore.kinds import Kind

__all__ = ["CAMPAIGN", "CASEFILE", "DEADLINE", "EVIDENCE", "WORK_KINDS"]

DEADLINE = Kind("deadline", ClockRecord, DEADLINE_EVENTS, clock.decide, clock.evolve)
"""What clocks said of a finding; the record's id is the finding's."""

EVIDENCE = Kind(
    "evidence", Evidence, EVIDENCE_EVENTS, evidence.decide, evidence.evolve, {"received": lambda state: state.received}
)
"""A piece of evidence; the record's id is its SHA-256."""

CASEFILE = Kind(
    "casefile",
    CaseFile,
    CASEFILE_EVENTS,
    casefile.decide,
    casefile.evolve,
    {
        "case_kind": lambda state: state.case_kind.value,
        "county": lambda state: state.county,
        "opened_on": lambda state: state.opened_on,
        "closed": lambda state: state.closed_on is not None,
    },
)
"""An incident, joint enforcement, or a typical case."""

CAMPAIGN = Kind(
    "campaign",
    Campaign,
    CAMPAIGN_EVENTS,
    campaign.decide,
    campaign.evolve,
    {"begins": lambda state: state.plan.begins, "closed": lambda state: state.closed_on is not None},
)
"""A campaign 专项整治."""

WORK_KINDS: tuple[Kind[Any], ...] = (DEADLINE, EVIDENCE, CASEFILE, CAMPAIGN)
"""All of them."""
