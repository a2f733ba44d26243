"""The watchdog in a whole system: on unless told otherwise, proved within seconds, and in nobody's way."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from deploy.local.places import temporary_home
from deploy.local.running import WATCHDOG_VARIABLE, RunningSystem, running_system
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.alarmload import AlarmLoad, AskAlarmLoad
from shared.contracts.bulletins import BulletinView, IssueBulletin
from shared.contracts.monitor import ListWarnings, PondStandings, ShowPondStanding, WarningList
from shared.contracts.notifier import AlarmList, ListAlarms
from shared.contracts.watchdog import ShowWatchdog, WatchdogView


async def look(system: RunningSystem) -> WatchdogView:
    nc = await connect(system.connection, name="tests")
    try:
        client = CommandClient(nc)
        async with asyncio.timeout(20):
            while (seen := await client.send(ShowWatchdog(), WatchdogView)).returned == 0:
                await asyncio.sleep(0.05)
        assert (await client.send(ListWarnings(), WarningList)).warnings == ()
        assert (await client.send(ShowPondStanding(), PondStandings)).ponds == ()
        (itself,) = (await client.send(ShowPondStanding(pond_id="watchdog"), PondStandings)).ponds
        assert itself.values.keys() == {"beat"}
        assert (await client.send(ListAlarms(include_ended=True), AlarmList)).alarms == ()
        load = await client.send(AskAlarmLoad(days=7), AlarmLoad)
        assert (load.warnings, load.exercises, load.blind) == (0, 0, ())
        issued = await client.send(IssueBulletin(by="tests"), BulletinView)
        assert (issued.issued, issued.readers, issued.bulletin.ponds) == (True, (), ())
        return seen
    finally:
        await nc.close()


def test_a_warning_goes_round_in_seconds_and_shows_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WATCHDOG_VARIABLE, "true")
    with temporary_home() as home, running_system(home) as system:
        seen = asyncio.run(look(system))
        assert seen.silent_since is None
        assert seen.round_trip_s is not None
        assert seen.round_trip_s < 5
        command = [sys.executable, "-P", "-m", "tailwarden", "alarms", "watchdog", "--home", str(home)]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "readings come back as warnings in time" in told.stdout
