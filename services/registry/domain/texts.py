"""What a name or a reason must have: something a reader can see."""

from __future__ import annotations

from shared.names import is_blank
from shared.problems import BadInput

__all__ = ["check_said"]


def check_said(**texts: str) -> None:
    """Refuse texts without a single letter or digit (dashes, dots, invisible characters).

    Raises
    ------
    BadInput
        ``acts.blank``; ``field`` names the text.
    """
    for name, text in texts.items():
        if is_blank(text):
            raise BadInput("acts.blank", field=name, name=name)
