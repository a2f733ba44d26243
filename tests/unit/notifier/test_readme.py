"""The examples in the notifier's README are ones it takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from services.notifier.adapters.channelfile import read_channels
from services.notifier.domain.stages import STAGES
from services.notifier.settings import load_rules
from services.notifier.wording.steps import ROLES
from shared.contracts.levels import LevelName
from shared.contracts.notifier import NOTIFIER_EVENTS, CardStep

README = (Path(__file__).parents[3] / "services" / "notifier" / "README.md").read_text("utf-8")
ROUTING, CARD, CHANNELS = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


def test_the_routing_example(tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    path.write_text(ROUTING, "utf-8")
    rules = load_rules(path)
    assert rules.settings.of(LevelName.RED).escalate_s == 120
    assert [rank.who[0].of for rank in rules.routing.ranks(LevelName.RED, 1)] == ["city"]
    assert len(rules.routing.ranks(LevelName.RED, 3)) == 2


def test_the_card_example() -> None:
    (step,) = tomllib.loads(CARD)["card"]["red"]
    assert CardStep.model_validate(step).role in ROLES


def test_the_channels_example(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mail").write_text("word\n", "utf-8")
    path = tmp_path / "channels.toml"
    path.write_text(CHANNELS, "utf-8")
    names = set(re.findall(r'env = "(\w+)"', CHANNELS))
    channels = read_channels(path, dict.fromkeys(names, "word"))
    assert {"mail", "sms", "wecom", "demo"} <= {channel.name for channel in channels}


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_told_of(stage: object) -> None:
    assert f"| {getattr(stage, '__name__', '')} |" in README


def test_every_event_of_an_alarm_is_told_of() -> None:
    for kind in NOTIFIER_EVENTS:
        _, aggregate, said = kind.event_type.split(".")
        if aggregate == "alarm":
            assert re.search(rf"`(notifier\.alarm\.)?{said}`", README), kind
