"""An Atom feed (RFC 4287) of CAP documents, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from pydantic import Field

from services.notifier.cap.model import CapDocument
from services.notifier.cap.xml import child, document, moment, opened
from services.notifier.wording.figures import local_zone
from shared.contracts.base import Record

__all__ = ["ATOM", "CAP_TYPE", "Feed", "atom_feed", "document_name"]

ATOM = "http://www.w3.org/2005/Atom"
CAP_TYPE = "application/cap+xml"


class Feed(Record):
    """A feed's own facts."""

    url: str = Field(min_length=1)
    """Where the feed is served; also its id."""
    documents: str = Field(min_length=1)
    """Below which address single documents are served, as ``<documents>/<name>``."""
    title: str = "尾矿库预警 / Tailings pond warnings"
    author: str = Field(default="tailwarden", min_length=1)
    timezone: str = "Asia/Shanghai"


def document_name(identifier: str) -> str:
    """Return the name a document is served under: its identifier, fit for one part of a path."""
    return f"{quote(identifier, safe='')}.xml"


def atom_feed(feed: Feed, documents: Iterable[CapDocument], updated: datetime) -> bytes:
    """Return the feed; ``updated`` is when it last changed, told even while it is empty."""
    root = opened("feed", ATOM)
    child(root, "id", feed.url)
    child(root, "title", feed.title)
    child(root, "updated", moment(updated, local_zone(feed.timezone)))
    _link(root, "self", feed.url, "application/atom+xml")
    child(child(root, "author"), "name", feed.author)
    for each in sorted(documents, key=_newest, reverse=True):
        entry = child(root, "entry")
        child(entry, "id", f"urn:uuid:{uuid5(NAMESPACE_URL, each.reference)}")
        child(entry, "title", " / ".join(each.headlines.values()))
        child(entry, "updated", each.sent)
        child(entry, "published", each.sent)
        child(child(entry, "author"), "name", each.sender)
        _link(entry, "alternate", f"{feed.documents.rstrip('/')}/{document_name(each.identifier)}", CAP_TYPE)
        for scheme, term in (("msgType", each.msg_type), ("status", each.status), ("level", each.level or "none")):
            child(entry, "category").attrib.update(term=str(term), scheme=f"urn:tailwarden:cap:{scheme}")
        child(entry, "summary", f"{each.status} {each.msg_type}: {' / '.join(each.headlines.values())}")
    return document(root)


def _newest(each: CapDocument) -> tuple[datetime, str]:
    return datetime.fromisoformat(each.sent), each.identifier


def _link(parent: ElementTree.Element, rel: str, href: str, kind: str) -> None:
    child(parent, "link").attrib.update(rel=rel, href=href, type=kind)
