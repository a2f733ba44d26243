"""How long a text is as an SMS (3GPP TS 23.038 and 23.040): septets of the GSM alphabet, or UCS-2 units.

A single message holds 160 septets or 70 units; of a longer one each segment holds 153 or 67, the rest is its header.
"""

from __future__ import annotations

__all__ = ["GSM_MOST", "UCS2_MOST", "fits", "is_gsm", "segments", "units"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€\f")
"""Two septets each."""

GSM_MOST = 2 * 153
"""Septets of two segments."""
UCS2_MOST = 2 * 67
"""UCS-2 units of two segments."""


def is_gsm(text: str) -> bool:
    """Tell whether *text* can be sent in the GSM alphabet."""
    return all(char in _BASIC or char in _EXTENSION for char in text)


def units(text: str) -> int:
    """Return the length: septets where the GSM alphabet holds it all, else UCS-2 units (an emoji is two)."""
    if is_gsm(text):
        return sum(2 if char in _EXTENSION else 1 for char in text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fits(text: str) -> bool:
    """Tell whether *text* goes into two segments."""
    return units(text) <= (GSM_MOST if is_gsm(text) else UCS2_MOST)


def segments(text: str) -> int:
    """Return how many segments *text* takes (a character of two units may not straddle; counted as if it could)."""
    single, part = (160, 153) if is_gsm(text) else (70, 67)
    length = units(text)
    return 1 if length <= single else -(-length // part)
