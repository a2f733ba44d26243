"""Builds the cases: the only place that knows which parts they are made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from services.cases.adapters.evidence import require_evidence
from services.cases.adapters.subjects import similar_to
from services.cases.handlers.findings import Damage, Findings
from services.cases.handlers.letters import Letters
from services.cases.handlers.reports import Asks, Reports
from services.cases.kinds import KINDS
from services.cases.settings import CasesSettings
from services.cases.workwiring import HEARD, answer_work_commands, deadline_clock, evidence_files, listen
from shared.bus.connection import connect, new_broker, running
from shared.bus.rpc import CommandClient, serve_command
from shared.bus.streams import provision
from shared.clock import SystemClock
from shared.contracts.cases import (
    AmendLetter,
    AnswerSuggestion,
    AssignFinding,
    CloseOutFinding,
    ExtendDeadline,
    HoldLookBack,
    LinkRecurrence,
    ListFinding,
    ListFindings,
    ListLetters,
    PlanNextStep,
    RaiseFinding,
    ReceiveLetter,
    RecordSuggestion,
    Reinspect,
    ReportProgress,
    ScheduleLookBack,
    ShowFinding,
    ShowLetter,
    SubmitRectification,
    TakeUpLetter,
)
from shared.contracts.report import Summarise, WriteReport
from shared.contracts.stories import TellCaseStory
from shared.eventstore import EventStore, ServiceStore
from shared.eventstore.aggregates import Aggregates, event_types
from shared.eventstore.history import History
from shared.eventstore.relay import Relay
from shared.eventstore.stories import Stories
from shared.logging import logger
from shared.ops.operations import Operations
from shared.postgres import open_pool
from shared.ready import mark_ready
from shared.settings import Connection, Settings
from shared.tasks import until_stopped

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["SERVICE", "answer_commands", "answer_reports", "serve", "store"]

SERVICE = "cases"


def store() -> ServiceStore:
    """Return the event store and read models, for the service itself and for the audit commands."""
    return ServiceStore(
        schema=SERVICE, store=EventStore(event_types(KINDS)), projections=tuple(History(kind) for kind in KINDS)
    )


def answer_commands(
    broker: NatsBroker, records: Aggregates, settings: CasesSettings, damage: Damage | None = None
) -> None:
    """Register the service's commands on *broker*; *damage* reads the evidence that acts rest on."""
    letters = Letters(records)
    serve_command(broker, ReceiveLetter, letters.receive, SERVICE)
    serve_command(broker, AmendLetter, letters.change, SERVICE)
    serve_command(broker, TakeUpLetter, letters.change, SERVICE)
    serve_command(broker, RecordSuggestion, letters.change, SERVICE)
    serve_command(broker, AnswerSuggestion, letters.change, SERVICE)
    serve_command(broker, PlanNextStep, letters.change, SERVICE)
    serve_command(broker, ShowLetter, letters.show, SERVICE)
    serve_command(broker, ListLetters, letters.list, SERVICE)
    findings = Findings(
        records,
        similar_to,
        require_evidence,
        damage=damage,
        look_back_days=settings.look_back_days,
        similar_checks=settings.similar_checks,
    )
    serve_command(broker, RaiseFinding, findings.raise_, SERVICE)
    serve_command(broker, LinkRecurrence, findings.link, SERVICE)
    serve_command(broker, AssignFinding, findings.change, SERVICE)
    serve_command(broker, ReportProgress, findings.change, SERVICE)
    serve_command(broker, ExtendDeadline, findings.change, SERVICE)
    serve_command(broker, SubmitRectification, findings.change, SERVICE)
    serve_command(broker, Reinspect, findings.change, SERVICE)
    serve_command(broker, CloseOutFinding, findings.close_out, SERVICE)
    serve_command(broker, ScheduleLookBack, findings.change, SERVICE)
    serve_command(broker, HoldLookBack, findings.change, SERVICE)
    serve_command(broker, ListFinding, findings.change, SERVICE)
    serve_command(broker, ShowFinding, findings.show, SERVICE)
    serve_command(broker, ListFindings, findings.list, SERVICE)


def answer_reports(broker: NatsBroker, records: Aggregates, registry: Asks) -> None:
    """Register what is asked about how things stand on *broker*; *registry* asks the registry."""
    stories = Stories(records.pool, SERVICE)
    reports = Reports(records, Letters(records), stories, registry)
    serve_command(broker, TellCaseStory, stories.tell, SERVICE)
    serve_command(broker, WriteReport, reports.write, SERVICE)
    serve_command(broker, Summarise, reports.summarise, SERVICE)


async def serve(stop: asyncio.Event, to: Connection | None = None) -> None:
    """Serve until *stop* is set, at the addresses *to*, or those the settings give.

    Raises
    ------
    Unavailable
        If NATS or PostgreSQL cannot be reached at the start; afterwards both may come and go.
    """
    settings = Settings.load()
    to = settings.connection() if to is None else to
    ops, parts = Operations(SERVICE, settings).begin(), store()
    pool = await open_pool(to.database(SERVICE), schema=SERVICE)
    try:
        nc = await connect(to, name="tailwarden-cases-relay")
        try:
            await provision(nc.jetstream())
            relay = Relay(parts.store, pool, nc.jetstream(), SERVICE)
            ops.stand_on(pool, nc, tuple(("EVENTS", each) for each in HEARD))
            zone = ZoneInfo(settings.timezone)
            records = Aggregates(pool, parts.store, parts.projections, SystemClock(), zone, relay.wake)
            broker = new_broker(to, name="tailwarden-cases")
            own = CasesSettings()
            files = evidence_files(own, settings.home)
            answer_commands(broker, records, own, files.damage)
            await files.sweep()
            answer_work_commands(broker, records, own, files, SERVICE)
            listen(broker, records, nc)
            clock = deadline_clock(records, own)
            answer_reports(broker, records, CommandClient(nc))
            async with running(broker):
                await until_stopped(
                    stop,
                    asyncio.create_task(relay.run(), name="relay"),
                    asyncio.create_task(clock.run(own.deadline_tick_s), name="deadlines"),
                    *ops.tasks("relay", "deadlines"),
                    begun=_begun,
                )
        finally:
            await nc.close()
    finally:
        await pool.close()


def _begun() -> None:
    mark_ready()
    logger(__name__).info("cases serve")
