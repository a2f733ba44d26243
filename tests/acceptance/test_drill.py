"""An exercise by the real commands: started, told as EXERCISE, answered, scored, stopped; and nothing of it left."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import sql

from deploy.local.running import RunningSystem
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.drills import DrillView, ShowDrill, StartDrill
from shared.contracts.ledger import ListPonds, PondList
from shared.contracts.levels import LevelName
from shared.contracts.monitor import ListWarnings, WarningList
from shared.contracts.notifier import ActOnCard, AlarmView, AnswerAlarm
from shared.contracts.people import Channel, DutyKind, PersonDescription, Place, PlaceKind
from shared.contracts.peopleacts import AssignDuty, RegisterPerson, SetContact
from shared.contracts.peopleviews import GridView, PersonView
from shared.problems import Conflict
from tests.acceptance.ponds import until

SITE = Path(__file__).parents[2] / "deploy" / "demo" / "sites" / "heshan.toml"
BY = "演练办"


class Office:
    """The command, a client and the mailboxes of one running system, with a pond of its own."""

    def __init__(self, system: RunningSystem, client: CommandClient, pond: str) -> None:
        self.home, self.client, self.pond = system.home, client, pond
        self.owner = system.connection.database("owner")

    async def run(self, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self.home), "TAILWARDEN_LANGUAGE": language}
        command = [sys.executable, "-m", "tailwarden", *arguments]
        return await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60, check=False
        )

    async def said(self, *arguments: str, language: str = "en") -> str:
        done = await self.run(*arguments, language=language)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.said(*arguments, "--json"))

    async def person(self, person: str, name: str, duty: DutyKind) -> None:
        await self.client.send(RegisterPerson(person=PersonDescription(id=person, name=name), by=BY), PersonView)
        contact = SetContact(person_id=person, channel=Channel.MAIL, address=f"{person}@mail.example", by=BY)
        await self.client.send(contact, PersonView)
        place = Place(kind=PlaceKind.POND, id=self.pond)
        await self.client.send(AssignDuty(place=place, duty=duty, person_id=person, by=BY), GridView)

    def mails(self, person: str) -> list[tuple[str, str]]:
        """Return (subject, text) of what came to somebody, in order."""
        found = sorted((self.home / "mailbox" / person).glob("*.eml"))
        mails = [message_from_bytes(path.read_bytes(), policy=default) for path in found]
        return [(str(mail["Subject"]), str(mail.get_content())) for mail in mails]

    async def mail(self, person: str, words: str) -> tuple[str, str]:
        """Wait for a mail to somebody with *words* in it."""

        async def came() -> bool:
            return any(words in subject + text for subject, text in self.mails(person))

        await until(came, 30, f"{words!r} to {person}: {self.mails(person)}")
        return next(each for each in self.mails(person) if words in each[0] + each[1])


@pytest.fixture
async def office(shared_system: RunningSystem, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    pond = f"he-{str(request.node.name).rsplit('_', 1)[-1]}"
    nc = await connect(shared_system.connection, name="drill-test")
    try:
        made = Office(shared_system, CommandClient(nc, timeout=20.0), pond)
        site = tmp_path / f"{pond}.toml"
        site.write_text(SITE.read_text("utf-8").replace('id = "heshan"', f'id = "{pond}"'), "utf-8")
        await made.said("import", str(site), "--by", BY)
        await made.person(f"{pond}-wang", "王五", DutyKind.ENTERPRISE)
        yield made
    finally:
        await nc.close()


async def test_played_answered_scored_and_stopped(office: Office) -> None:
    wang = f"{office.pond}-wang"
    begun = await office.json("drill", "start", office.pond, "--storm", "orange", "--by", BY)
    drill = begun["drill_id"]
    subject, text = await office.mail(wang, "鹤山尾矿库")
    assert "演练" in subject
    assert "橙色" in subject
    assert "没有真实险情" in text
    view = await office.client.send(ShowDrill(drill_id=drill), DrillView)
    assert view.alarm_id is not None
    assert (view.level, view.never_answered) == (LevelName.ORANGE, ("王五",))
    await office.client.send(AnswerAlarm(alarm_id=view.alarm_id, person_id=wang, answer="on_site"), AlarmView)
    step = view.steps[0].step_id
    await office.client.send(ActOnCard(alarm_id=view.alarm_id, person_id=wang, step_id=step), AlarmView)
    again = await office.run("drill", "start", office.pond, "--by", BY, language="zh")
    assert (again.returncode, drill in again.stderr, "正在进行" in again.stderr) == (2, True, True)
    # Real lists know nothing of it.
    assert drill not in await office.said("warnings", "list", "--json")
    assert drill not in await office.said("alarms", "list")
    assert drill in await office.said("alarms", "list", "--exercises", "--json")

    stopped = await office.json("drill", "stop", drill, "--by", "孙主任")
    assert (stopped["why"], stopped["ended_by"], stopped["never_answered"]) == ("stopped", "孙主任", [])
    [score] = stopped["scores"]
    assert (score["name"], score["answer"], score["steps_done"]) == ("王五", "on_site", 1)
    assert 0 <= score["seconds_to_answer"] < 30
    assert "演练结束" in (await office.mail(wang, "演练到此结束"))[0]

    async def tidied() -> bool:
        return (await office.client.send(ShowDrill(drill_id=drill), DrillView)).tidied is not None

    await until(tidied, 20, "the exercise is cleared away")
    query = ListWarnings(pond_id=view.shadow_id, include_closed=True)
    [warning] = (await office.client.send(query, WarningList)).warnings
    assert (warning.closed_by, drill in str(warning.evidence)) == ("孙主任", True)
    mails = len(office.mails(wang))
    sheet = await office.said("drill", "show", drill)
    assert "stopped by 孙主任" in sheet
    assert "Everybody who was told has answered" in sheet
    assert "成绩单" in await office.said("drill", "show", drill, language="zh")
    assert (await office.json("drill", "stop", drill, "--by", "another"))["ended_by"] == "孙主任"
    assert len(office.mails(wang)) == mails
    assert all("演练" in subject for subject, _ in office.mails(wang))
    ponds = (await office.client.send(ListPonds(limit=500), PondList)).ponds
    assert office.pond in {each.pond.id for each in ponds}
    assert drill not in {each.pond.id for each in ponds}
    with psycopg.connect(office.owner) as owner:
        for view, column in (("registered_pond", "id"), ("registered_sensor", "pond_id"), ("warning", "pond_id")):
            shown = sql.SQL("SELECT {} FROM dashboard.{}").format(sql.Identifier(column), sql.Identifier(view))
            assert (drill,) not in owner.execute(shown).fetchall(), view
        assert owner.execute("SELECT 1 FROM monitor.warning WHERE pond_id = %s", (drill,)).fetchall() == [(1,)]
        assert owner.execute("SELECT 1 FROM cases.known_subject WHERE id = %s", (drill,)).fetchall() == []


async def test_a_real_warning_goes_before_an_exercise_at_once(office: Office) -> None:
    wang = f"{office.pond}-wang"
    begun = await office.client.send(StartDrill(pond_id=office.pond, by=BY), DrillView)
    subject, text = await office.mail(wang, "鹤山尾矿库")
    # The storm is the text's: one level over the red limit, told in time, and no other rule in it.
    assert subject.startswith("【演练】红色预警")
    assert [line.count("红色限值") for line in text.splitlines() if line.startswith("· ")] == [1]
    now = datetime.now(UTC).isoformat()
    # A radar 97.5 m up that sees the water 200 cm below: far over every limit.
    reading = {"sensors": ["radar-1"], "times": [now], "values": [200.0]}
    await office.client._nc.jetstream().publish(f"tw.telemetry.{office.pond}", orjson.dumps(reading))
    over, said = await office.mail(wang, "演练中止")
    assert "真实预警" in over + said

    async def real() -> bool:
        return any("演练" not in subject and "红色" in subject for subject, _ in office.mails(wang))

    await until(real, 20, f"the real warning: {office.mails(wang)}")
    view = await office.client.send(ShowDrill(drill_id=begun.drill_id), DrillView)
    assert (view.why, view.never_answered) == ("overtaken", ("王五",))
    with pytest.raises(Conflict, match="a real warning is open") as refusal:
        await office.client.send(StartDrill(pond_id=office.pond, by=BY), DrillView)
    assert "未销的真实预警" in refusal.value.words("zh")
