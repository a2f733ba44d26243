"""Writing XML that any reader can read back: no character XML 1.0 does not have, and one namespace without prefix."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from xml.etree import ElementTree

__all__ = ["child", "clean", "document", "moment", "opened"]

_FOREIGN = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    r"""Return *text* as an XML document can hold it and a reader gets it back.

    Line ends become ``\n`` (a reader makes them so); what XML 1.0 has no way to write becomes U+FFFD, so that it is
    seen that something was there.

    >>> clean("a\r\nb\x00c")
    'a\nb�c'
    """
    return _FOREIGN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def opened(name: str, namespace: str) -> ElementTree.Element:
    """Return a root element; *namespace* becomes the default one of everything in it."""
    return ElementTree.Element(name, {"xmlns": namespace})


def child(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    """Append an element; return it."""
    element = ElementTree.SubElement(parent, name)
    if text is not None:
        element.text = clean(text)
    return element


def document(root: ElementTree.Element) -> bytes:
    """Return the document of *root* in UTF-8."""
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def moment(at: datetime, zone: tzinfo) -> str:
    """Return a time as CAP 1.2 writes it: to the second, with a numeric offset, and never Z (UTC is ``-00:00``)."""
    there = at.astimezone(zone)
    offset = there.utcoffset() or timedelta()
    minutes = timedelta(minutes=round(offset / timedelta(minutes=1)))  # zones of the 19th century have seconds
    text = at.astimezone(timezone(minutes)).replace(microsecond=0).isoformat()
    return text if minutes else f"{text[:-6]}-00:00"
