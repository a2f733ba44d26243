"""One language's ``info`` block: what people are told, and the figures for machines."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

from services.notifier.cap.mapping import categories, certainty, responses, severity, urgency
from services.notifier.cap.model import Revision, Sender, Subject
from services.notifier.cap.xml import child, clean, moment
from services.notifier.domain.message import Message
from services.notifier.wording.figures import local_time, local_zone, number, plain
from services.notifier.wording.marks import Language, marks
from services.notifier.wording.message import headline, over_line, situation_lines, step_lines
from shared.contracts.notifier import MessageKind
from shared.words import say

__all__ = ["add_info"]

_CAUSES = 50
"""Causes given as parameters, at most."""


def add_info(
    root: ElementTree.Element, subject: Subject, revision: Revision, sender: Sender, language: Language, code: str
) -> str:
    """Append the block of *language* to *root*; return its headline."""
    info = child(root, "info")
    zone = local_zone(subject.timezone)
    child(info, "language", code)
    for category in categories(revision.causes):
        child(info, "category", category)
    # Readers that show nothing but the event must see that it is an exercise.
    child(info, "event", marks(language, exercise=subject.exercise) + say("capdoc.event", language))
    for response in responses(revision):
        child(info, "responseType", response)
    child(info, "urgency", urgency(revision, sender))
    child(info, "severity", severity(revision))
    child(info, "certainty", certainty(revision))
    for name, value in sender.event_codes:
        _pair(info, "eventCode", name, value)
    child(info, "effective", moment(revision.sent, zone))
    child(info, "onset", moment(revision.time, zone))
    if sender.valid_h is not None:
        child(info, "expires", moment(revision.sent + timedelta(hours=sender.valid_h), zone))
    child(info, "senderName", sender.names.get(language, "").strip() or say("capdoc.sender_name", language))
    message = _message(subject, revision)
    line = clean(headline(message, language))
    child(info, "headline", line)
    child(info, "description", _description(message, language))
    child(info, "instruction", _instruction(message, language))
    if subject.web:
        child(info, "web", subject.web)
    if contact := sender.contact.strip():
        child(info, "contact", contact)
    for name, value in _parameters(subject, revision):
        _pair(info, "parameter", name, value)
    _area(info, subject, language)
    return line


def _message(subject: Subject, revision: Revision) -> Message:
    """Return the revision as a message, so that a document says what people are told."""
    return Message(
        kind=MessageKind.ALARM, alarm_id=subject.alarm_id, pond_id=subject.pond_id, pond_name=subject.pond_name,
        county=subject.county, timezone=subject.timezone, level=revision.level, previous=revision.previous,
        verified=revision.verified, late=revision.late, exercise=subject.exercise, corrected=revision.withdrawn,
        time=revision.time, causes=revision.causes, card=revision.card, reason=revision.reason,
    )  # fmt: skip


def _description(message: Message, language: Language) -> str:
    lines = [say("message.time", language, time=local_time(message.time, message.timezone))]
    if not message.verified:
        lines.append(say("capdoc.unverified", language))
    if message.late:
        lines.append(say("capdoc.late", language))
    if message.level is None:
        lines.append(over_line(message, language))
    else:
        lines += situation_lines(message, language)
    return "\n".join(lines)


def _instruction(message: Message, language: Language) -> str:
    if message.level is None:
        return over_line(message, language)
    steps = tuple(sorted(message.card, key=lambda step: step.within_minutes))
    lines = step_lines(steps, language, with_roles=True)
    return "\n".join(lines) or say(f"message.no_card_{message.level.value}", language)


def _parameters(subject: Subject, revision: Revision) -> list[tuple[str, str]]:
    """Return what machines want: ids, the level, and each cause's figures with their units."""
    found = [
        ("pond", subject.pond_id),
        ("alarm", subject.alarm_id),
        ("revision", str(revision.number)),
        ("level", "none" if revision.level is None else revision.level.value),
        ("verified", str(revision.verified).lower()),
        ("late", str(revision.late).lower()),
    ]
    for cause in revision.causes[:_CAUSES]:
        about = f"{cause.sensor or subject.pond_id}.{cause.rule}"
        given: dict[str, str | None] = {
            "value": None if cause.value is None else f"{number(cause.value)} {cause.unit}".strip(),
            "limit": None if cause.limit is None else f"{number(cause.limit)} {cause.unit}".strip(),
            "document": cause.document or None,
            "limits_version": None if cause.limits_version is None else str(cause.limits_version),
            "verified": str(cause.verified).lower(),
        }
        found += [(f"{about}.{name}", value) for name, value in given.items() if value is not None]
    return found


def _pair(info: ElementTree.Element, element: str, name: str, value: str) -> None:
    if not name.strip() or not value.strip():
        return  # an empty element says nothing, and there are readers that fail on one
    pair = child(info, element)
    child(pair, "valueName", name)
    child(pair, "value", value)


def _area(info: ElementTree.Element, subject: Subject, language: Language) -> None:
    area = child(info, "area")
    about = {"pond": plain(subject.pond_name) or subject.pond_id, "county": plain(subject.county)}
    child(area, "areaDesc", say("capdoc.area_county" if about["county"] else "capdoc.area", language, **about))
    corners = list(subject.polygon)
    if len(corners) >= 3:
        closed = corners if corners[0] == corners[-1] else [*corners, corners[0]]
        child(area, "polygon", " ".join(f"{latitude:.6f},{longitude:.6f}" for latitude, longitude in closed))
    if subject.latitude is not None and subject.longitude is not None:
        child(area, "circle", f"{subject.latitude:.6f},{subject.longitude:.6f} {number(subject.radius_km)}")
    for name, value in subject.geocodes:
        _pair(area, "geocode", name, value)
