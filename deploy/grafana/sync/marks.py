"""An annotation per warning: a region from raise to clear, found again by its tag, written only when it differs.

They belong to no dashboard: whoever queries annotations by the tag ``tailwarden`` (or ``pond:<id>``) sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from deploy.grafana.board.emit import TAG
from deploy.grafana.sync.api import Grafana
from deploy.grafana.sync.compare import Difference
from shared.problems import Unavailable
from shared.words import LANGUAGES, say

__all__ = ["Mark", "extend", "keep", "marks"]

_ROWS = """
SELECT w.warning_id, w.pond_id, coalesce(r.name, w.pond_id), w.highest, w.raised, w.cleared,
    w.causes -> 0 ->> 'rule', coalesce(nullif(w.causes -> 0 ->> 'sensor', ''), w.causes -> 1 ->> 'sensor')
FROM dashboard.warning w LEFT JOIN dashboard.registered_pond r ON r.id = w.pond_id
WHERE CASE WHEN %(ids)s::text[] IS NULL THEN w.raised >= %(since)s OR w.cleared IS NULL
    ELSE w.warning_id = ANY (%(ids)s) END
ORDER BY w.raised
"""
_AT_ONCE = 50
"""Up to so many are looked for one by one; more of them by one question for all."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What an annotation of a warning shall be; ``end`` None: the warning stands, and the region grows."""

    warning_id: str
    begin: datetime
    end: datetime | None
    text: str
    tags: tuple[str, ...]

    @property
    def own_tag(self) -> str:
        """The tag by which it is found again."""
        return f"warning:{self.warning_id}"


def marks(database_url: str, since: datetime, ids: Sequence[str] | None = None) -> list[Mark]:
    """Return the marks of warnings: of *ids*, or else of all that were raised since then or stand.

    Raises
    ------
    Unavailable
        ``database.unreachable``.
    """
    try:
        with psycopg.connect(database_url, connect_timeout=10, application_name="tailwarden-grafana") as conn:
            rows = conn.execute(_ROWS, {"ids": None if ids is None else list(ids), "since": since}).fetchall()
    except psycopg.OperationalError as error:
        address = conninfo_to_dict(database_url).get("host", "")
        raise Unavailable("database.unreachable", address=address, reason=str(error).strip()) from error
    return [_mark(*row) for row in rows]


def _mark(
    warning_id: str, pond_id: str, pond: str, highest: str, raised: datetime, cleared: datetime | None,
    rule: str | None, sensor: str | None,
) -> Mark:  # fmt: skip
    said = [" ".join(say(f"level.{highest}", language) for language in LANGUAGES), pond]
    if rule:
        said.append(" ".join(say(f"rule.{rule}", language) for language in LANGUAGES))
    text = " · ".join([*said, *([sensor] if sensor else [])])
    state = "standing" if cleared is None else "cleared"
    tags = (TAG, f"warning:{warning_id}", f"pond:{pond_id}", f"level:{highest}", state)
    return Mark(warning_id, raised, cleared, text, tags)


def keep(grafana: Grafana, wanted: Sequence[Mark], now: datetime, *, fix: bool) -> Iterator[Difference]:
    """Yield which annotations are missing or differ, written where *fix* says so; a second time there is nothing."""
    theirs = _found(grafana, wanted)
    for mark in wanted:
        there = theirs.get(mark.own_tag, [])
        where = _differs(mark, there[0]) if there else None
        # Two of one warning (two of us ran at once): the first stays.
        surplus = there[1:]
        if there and where is None and not surplus:
            continue
        difference = Difference("annotation", mark.warning_id, "different" if there else "missing", where or "")
        if fix:
            _write(grafana, mark, there[0]["id"] if there else None, now)
            for each in surplus:
                grafana.call(lambda api, each=each: api.annotations.delete_annotations_by_id(each["id"]))  # type: ignore[misc]
            difference = replace(difference, state="fixed")
        yield difference


def extend(grafana: Grafana, wanted: Iterable[Mark], now: datetime) -> None:
    """Let the regions of standing warnings reach until *now*."""
    standing = [mark for mark in wanted if mark.end is None]
    theirs = _found(grafana, standing)
    for mark in standing:
        for there in theirs.get(mark.own_tag, [])[:1]:
            _write(grafana, mark, there["id"], now)


def _found(grafana: Grafana, wanted: Sequence[Mark]) -> dict[str, list[dict[str, Any]]]:
    """Return the annotations there are, by the warning's tag, oldest first."""
    if not wanted:
        return {}
    asked: list[tuple[list[str], int]] = [([TAG, mark.own_tag], 10) for mark in wanted]
    if len(wanted) > _AT_ONCE:
        asked = [([TAG], 4 * len(wanted) + 1000)]
    first = min(mark.begin for mark in wanted) - timedelta(minutes=1)
    last = max(mark.begin if mark.end is None else mark.end for mark in wanted) + timedelta(days=3650)
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for tags, limit in asked:
        for each in grafana.call(
            lambda api, tags=tags, limit=limit: api.annotations.find_annotations(  # type: ignore[misc]
                time_from=_ms(first), time_to=_ms(last), tags=tags, limit=limit, ann_type="annotation"
            )
        ):
            for tag in each.get("tags") or []:
                if tag.startswith("warning:"):
                    by_tag.setdefault(tag, []).append(each)
    return {tag: sorted(found, key=lambda each: int(each["id"])) for tag, found in by_tag.items()}


def _differs(mark: Mark, there: dict[str, Any]) -> str | None:
    if there.get("time") != _ms(mark.begin):
        return "time"
    # While the warning stands any end will do: the region grows by itself.
    if mark.end is not None and there.get("timeEnd") != _ms(mark.end):
        return "timeEnd"
    if there.get("text") != mark.text:
        return "text"
    return None if set(there.get("tags") or []) == set(mark.tags) else "tags"


def _write(grafana: Grafana, mark: Mark, number: int | None, now: datetime) -> None:
    end = max(mark.begin, now) if mark.end is None else mark.end
    body = {"time_from": _ms(mark.begin), "time_to": _ms(end), "tags": list(mark.tags), "text": mark.text}
    if number is None:
        grafana.call(lambda api: api.annotations.add_annotation(**body))
    else:
        grafana.call(lambda api: api.annotations.update_annotation(number, **body))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
