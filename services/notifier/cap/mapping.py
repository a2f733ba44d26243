"""From levels and causes to CAP's words (domain reference, section 7)."""

from __future__ import annotations

from services.notifier.cap.model import Revision, Sender
from services.notifier.wording.situation import hours_left
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause

__all__ = ["categories", "certainty", "responses", "severity", "urgency"]

_SEVERITY = {
    LevelName.RED: "Extreme",
    LevelName.ORANGE: "Severe",
    LevelName.YELLOW: "Moderate",
    LevelName.BLUE: "Minor",
}
_URGENCY = {
    LevelName.RED: "Immediate",
    LevelName.ORANGE: "Expected",
    LevelName.YELLOW: "Expected",
    LevelName.BLUE: "Future",
}
_URGENT = ("Immediate", "Expected", "Future")
_RESPONSE = {
    LevelName.RED: "Evacuate",
    LevelName.ORANGE: "Prepare",
    LevelName.YELLOW: "Monitor",
    LevelName.BLUE: "Monitor",
}
_MEASURED = ("threshold", "rainfall")
_DAM = ("displacement", "phreatic_level")


def severity(revision: Revision) -> str:
    """Return the severity; what is over is Minor (CAP: minimal to no known threat)."""
    return "Minor" if revision.level is None else _SEVERITY[revision.level]


def urgency(revision: Revision, sender: Sender) -> str:
    """Return the urgency: the level's own, or what the time left to the next limit asks for if that is sooner."""
    if revision.level is None:
        return "Past"
    found = [_URGENCY[revision.level]]
    for cause in revision.causes:
        if (left := hours_left(cause)) is not None:
            sooner = "Expected" if left[0] < sender.expected_h else "Future"
            found.append("Immediate" if left[0] < sender.immediate_h else sooner)
    return min(found, key=_URGENT.index)


def certainty(revision: Revision) -> str:
    """Return the certainty: measured over a limit is Observed, foreseen Likely, unverified Possible.

    An all-clear is observed too; what late data took back is Unlikely; a level nobody gave a cause for Unknown.
    """
    if revision.level is None:
        return "Unlikely" if revision.withdrawn else "Observed"
    if not revision.verified:
        return "Possible"
    named = [cause for cause in revision.causes if cause.rule != "roll_up"]
    deciding = [cause for cause in named if cause.level is revision.level] or named
    if not deciding:
        return "Unknown"
    return "Observed" if any(cause.rule in _MEASURED for cause in deciding) else "Likely"


def responses(revision: Revision) -> tuple[str, ...]:
    """Return what is to be done; unverified data are assessed besides, never instead."""
    if revision.level is None:
        return ("AllClear",)
    own = _RESPONSE[revision.level]
    return (own,) if revision.verified else (own, "Assess")


def categories(causes: tuple[Cause, ...]) -> tuple[str, ...]:
    """Return the categories: Safety, with Geo for the dam's own body and Met for water and rain."""
    dam = [cause.detail.get("quantity") in _DAM for cause in causes]
    found = ["Safety"]
    if any(dam):
        found.append("Geo")
    if not all(dam) or not dam:
        found.append("Met")
    return tuple(found)
