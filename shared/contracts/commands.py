"""Every command with what answers it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from shared.contracts.base import Command
from shared.contracts.campaigns import CAMPAIGN_REPLIES
from shared.contracts.cases import (
    FINDING_ACTS,
    LETTER_ACTS,
    FindingList,
    FindingView,
    LetterList,
    LetterView,
    ListFindings,
    ListLetters,
    ShowFinding,
    ShowLetter,
)
from shared.contracts.casework import CASEWORK_REPLIES
from shared.contracts.deadlines import DeadlineList, ListDeadlines
from shared.contracts.drills import DRILL_REPLIES
from shared.contracts.evidence import EVIDENCE_REPLIES
from shared.contracts.ledger import LEDGER_REPLIES
from shared.contracts.mergers import ListMergers, MergerList, MergerView, ShowMerger
from shared.contracts.mines import MINE_ACTS, ListMines, MineList, MineView, ShowMine
from shared.contracts.monitor import (
    AcknowledgeWarning,
    CloseWarning,
    HandleWarning,
    ListWarnings,
    PondStandings,
    ShowPondStanding,
    ShowWarning,
    WarningList,
    WarningView,
)
from shared.contracts.notifier import NOTIFIER_REPLIES
from shared.contracts.peopleacts import PEOPLE_REPLIES
from shared.contracts.plans import ListPlans, PlanList, PlanView, SetPlan, ShowPlan
from shared.contracts.pondfiles import PONDFILE_ACTS, ListPondFiles, PondFileList, PondFileView, ShowPondFile
from shared.contracts.registry import REGISTRY_COMMANDS, PondView
from shared.contracts.report import ReplyReport, Summarise, SupervisionSummary, WriteReport
from shared.contracts.sensorcare import (
    SENSORCARE_ACTS,
    ListSensorCare,
    SensorCareList,
    SensorCareView,
    ShowSensorCare,
)
from shared.contracts.stories import Story, TellCaseStory, TellRegistryStory

__all__ = ["REPLIES"]

REPLIES: Mapping[type[Command], type[BaseModel]] = {
    **dict.fromkeys(REGISTRY_COMMANDS, PondView),
    AcknowledgeWarning: WarningView,
    HandleWarning: WarningView,
    CloseWarning: WarningView,
    ShowWarning: WarningView,
    ListWarnings: WarningList,
    **PEOPLE_REPLIES,
    **LEDGER_REPLIES,
    ShowPondStanding: PondStandings,
    **dict.fromkeys(PONDFILE_ACTS, PondFileView),
    ShowPondFile: PondFileView,
    ListPondFiles: PondFileList,
    **dict.fromkeys(MINE_ACTS, MineView),
    ShowMine: MineView,
    ListMines: MineList,
    ShowMerger: MergerView,
    ListMergers: MergerList,
    SetPlan: PlanView,
    ShowPlan: PlanView,
    ListPlans: PlanList,
    **dict.fromkeys(SENSORCARE_ACTS, SensorCareView),
    ShowSensorCare: SensorCareView,
    ListSensorCare: SensorCareList,
    **dict.fromkeys(LETTER_ACTS, LetterView),
    ShowLetter: LetterView,
    ListLetters: LetterList,
    **dict.fromkeys(FINDING_ACTS, FindingView),
    ShowFinding: FindingView,
    ListFindings: FindingList,
    **CASEWORK_REPLIES,
    **CAMPAIGN_REPLIES,
    **EVIDENCE_REPLIES,
    ListDeadlines: DeadlineList,
    TellCaseStory: Story,
    TellRegistryStory: Story,
    WriteReport: ReplyReport,
    Summarise: SupervisionSummary,
    **NOTIFIER_REPLIES,
    **DRILL_REPLIES,
}
"""Command → model of its result."""
