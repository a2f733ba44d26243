"""Builds what the cases do beside letters and findings: evidence, cases, campaigns, deadlines, other services' events.

Part of the wiring, in a module of its own for its length.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cases.adapters.calendar import LAST_KNOWN, chinese
from services.cases.adapters.evidence import EvidenceFiles, require_evidence
from services.cases.adapters.listening import MONITOR, REGISTRY, Listening
from services.cases.adapters.ticker import DeadlineClock
from services.cases.domain.deadlines import StagePolicy
from services.cases.handlers.casework import Campaigns, CaseFiles
from services.cases.handlers.deadlines import Deadlines
from services.cases.handlers.evidence import EvidenceDesk
from services.cases.settings import CasesSettings
from shared.bus.events import on_events
from shared.bus.rpc import CommandClient, serve_command
from shared.contracts.campaigns import AmendCampaign, CloseCampaign, ListCampaigns, OpenCampaign, ShowCampaign
from shared.contracts.casework import (
    CloseCaseFile,
    ListCaseFiles,
    NoteCaseFile,
    OpenCaseFile,
    PublishCaseFile,
    ShowCaseFile,
)
from shared.contracts.deadlines import ListDeadlines
from shared.contracts.evidence import AddEvidence, GetEvidence, ListEvidence, ShowEvidence, VerifyEvidence
from shared.eventstore.aggregates import Aggregates

if TYPE_CHECKING:
    from faststream.nats import NatsBroker
    from nats.aio.client import Client

__all__ = ["HEARD", "answer_work_commands", "deadline_clock", "evidence_files", "listen", "stage_policy"]

HEARD = (REGISTRY, MONITOR)
"""Durable names of what ``listen`` hears."""

_MEGABYTE = 1_000_000


def evidence_files(settings: CasesSettings, home: Path) -> EvidenceFiles:
    """Return the evidence store's files: where the settings say, else in *home*."""
    return EvidenceFiles(home / "evidence" if settings.evidence is None else settings.evidence)


def stage_policy(settings: CasesSettings) -> StagePolicy:
    """Return the stages of a deadline."""
    after = sorted((days, level) for level, days in settings.escalations.items())
    return StagePolicy(settings.reminders, tuple(after))


def deadline_clock(records: Aggregates, settings: CasesSettings) -> DeadlineClock:
    """Return the clock over the findings' deadlines."""
    return DeadlineClock(records, stage_policy(settings), chinese(), edition=LAST_KNOWN.isoformat())


def answer_work_commands(
    broker: NatsBroker, records: Aggregates, settings: CasesSettings, files: EvidenceFiles, service: str
) -> None:
    """Register the commands on *broker*."""
    max_bytes = int(settings.evidence_max_mb * _MEGABYTE)
    evidence = EvidenceDesk(records, files, max_bytes, settings.evidence_types)
    serve_command(broker, AddEvidence, evidence.add, service)
    serve_command(broker, ShowEvidence, evidence.show, service)
    serve_command(broker, GetEvidence, evidence.get, service)
    serve_command(broker, ListEvidence, evidence.list, service)
    serve_command(broker, VerifyEvidence, evidence.verify, service)
    casefiles = CaseFiles(records, require_evidence)
    serve_command(broker, OpenCaseFile, casefiles.change, service)
    serve_command(broker, NoteCaseFile, casefiles.change, service)
    serve_command(broker, PublishCaseFile, casefiles.change, service)
    serve_command(broker, CloseCaseFile, casefiles.change, service)
    serve_command(broker, ShowCaseFile, casefiles.show, service)
    serve_command(broker, ListCaseFiles, casefiles.list, service)
    campaigns = Campaigns(records, require_evidence)
    serve_command(broker, OpenCampaign, campaigns.change, service)
    serve_command(broker, AmendCampaign, campaigns.change, service)
    serve_command(broker, CloseCampaign, campaigns.change, service)
    serve_command(broker, ShowCampaign, campaigns.show, service)
    serve_command(broker, ListCampaigns, campaigns.list, service)
    deadlines = Deadlines(records, stage_policy(settings), chinese(), LAST_KNOWN)
    serve_command(broker, ListDeadlines, deadlines.list, service)


def listen(broker: NatsBroker, records: Aggregates, nc: Client) -> None:
    """Hear the registry and the monitor, from the first event they ever told."""
    client = CommandClient(nc)

    async def ask(question: Any, reply: Any) -> Any:
        return await client.send(question, reply)

    listening = Listening(records, ask)
    on_events(broker, "tw.events.registry.>", REGISTRY, listening.registry)
    on_events(broker, "tw.events.monitor.warning.>", MONITOR, listening.monitor)
