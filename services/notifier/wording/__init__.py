"""What is said to people: messages and bulletins, in Chinese and English, in full and SMS-length."""

from services.notifier.wording.bulletin import Bulletin, DutyLine, OpenWarning, PondLine, render_bulletin
from services.notifier.wording.marks import Language, Length, Rendered
from services.notifier.wording.message import headline, render, situation_lines, step_lines
from services.notifier.wording.sms import fits, segments, units

__all__ = [
    "Bulletin",
    "DutyLine",
    "Language",
    "Length",
    "OpenWarning",
    "PondLine",
    "Rendered",
    "fits",
    "headline",
    "render",
    "render_bulletin",
    "segments",
    "situation_lines",
    "step_lines",
    "units",
]
