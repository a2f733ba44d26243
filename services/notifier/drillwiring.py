"""Builds what exercises 汛期演练 are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.notifier.adapters.desk import Desk
from services.notifier.adapters.drillplay import DrillPlayer
from services.notifier.adapters.drills import Drills
from services.notifier.drilling import Drilling
from shared.bus.rpc import CommandClient, serve_command
from shared.contracts.drills import ListDrills, ShowDrill, StartDrill, StopDrill

if TYPE_CHECKING:
    from faststream.nats import NatsBroker
    from nats.aio.client import Client

__all__ = ["drills_of"]

_QUEUE = "notifier"


async def drills_of(desk: Desk, nc: Client, broker: NatsBroker) -> DrillPlayer:
    """Restore the exercises and answer the commands about them; call before anything is heard.

    Returns
    -------
    DrillPlayer
        To be run.
    """
    client = CommandClient(nc)
    drills = Drills(desk, client)
    player = DrillPlayer(drills, client, nc.jetstream().publish, desk.clock)
    drills.wake = player.wake
    await drills.restore()
    drilling = Drilling(drills, desk.clock)
    serve_command(broker, StartDrill, drilling.start, _QUEUE)
    serve_command(broker, StopDrill, drilling.stop, _QUEUE)
    serve_command(broker, ShowDrill, drilling.show, _QUEUE)
    serve_command(broker, ListDrills, drilling.list, _QUEUE)
    return player
