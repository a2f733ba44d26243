"""The demonstration's script: what is sent is what was measured, and the engine makes of it what is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from deploy.demo.export import write_sites
from deploy.demo.instruments import nature, record
from deploy.demo.judge import Counts, Record, failures, latencies, percentiles
from deploy.demo.player import Report
from deploy.demo.scenario import Scenario, scenario, site
from deploy.demo.sending import Message, plan, slot_end
from deploy.demo.view import PondPicture, Scene, bar, in_words, line_of, render, screen
from services.monitor.decode import DecodeLimits, SensorEntry, decode
from services.monitor.replay import Replay
from shared.contracts.base import Event
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.levels import LevelName, SensorKind
from shared.contracts.monitor import (
    Cause,
    PondBlind,
    PondNoticed,
    PondRestored,
    TimelineChange,
    WarningCleared,
    WarningEased,
    WarningEscalated,
    WarningRaised,
    WarningVerified,
)
from shared.site import SeriesData, load_site, to_canonical
from shared.words import say

WHOLE = scenario()


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return plan(WHOLE)


class Directory:
    """The register as decoding sees it, from the demonstration's own site files."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], SensorEntry] = {}
        for script in WHOLE.pond:
            for item in site(script.id).sensors:
                factor, offset = to_canonical(item.sensor.kind, item.sensor.unit)
                key = (script.id, item.sensor.id)
                self.entries[key] = SensorEntry(len(self.entries), item.sensor.kind, factor, offset)

    def knows(self, pond: str) -> bool:
        return any(known == pond for known, _ in self.entries)

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        return self.entries.get((pond, sensor))


def test_the_same_seed_gives_the_same_bytes(messages: list[Message]) -> None:
    assert plan(WHOLE) == messages
    other = WHOLE.model_copy(update={"seed": WHOLE.seed + 1})
    assert plan(other) != messages


def test_every_reading_is_sent_once_and_then_perhaps_again(messages: list[Message]) -> None:
    sent: set[tuple[str, str, int, float]] = set()
    due = 0
    for message in messages:
        assert message.due_us >= due
        due = message.due_us
        keys = [(message.pond, r.sensor, r.time_us, r.value) for r in message.readings]
        assert len(set(keys)) == len(keys)
        assert all(r.time_us <= message.due_us for r in message.readings), "nobody sends what has not happened"
        assert message.duplicates in (0, len(keys))
        assert all((key in sent) == (message.duplicates > 0) for key in keys)
        sent.update(keys)
    measured = {
        (each.pond, each.sensor.id, int(time), float(value))
        for script in WHOLE.pond
        for each in record(script, WHOLE)
        for time, value in zip(each.times_us, each.values, strict=True)
    }
    assert sent == measured
    assert sum(message.duplicates for message in messages) > 100


def test_the_monitor_reads_what_was_meant_and_refuses_the_rest(messages: list[Message]) -> None:
    directory = Directory()
    now_us = max(message.due_us for message in messages)
    batch = [(message.subject, message.payload) for message in messages]
    decoded = decode(batch, directory, now_us, DecodeLimits())
    refused = {index for index, _ in decoded.refusals}
    assert refused == {index for index, message in enumerate(messages) if not message.readable}
    expected = [
        (directory.entries[message.pond, r.sensor].key, r.time_us, index)
        for index, message in enumerate(messages)
        for r in message.readings
    ]
    got = list(zip(decoded.sensor.tolist(), decoded.time_us.tolist(), decoded.origin.tolist(), strict=True))
    assert sorted(got) == sorted(expected)


def test_every_shape_is_used(messages: list[Message]) -> None:
    starts = {(message.payload[:2], message.subject.count(".")) for message in messages if message.readable}
    assert {(b'{"', 3), (b"[{", 2), (b'{"', 2), (b"[{", 3)} <= starts


def test_rain_gauges_lose_nothing_and_levels_follow_the_water() -> None:
    for script in WHOLE.pond:
        rain, water = nature(script, WHOLE)
        for each in record(script, WHOLE):
            if each.sensor.kind is SensorKind.RAIN:
                assert each.values.sum() == pytest.approx(rain.sum(), abs=0.2)
        assert abs(water.residual()) < 1e-3
    radar = next(each for each in record(WHOLE.pond[3], WHOLE) if each.sensor.kind is SensorKind.WATER_DISTANCE)
    _, water = nature(WHOLE.pond[3], WHOLE)
    seen = 97.5 - radar.values / 100
    begins = WHOLE.begins.timestamp() * 1e6
    truth = water.level[((radar.times_us - begins) // 300_000_000).astype(int)]
    assert np.abs(seen - truth).max() < 0.02


def replayed(whole: Scenario, pond: str) -> list[TimelineChange]:
    script = next(script for script in whole.pond if script.id == pond)
    replay = Replay(site(pond))
    for each in record(script, whole):
        replay.series[each.sensor.id] = SeriesData(each.times_us, each.values, 0)
    return list(replay.changes())


@pytest.mark.parametrize("pond", [script.id for script in WHOLE.pond])
def test_the_engine_says_what_is_written_down(pond: str) -> None:
    script = next(script for script in WHOLE.pond if script.id == pond)
    changes = replayed(WHOLE, pond)
    ups = [change for change in changes if change.event in ("raised", "escalated")]
    assert [change.level for change in ups] == [level for must in script.warning for level in must.levels]
    raised = [change.time for change in changes if change.event == "raised"]
    cleared = [change.time for change in changes if change.event == "cleared"]
    for must, begun, ended in zip(script.warning, raised, cleared, strict=True):
        assert must.raised[0] <= begun <= must.raised[1]
        assert must.cleared[0] <= ended <= must.cleared[1]
    noticed = {cause.sensor for change in changes if change.event == "notice" for cause in change.causes}
    assert set(script.notices) <= noticed


def test_written_site_files_are_ordinary_ones(tmp_path: Path) -> None:
    assert write_sites(tmp_path / "ponds") == len(WHOLE.pond)
    replay = Replay(load_site(tmp_path / "ponds" / "qingshi.toml"))
    replay.load()
    assert [change.time for change in replay.changes()] == [change.time for change in replayed(WHOLE, "qingshi")]


# --- judging ---------------------------------------------------------------------------------------------------------

CAUSE = Cause(sensor="level-1", rule="threshold", value=309.9, limit=309.8, level=LevelName.ORANGE, unit="m")


def cloud(event: Event, position: int) -> CloudEvent:
    return CloudEvent(
        id=UUID(int=position),
        source="/tailwarden/monitor",
        type=event.event_type,
        subject="x",
        time=WHOLE.begins,
        dataschema=f"urn:tailwarden:schema:{event.event_type}:1",
        data=event.model_dump(mode="json"),
        position=position,
        stream="x",
        streamversion=position,
        hash="",
    )


def as_written() -> Iterator[Event]:
    """Yield the events of a performance that goes as it must."""
    for script in WHOLE.pond:
        for number, must in enumerate(script.warning):
            about = {"warning_id": f"{script.id}-{number}", "pond_id": script.id, "at": WHOLE.ends}
            first, *rest = must.levels
            yield WarningRaised(**about, time=must.raised[0], level=first, verified=False, causes=(CAUSE,))
            yield WarningVerified(**about, time=must.raised[0], level=first, causes=(CAUSE,))
            for step, level in enumerate(rest, 1):
                when = must.raised[0] + timedelta(minutes=5 * step)
                yield WarningEscalated(**about, time=when, level=level, previous=first, verified=True, causes=(CAUSE,))
            if rest:
                yield WarningEased(**about, time=must.cleared[0], level=first, previous=rest[-1])
            yield WarningCleared(**about, time=must.cleared[0], previous=first)
        for _ in range(script.blind[1]):
            here = {"pond_id": script.id, "time": WHOLE.begins, "at": WHOLE.ends}
            yield PondBlind(**here, causes=(), flood_season=True)
            yield PondRestored(**here)
        for sensor in script.notices:
            cause = CAUSE.model_copy(update={"sensor": sensor})
            yield PondNoticed(pond_id=script.id, time=WHOLE.begins, at=WHOLE.ends, causes=(cause,))


def heard(events: list[Event]) -> Record:
    record = Record()
    for position, event in enumerate(events, 1):
        record.hear(cloud(event, position), 100.0 + position)
    return record


GOOD = Counts(1000, 100, 5, 900, 5)


def test_a_performance_as_written_is_well() -> None:
    record = heard(list(as_written()))
    assert failures(WHOLE, record, GOOD, "en") == []
    report = Report(GOOD, record, percentiles([0.02]), []).as_json()
    assert report["ok"] is True
    assert {(each["pond"], each["level"]) for each in report["warnings"]} == {
        ("qingshi", "red"),
        ("longwan", "blue"),
        ("shuanglong", "yellow"),
    }
    assert all(datetime.fromisoformat(each["raised"]).tzinfo is not None for each in report["warnings"])


def pond_of(event: Event) -> str:
    return str(getattr(event, "pond_id", ""))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("change", "pond"),
    [
        (lambda events: [e for e in events if not isinstance(e, WarningCleared) or pond_of(e) != "longwan"], "longwan"),
        (lambda events: [e for e in events if not isinstance(e, WarningEscalated)], "qingshi"),
        (lambda events: [e for e in events if pond_of(e) != "shuanglong"], "shuanglong"),
        (lambda events: [e for e in events if not isinstance(e, PondBlind)], "heshan"),
        (lambda events: [e for e in events if not isinstance(e, PondRestored)], "heshan"),
        (lambda events: [e for e in events if not isinstance(e, PondNoticed)], "level-1"),
        (lambda events: [*events, events[0].model_copy(update={"warning_id": "z", "pond_id": "baiyang"})], "baiyang"),
        (lambda events: [*events, events[0].model_copy(update={"warning_id": "z", "pond_id": "other"})], "other"),
        (
            lambda events: [
                e.model_copy(update={"time": WHOLE.begins}) if isinstance(e, WarningRaised) else e for e in events
            ],
            "longwan",
        ),
    ],
)
def test_whatever_differs_is_told(change: object, pond: str, language: str) -> None:
    assert callable(change)
    told = failures(WHOLE, heard(change(list(as_written()))), GOOD, language)
    assert any(pond in sentence for sentence in told)
    assert not any("{" in sentence or "demo." in sentence for sentence in told)


@pytest.mark.parametrize(
    "counts", [Counts(1000, 100, 5, 899, 5), Counts(1000, 100, 5, 901, 5), Counts(1000, 100, 5, 900, 4)]
)
def test_a_reading_lost_or_doubled_is_told(counts: Counts) -> None:
    assert len(failures(WHOLE, heard(list(as_written())), counts, "en")) == 1


def test_latency_counts_from_the_first_reading_of_the_cause() -> None:
    record = heard([next(as_written())])
    slot = record.arrivals[0].slot_us
    pond = record.arrivals[0].pond
    sent = {(pond, "level-1", slot): 100.95, (pond, "rain-1", slot): 100.99, (pond, "level-1", slot - 300_000_000): 1.0}
    assert latencies(record, sent) == [pytest.approx(0.05)]
    assert latencies(record, {}) == []
    assert percentiles([]) == {"p50": None, "p99": None}


def test_a_superseded_step_is_no_latency() -> None:
    event = next(as_written()).model_copy(update={"superseded": True})
    assert heard([event]).arrivals == []


def test_an_unknown_event_is_passed_over() -> None:
    record = Record()
    strange = cloud(next(as_written()), 7).model_copy(update={"type": "monitor.warning.sung"})
    assert record.hear(strange, 1.0) is None
    assert record.position == 7


def test_slots_are_closed_on_the_right() -> None:
    assert [slot_end(time) for time in (1, 300_000_000, 300_000_001)] == [300_000_000, 300_000_000, 600_000_000]


# --- the view --------------------------------------------------------------------------------------------------------


def scene() -> Scene:
    ponds = [
        PondPicture(script.id, site(script.id).pond.name, {LevelName.BLUE: 309.0, LevelName.RED: 310.2})
        for script in WHOLE.pond
    ]
    ponds[1].level, ponds[1].rain_1h, ponds[1].rain_3h = 309.55, 12.0, 40.2
    return Scene(ponds, WHOLE.begins, WHOLE.ends, "Asia/Shanghai", 1800, WHOLE.begins + timedelta(hours=20))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("红色", "发布预警", "失去监测", "水位", "309.55")),
        ("en", ("red", "raised", "blind", "Level", "12.0 / 40.2")),
    ],
)
@pytest.mark.parametrize("width", [80, 140])
def test_the_view_shows_ponds_and_events(language: str, words: tuple[str, ...], width: int) -> None:
    shown = scene()
    for position, event in enumerate(as_written(), 1):
        if isinstance(event, WarningEased | WarningCleared | PondRestored):
            continue
        shown.record.hear(cloud(event, position), 1.0)
        line = line_of(event, language)
        if line is not None:
            shown.add(line)
    console = Console(width=width, record=True, file=StringIO())
    console.print(render(shown, language, log_lines=30))
    text = console.export_text()
    assert all(word in text for word in words), text
    assert "…" not in text
    spaceless = Counter("".join(text.split()))
    said = [pond.name for pond in shown.ponds]
    said += [say(f"demo.{name}", language) for name in ("pond", "level", "limits", "rain", "state")]
    said += [line.detail + line.word for line in shown.lines]
    assert Counter("".join("".join(said).split())) - spaceless == Counter(), text
    assert "[mm]" in text
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "青石沟" in in_words(shown.lines[0], shown, language)


@pytest.mark.parametrize("size", [(80, 24), (80, 30), (130, 40)])
def test_the_screen_fits_the_terminal_and_the_newest_line_is_on_it(size: tuple[int, int]) -> None:
    """Rich would crop what is too high, and say so with three dots."""
    shown = scene()
    for event in as_written():
        if (line := line_of(event, "en")) is not None:
            shown.add(line)
    console = Console(width=size[0], height=size[1], record=True, file=StringIO())
    console.print(screen(shown, "en", console))
    text = console.export_text()
    assert len(text.splitlines()) <= size[1]
    assert shown.lines[-1].word in text


def test_an_empty_view_renders() -> None:
    console = Console(width=100, record=True, file=StringIO())
    console.print(render(scene(), "en"))
    assert "nothing yet" in console.export_text()


def test_the_bar_reaches_as_far_as_the_water() -> None:
    picture = PondPicture("a", "a", {LevelName.BLUE: 1.0, LevelName.RED: 2.0})
    filled = []
    for level in (None, -5.0, 1.0, 1.5, 2.0, 9.0):
        picture.level = level
        text = bar(picture).plain
        assert len(text) == 30
        filled.append(sum(letter in "━┃" for letter in text))
    assert filled == sorted(filled)
    assert filled[0] == 0
    assert filled[-1] == 30
    assert bar(PondPicture("a", "a", {})).plain == ""
