"""From a logger to a person and back, by the real commands: mail over SMTP, the signed page, the acknowledgement."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import orjson
import pytest
from cap_tools.models import Alert, Status
from xsdata.formats.dataclass.parsers import XmlParser

from deploy.bench.inbox import Inbox, Received, inbox
from deploy.local.places import temporary_home
from deploy.local.running import RunningSystem, running_system
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.levels import SensorKind
from shared.contracts.monitor import ListWarnings, WarningList
from shared.contracts.notifier import AlarmList, AlarmView, ListAlarms, ShowAlarm
from shared.contracts.people import AdminLevel, Channel, DutyKind, PersonDescription, Place, PlaceKind
from shared.contracts.peopleacts import AssignDuty, RegisterPerson, SetContact
from shared.contracts.peopleviews import GridView, PersonView
from shared.contracts.registry import (
    AdoptLimits,
    LimitBand,
    LimitDocument,
    PondDescription,
    PondView,
    RegisterPond,
    RegisterSensor,
    SensorDescription,
)

pytestmark = pytest.mark.timeout(120)

CHANNELS = """\
[channels.mail]
kind = "mail"
url = "mailto://127.0.0.1:{port}/?mode=insecure&from=desk%40example.org&to={{address}}"
language = "en"
timeout_s = 60
"""
BY = "王工"
LIMITS = LimitDocument(
    document="test", effective_from=date(2020, 1, 1),
    bands={"level": (LimitBand(blue=10.0, yellow=10.1, orange=10.2, red=10.3),)},
)  # fmt: skip


class City:
    """A pond with one person answering for it and one above, on a system whose mails come to *mails*."""

    def __init__(self, system: RunningSystem, client: CommandClient, mails: Inbox) -> None:
        self.system, self.client, self.mails = system, client, mails

    async def register(self) -> None:
        await self.client.send(RegisterPond(pond=PondDescription(id="yi", name="一号库", grade=5), by=BY), PondView)
        level = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
        await self.client.send(RegisterSensor(pond_id="yi", sensor=level, by=BY), PondView)
        await self.client.send(AdoptLimits(pond_id="yi", limits=LIMITS, by=BY), PondView)
        place = Place(kind=PlaceKind.POND, id="yi")
        for person, name, duty in (("wang", "王五", DutyKind.ENTERPRISE), ("zhao", "赵六", DutyKind.GUARANTOR)):
            who = PersonDescription(id=person, name=name, level=AdminLevel.COUNTY)
            await self.client.send(RegisterPerson(person=who, by=BY), PersonView)
            address = f"{person}@mail.example"
            contact = SetContact(person_id=person, channel=Channel.MAIL, address=address, by=BY)
            await self.client.send(contact, PersonView)
            await self.client.send(AssignDuty(place=place, duty=duty, person_id=person, by=BY), GridView)

    async def water(self, level: float) -> None:
        reading = {"time": datetime.now(UTC).isoformat(), "value": level}
        await self.client._nc.jetstream().publish("tw.telemetry.yi.level-1", orjson.dumps(reading))

    async def mail(self, to: str, words: str, number: int = 1) -> list[Received]:
        """Wait for *number* mails to somebody with *words* in them."""

        def found() -> list[Received]:
            return [each for each in self.mails.mails if each.to == f"{to}@mail.example" and words in each.text]

        await until(lambda: _so(len(found()) >= number), f"{number} mails to {to} with {words!r}: {self.mails.mails}")
        return found()


async def until(condition: Callable[[], Awaitable[object]], what: str, limit: float = 40.0) -> None:
    end = time.monotonic() + limit
    while not await condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.05)


async def _so(value: object) -> object:
    return value


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as made:
        yield made


@pytest.fixture
async def city(home: Path) -> AsyncIterator[City]:
    async with inbox() as mails:
        (home / "channels.toml").write_text(CHANNELS.format(port=mails.port), "utf-8")
        with running_system(home) as system:
            nc = await connect(system.connection, name="last-mile")
            try:
                made = City(system, CommandClient(nc, timeout=20.0), mails)
                await made.register()
                yield made
            finally:
                if mails.held is not None:
                    mails.held.set()
                await nc.close()


async def test_a_reading_becomes_a_mail_an_answer_and_an_acknowledgement(city: City) -> None:
    await city.water(10.25)
    (mail,) = await city.mail("wang", "ORANGE WARNING: 一号库")
    link = re.search(r"http://127\.0\.0\.1:\d+/a/\S+", mail.text)
    assert link is not None, mail.text
    async with httpx.AsyncClient(headers={"Accept-Language": "en"}, timeout=20) as browser:
        page = await browser.get(link[0])
        assert page.status_code == 200
        assert "一号库" in page.text
        act = re.search(r'name="act" value="([^"]+)"', page.text)
        assert act is not None
        answered = await browser.post(link[0], data={"act": act[1], "answer": "on_site"})
        assert answered.status_code == 200
        feed = await browser.get(f"{city.system.connection.web_url}/cap/feed.atom")
        document = re.search(r'href="([^"]+/cap/[^"]+\.xml)"', feed.text)
        assert document is not None, feed.text
        alert = XmlParser().from_bytes((await browser.get(document[1])).content, Alert)
        assert alert.status is Status.ACTUAL

    async def acknowledged() -> bool:
        found = await city.client.send(ListWarnings(pond_id="yi"), WarningList)
        return [each.acknowledged_by for each in found.warnings] == ["王五"]

    await until(acknowledged, "the monitor knows who answered")
    (alarm,) = (await city.client.send(ListAlarms(), AlarmList)).alarms
    proof = {
        each.person_id: each for each in (await city.client.send(ShowAlarm(alarm_id=alarm.alarm_id), AlarmView)).people
    }
    wang = proof["wang"]
    assert None not in (wang.sent, wang.read, wang.answered)

    # Killed while the provider has the mail and has not said so: once more, marked, and never lost.
    city.mails.held = asyncio.Event()
    await city.water(10.35)
    await city.mail("wang", "RED WARNING: 一号库")
    before = city.system.kill("notifier")
    city.mails.held.set()

    async def back() -> bool:
        return city.system.pid("notifier") not in (None, before)

    await until(back, "the supervisor starts the notifier again")
    first, second = await city.mail("wang", "RED WARNING: 一号库", 2)
    assert not first.text.startswith("(SENT TWICE?)")
    assert second.text.startswith("(SENT TWICE?)")
    await city.mail("zhao", "RED WARNING: 一号库")

    async def recorded() -> bool:
        view = await city.client.send(ShowAlarm(alarm_id=alarm.alarm_id), AlarmView)
        return all(each.sent is not None for each in view.people)

    await until(recorded, "the record is whole")
    assert len(await city.mail("wang", "RED WARNING")) == 2
