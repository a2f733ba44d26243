"""A sensor's life: which states follow which, and from when."""

from __future__ import annotations

from datetime import datetime

from shared.contracts.levels import SensorState
from shared.problems import BadInput, Conflict

__all__ = ["MOVES", "check_move"]

MOVES: dict[SensorState, frozenset[SensorState]] = {
    SensorState.COMMISSIONING: frozenset({SensorState.IN_SERVICE, SensorState.MAINTENANCE, SensorState.RETIRED}),
    SensorState.IN_SERVICE: frozenset({SensorState.MAINTENANCE, SensorState.RETIRED}),
    SensorState.MAINTENANCE: frozenset({SensorState.IN_SERVICE, SensorState.COMMISSIONING, SensorState.RETIRED}),
    SensorState.RETIRED: frozenset(),
}
"""Retired is the end: what hangs at the same place afterwards is another sensor, with another id."""


def check_move(
    sensor: str, now: SensorState, wanted: SensorState, since: datetime, last: datetime | None, at: datetime
) -> None:
    """Refuse a move that the sensor's life does not have, that lies ahead, or that precedes the last one.

    Raises
    ------
    Conflict
        ``registry.retired``, ``registry.no_such_move``, ``registry.since_order``.
    BadInput
        ``registry.since_future``.
    """
    if now is SensorState.RETIRED:
        raise Conflict("registry.retired", field="sensor_id", sensor=sensor)
    if wanted not in MOVES[now]:
        allowed = ", ".join(sorted(state.value for state in MOVES[now]))
        raise Conflict(
            "registry.no_such_move", field="state", sensor=sensor, now=now.value, wanted=wanted.value, allowed=allowed
        )
    if since > at:
        raise BadInput("registry.since_future", field="since", since=since.isoformat(), at=at.isoformat())
    if last is not None and since < last:
        raise Conflict(
            "registry.since_order", field="since", sensor=sensor, since=since.isoformat(), last=last.isoformat()
        )
