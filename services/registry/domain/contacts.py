"""Addresses: which are acceptable, and what may be shown of them. No refusal here repeats an address."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from urllib.parse import urlsplit

from shared.contracts.people import Channel
from shared.problems import BadInput

__all__ = ["mask", "normal_address"]

_DIGITS = re.compile(r"\+?[0-9]{7,15}")
_MAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def normal_address(channel: Channel, address: str) -> str:
    """Return an address in its one form: half-width, telephone numbers as digits.

    Raises
    ------
    BadInput
        ``people.bad_address``: says the channel, never the address.
    """
    text = unicodedata.normalize("NFKC", address).strip()
    good = False
    match channel:
        case Channel.MOBILE | Channel.PHONE:
            text = re.sub(r"[\s()\-.]", "", text)
            good = _DIGITS.fullmatch(text) is not None
        case Channel.MAIL:
            good = _MAIL.fullmatch(text) is not None
        case Channel.WEBHOOK:
            with suppress(ValueError):
                parts = urlsplit(text)
                good = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
    if not good:
        raise BadInput("people.bad_address", field="address", channel=[f"people.channel_{channel.value}"])
    return text


def mask(channel: Channel, address: str) -> str:
    """Return what may be shown of a normal address: enough for its owner to recognise it.

    >>> mask(Channel.MOBILE, "13812341234"), mask(Channel.MAIL, "wang.gong@example.org")
    ('138****1234', 'w***@example.org')
    """
    match channel:
        case Channel.MOBILE | Channel.PHONE:
            if len(address) < 11:
                return f"****{address[-2:]}"
            return f"{address[:-8]}****{address[-4:]}"
        case Channel.MAIL:
            name, _, domain = address.rpartition("@")
            return f"{name[0]}***@{domain}"
        case Channel.WEBHOOK:
            parts = urlsplit(address)
            return f"{parts.scheme}://{parts.hostname}/***"
