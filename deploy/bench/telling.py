"""From a logger's publish to a person's mailbox: in a storm over some ponds, and with every pond red within a minute.

The mail server is a real one on loopback. Baseline: the same mails handed to it by the standard library alone.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import orjson
from nats.aio.client import Client

from deploy.bench.figures import Figure, Report
from deploy.bench.fleet import BLUE, LEVEL, STEP, Fleet
from deploy.bench.inbox import Inbox, Received, inbox
from deploy.bench.system import BenchSystem, bench_system
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.notifier import AlarmList, ListAlarms
from shared.contracts.people import Channel, DutyKind, PersonDescription, Place, PlaceKind
from shared.contracts.peopleacts import AssignDuty, RegisterPerson, SetContact
from shared.contracts.peopleviews import GridView, PersonView
from shared.problems import Fault

__all__ = ["telling"]

_RED = 4
"""Limits below the water at red."""
_TRIES = 100
_PATIENCE_S = 180.0
_BY = "tailwarden bench"
_CHANNELS = """\
[channels.mail]
kind = "mail"
url = "mailto://127.0.0.1:{port}/?mode=insecure&from=desk%40bench.example&to={{address}}"
length = "full"
language = "en"
concurrency = 16
"""
_ROUTING = """\
[settings.levels]
blue = {}
yellow = {}
orange = {}
red = {}
[[chains.orange]]
who = [{ of = "pond", duty = "enterprise" }]
[[chains.red]]
who = [{ of = "pond", duty = "enterprise" }]
"""
"""Each pond's own person is told of orange and red at once, as by the product's chains; nobody else is."""
_NAMED = re.compile(r"RED WARNING[^:\n]*: Bench (\d+)\b")


async def telling(ponds: int = 1000, people: int = 200, storm: int = 40, minute_s: float = 20.0) -> Report:
    """Measure in a freshly started system.

    Parameters
    ----------
    ponds
        Ponds that go red.
    people
        Who answer for them: each for as many ponds.
    storm
        Ponds that warn one after the other at first, each with a person of its own.
    minute_s
        Within so many seconds all of them go red, one after the other.
    """
    setting = {"ponds": ponds, "people": people, "storm": storm, "minute_s": minute_s}
    report = Report("telling", setting)
    fleet = Fleet(ponds + storm)
    fleet.sensors = fleet.sensors[LEVEL : LEVEL + 1]
    async with inbox() as mails:
        bare = await asyncio.to_thread(_bare, mails.port)
        mails.mails.clear()
        with bench_system(("registry", "monitor")) as system:
            _configure(system, mails.port)
            await fleet.register(system.connection)
            owners = {index: f"p-{index % people}" if index < ponds else f"s-{index}" for index in range(ponds + storm)}
            await _register(system, fleet, owners)
            system.start("notifier")
            nc = await connect(system.connection, name="tailwarden-bench")
            try:
                await _ready(nc, fleet, mails)
                one = _Run(fleet, nc, mails, owners)
                await one.play(range(ponds, ponds + storm), storm * 0.5)
                await one.told(range(ponds, ponds + storm))
                storm_ms = np.array(one.took()) * 1e3
                mails.mails.clear()
                all_ = _Run(fleet, nc, mails, owners)
                await all_.play(range(ponds), minute_s)
                await all_.told(range(ponds))
                alarms = await CommandClient(nc, timeout=20.0).send(ListAlarms(limit=1000), AlarmList)
            finally:
                await nc.close()
    flood_s, base = np.array(all_.took()), np.percentile(bare, [50, 99])
    report.figures += [
        Figure("telling_storm_p50", float(np.percentile(storm_ms, 50)), "ms", float(base[0])),
        Figure("telling_storm_p99", float(np.percentile(storm_ms, 99)), "ms", float(base[1]), most=2000),
        Figure("telling_flood_last", all_.last(), "s", most=60.0),
        Figure("telling_flood_p99", float(np.percentile(flood_s, 99)), "s"),
        Figure("telling_flood_told", len(flood_s), "", least=float(ponds)),
        Figure("telling_flood_mails", len(mails.mails), ""),
        Figure("telling_flood_alarms", len(alarms.alarms), ""),
    ]
    return report


def _bare(port: int) -> list[float]:
    """Return milliseconds to hand a mail to the server, connection included."""
    taken = []
    for number in range(_TRIES):
        began = time.perf_counter()
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "desk@bench.example", "x@bench.example", f"{number}"
        mail.set_content("x" * 600)
        with smtplib.SMTP("127.0.0.1", port) as server:
            server.send_message(mail)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def _configure(system: BenchSystem, port: int) -> None:
    home: Path = system.running.home
    (home / "channels.toml").write_text(_CHANNELS.format(port=port), "utf-8")
    (home / "routing.toml").write_text(_ROUTING, "utf-8")


async def _register(system: BenchSystem, fleet: Fleet, owners: dict[int, str]) -> None:
    nc = await connect(system.connection, name="tailwarden-bench")
    try:
        client = CommandClient(nc, timeout=20.0)
        for person in dict.fromkeys(owners.values()):
            who = PersonDescription(id=person, name=f"Person {person}")
            await client.send(RegisterPerson(person=who, by=_BY), PersonView)
            address = f"{person}@bench.example"
            await client.send(SetContact(person_id=person, channel=Channel.MAIL, address=address, by=_BY), PersonView)
        for index, person in owners.items():
            place = Place(kind=PlaceKind.POND, id=fleet.pond(index).id)
            act = AssignDuty(place=place, duty=DutyKind.ENTERPRISE, person_id=person, by=_BY)
            await client.send(act, GridView)
    finally:
        await nc.close()


async def _ready(nc: Client, fleet: Fleet, mails: Inbox) -> None:
    """Wait until the notifier has read the register: a first warning is not to wait for that."""
    js = nc.jetstream(timeout=20.0)
    end = time.monotonic() + _PATIENCE_S
    while (await js.consumer_info("EVENTS", "notifier-registry")).num_pending:
        if time.monotonic() > end:
            raise Fault("bench.not_heard", expected=fleet.ponds, heard=0)
        await asyncio.sleep(0.1)


@dataclass(slots=True)
class _Run:
    """What was sent when, and what came."""

    fleet: Fleet
    nc: Client
    mails: Inbox
    owners: dict[int, str]
    sent: dict[int, float] = field(default_factory=dict)
    """Pond → when its red reading was published."""

    async def play(self, ponds: range, seconds: float) -> None:
        """Take each pond over its four limits, one pond after the other, within *seconds*."""
        js = self.nc.jetstream(timeout=30.0)
        began = time.perf_counter()
        for place, index in enumerate(ponds):
            await asyncio.sleep(max(0.0, began + seconds * place / len(ponds) - time.perf_counter()))
            subject = f"tw.telemetry.{self.fleet.pond(index).id}.{self.fleet.sensors[0].id}"
            for limits in range(1, _RED + 1):
                value = BLUE + STEP * (limits - 1) + 0.01
                reading = {"time": datetime.now(UTC).isoformat(timespec="microseconds"), "value": value}
                if limits == _RED:
                    self.sent[index] = time.perf_counter()
                await js.publish(subject, orjson.dumps(reading))

    async def told(self, ponds: range) -> None:
        """Wait until everybody was told of the red of each of their ponds."""
        end = time.monotonic() + _PATIENCE_S
        while len(found := self._found()) < len(ponds):
            if time.monotonic() > end:
                raise Fault("bench.not_heard", expected=len(ponds), heard=len(found))
            await asyncio.sleep(0.2)

    def took(self) -> list[float]:
        """Return seconds from each pond's red reading to its person's mailbox."""
        return [at - self.sent[index] for index, at in self._found().items()]

    def last(self) -> float:
        """Return seconds from the first red reading to the last of the first tellings."""
        return max(self._found().values()) - min(self.sent.values())

    def _found(self) -> dict[int, float]:
        found: dict[int, float] = {}
        for mail in self.mails.mails:
            for index in _red(mail):
                if index in self.sent and mail.to.startswith(f"{self.owners[index]}@"):
                    found.setdefault(index, mail.at)
        return found


def _red(mail: Received) -> set[int]:
    """Return the ponds that a mail calls red."""
    return {int(number) for number in _NAMED.findall(mail.text)}
