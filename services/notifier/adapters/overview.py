"""How the notifier stands, for health, metrics and figures."""

from __future__ import annotations

from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.seat import Seat
from shared.ops.catalogue import DELIVERIES, OUTBOX
from shared.ops.operations import Operations

__all__ = ["overlook", "overlook_seat"]


def overlook_seat(ops: Operations, seat: Seat) -> None:
    """Be ready only while this process has the seat."""

    async def serves() -> str:
        return "" if seat.held else "another notifier serves, or the database was away"

    ops.check("seat", serves)


def overlook(ops: Operations, outbox: Outbox) -> None:
    """Add the notifier's own gauges and figures to *ops*."""

    async def wait() -> None:
        waiting: dict[tuple[str, ...], float] = {}
        try:
            standing = await outbox.standing()
            waiting[()] = standing.get("waiting", 0) + standing.get("sending", 0)
        finally:
            OUTBOX.replace(waiting)

    ops.look(wait)
    ops.figure("deliveries_succeeded_total", lambda: _with("succeeded"))
    # What may have got through was not shown to: the dashboard counts what is proved.
    ops.figure("deliveries_failed_total", lambda: _with("failed") + _with("uncertain"))


def _with(outcome: str) -> float:
    return sum(value for (_, word), value in DELIVERIES.values.items() if word == outcome)
