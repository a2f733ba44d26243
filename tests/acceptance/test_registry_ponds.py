"""The letter's two ponds by the real command: their closures as the city wrote of them, overdue by the rule itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.local.running import RunningSystem
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.base import Command
from shared.contracts.commands import REPLIES
from shared.contracts.levels import SensorKind
from shared.contracts.mines import DocumentRef
from shared.contracts.monitor import PondStandings, ShowPondStanding
from shared.contracts.pondfiles import (
    ChangePondUse,
    ClosureStep,
    PondFacts,
    PondUse,
    RecordClosureStep,
    SetPondFacts,
    StepState,
)
from shared.contracts.registry import PondDescription, RegisterPond, RegisterSensor, SensorDescription
from shared.contracts.sensorcare import CalibrateSensor
from shared.problems import NotFound
from shared.settings import connection
from tests.acceptance.ponds import until

LEVEL = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
PONDS = ("registry", "ponds")
SENSORS = ("registry", "sensors")


class Office:
    """The command, and a client, against one running system."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self._home), "TAILWARDEN_LANGUAGE": language}
        command = [sys.executable, "-m", "tailwarden", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def send(self, *commands: Command) -> None:
        """Send what need not be typed."""

        async def each() -> None:
            nc = await connect(connection(self._home), name="tests")
            try:
                for command in commands:
                    await CommandClient(nc).send(command, REPLIES[type(command)])
            finally:
                await nc.close()

        asyncio.run(each())

    def wait_for_version(self, pond: str, version: int) -> None:
        """Wait until the monitor has heard of a pond up to *version*, and see that it is no further."""

        async def wait() -> None:
            nc = await connect(connection(self._home), name="tests")

            async def heard() -> int:
                try:
                    found = await CommandClient(nc).send(ShowPondStanding(pond_id=pond), PondStandings)
                except NotFound:
                    return 0
                return found.ponds[0].registry_version

            async def there() -> bool:
                return await heard() >= version

            try:
                await until(there)
                assert await heard() == version
            finally:
                await nc.close()

        asyncio.run(wait())


@pytest.fixture
def office(shared_system: RunningSystem) -> Office:
    return Office(shared_system.home)


def test_the_letters_two_ponds(office: Office) -> None:
    yihe = PondDescription(id="yihe", name="行唐县怡和矿业有限公司尾矿库", county="行唐县", grade=5)
    jianguo = PondDescription(id="jianguo", name="平山县建国矿业有限公司下口分公司尾矿库", county="平山县", grade=5)
    who: dict[str, Any] = {"by": "李工", "on": date(2023, 2, 13)}
    out = {"use": PondUse.OUT_OF_USE, "since": date(2019, 5, 1), "reason": "停产"}
    size = PondFacts(volume_10k_m3=150, dam_height_m=35, above_residents=True)
    office.send(
        RegisterPond(pond=yihe, by="李工"),
        RegisterPond(pond=jianguo, by="李工"),
        ChangePondUse(pond_id="jianguo", **out, **who),
        SetPondFacts(pond_id="jianguo", facts=size, **who),
    )
    on = ("--by", "李工", "--on", "2023-02-13")
    office.json(*PONDS, "use", "yihe", "out_of_use", "--since", "2019-05-01", "--reason", "停产", *on)
    office.json(*PONDS, "closure", "step", "jianguo", "closure_design", "commissioning", *on)
    office.send(
        *(
            RecordClosureStep(pond_id="yihe", step=step, state=StepState.DONE, **who)
            for step in (ClosureStep.STATUS_EVALUATION, ClosureStep.CLOSURE_DESIGN)
        )
    )
    early = office.run(*PONDS, "closure", "step", "yihe", "approval", "done", language="zh")
    assert early.returncode == 2
    assert "专家评审" in early.stderr
    review = ("expert_review", "done", "--outcome", "revise", "--opinion", "补充排洪核算", "--on", "2023-05-08")
    office.json(*PONDS, "closure", "step", "yihe", *review)
    under_way = {"step": ClosureStep.REVISION, "state": StepState.UNDER_WAY, "on": date(2023, 5, 9)}
    office.send(RecordClosureStep(pond_id="yihe", by="李工", **under_way))

    found = office.json(*PONDS, "list", "--overdue", "--as-of", "2023-06-01")["ponds"]
    known = {each["file"]["id"]: each for each in found if each["file"]["id"] in ("yihe", "jianguo")}
    assert [known[pond]["overdue_since"] for pond in ("yihe", "jianguo")] == ["2022-05-01"] * 2
    positions = {pond: each["file"]["closure"]["steps"][-1] for pond, each in known.items()}
    assert {pond: (each["step"], each["state"]) for pond, each in positions.items()} == {
        "jianguo": ("closure_design", "commissioning"),
        "yihe": ("revision", "under_way"),
    }
    shown = office.run(*PONDS, "show", "jianguo", language="zh").stdout
    for words in ("闭库设计：正在聘请承担单位", "登记 5 等，按库容坝高应为 4 等", "头顶库", "2022-05-01"):
        assert words in shown

    # The register says by itself what fell overdue; its look was woken by the change of use.
    subject = "tw.events.registry.pond.yihe.closure_overdue"
    told = office.run("events", "--subject", subject, "--from-start", "--count", "2")
    events = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    assert [(each["data"]["stage"], each["data"]["due_on"]) for each in events] == [
        (1, "2022-05-01"),
        (2, "2022-11-01"),
    ]
    assert {each["stream"] for each in events} == {"closure-yihe"}


def test_a_sensors_care_reaches_the_monitor_and_paperwork_does_not(office: Office) -> None:
    paper = DocumentRef(number="检 17")
    held = {"valid_from": date(2022, 1, 1), "valid_until": date(2022, 12, 31), "certificate": paper}
    office.send(
        RegisterPond(pond=PondDescription(id="cared", name="维护尾矿库"), by="李工"),
        RegisterSensor(pond_id="cared", sensor=LEVEL, by="李工"),
        SetPondFacts(pond_id="cared", facts=PondFacts(dam_height_m=20), by="李工"),
        CalibrateSensor(pond_id="cared", sensor_id="level-1", offset=0.01, **held, by="李工"),
    )
    window = ("--from", "2031-06-10T08:00", "--until", "2031-06-10T12:00", "--reason", "换电池")
    planned = office.json(*SENSORS, "maintenance", "cared", "level-1", *window)
    # Local time at the edge, UTC inside.
    assert planned["care"]["windows"][0]["begin"] == "2031-06-10T00:00:00Z"
    office.wait_for_version("cared", 3)
    assert "已过期（2022-12-31）" in office.run(*SENSORS, "list", "--pond", "cared", "--expired", language="zh").stdout
    wrong = office.run(*SENSORS, "maintenance", "cared", "level-1", "--from", "soon")
    assert (wrong.returncode, "'soon' is not a time" in wrong.stderr) == (2, True)
