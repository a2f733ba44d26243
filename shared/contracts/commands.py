"""Every command with what answers it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from shared.contracts.base import Command
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
from shared.contracts.registry import REGISTRY_COMMANDS, PondView

__all__ = ["REPLIES"]

REPLIES: Mapping[type[Command], type[BaseModel]] = {
    **dict.fromkeys(REGISTRY_COMMANDS, PondView),
    AcknowledgeWarning: WarningView,
    HandleWarning: WarningView,
    CloseWarning: WarningView,
    ShowWarning: WarningView,
    ListWarnings: WarningList,
    ShowPondStanding: PondStandings,
}
"""Command → model of its result."""
