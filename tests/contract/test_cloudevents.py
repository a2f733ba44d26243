"""The envelope: nothing is lost on the way, strangers' fields are ignored, and what does not fit is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ValidationError

from shared.contracts.base import Command, Event
from shared.contracts.cloudevents import EVENT_TYPES, envelope, event_of, read_cloud_event, subject_of
from shared.contracts.commands import REPLIES
from shared.contracts.levels import LevelName
from shared.contracts.monitor import MONITOR_COMMANDS, Cause, CloseWarning, WarningRaised
from shared.contracts.reading import bad_input_of, read_model
from shared.contracts.registry import REGISTRY_COMMANDS, RegisterSensor
from shared.problems import BadInput
from shared.words import LANGUAGES, catalogue

NOW = datetime(2026, 7, 22, 3, 5, tzinfo=UTC)
RAISED = WarningRaised(
    warning_id="w-1", pond_id="xiakou", at=NOW, time=NOW, level=LevelName.ORANGE, verified=True,
    causes=(Cause(sensor="level-1", rule="threshold", value=310.7, limit=310.6, document="3号", detail={"n": 3}),),
)  # fmt: skip


def stored(event: Event = RAISED, **changes):
    facts = {
        "position": 7, "id": UUID(int=5), "stream": "pond-xiakou", "version": 3, "event": event,
        "type": event.event_type,
        "schema_version": 1, "aggregate_id": "w-1", "metadata": {}, "recorded_at": NOW, "hash": b"\xab" * 32,
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changes})


def test_round_trip():
    cloud = read_cloud_event(envelope("monitor", stored()))
    assert event_of(cloud) == RAISED
    assert (cloud.id, cloud.position, cloud.stream, cloud.streamversion) == (UUID(int=5), 7, "pond-xiakou", 3)
    assert (cloud.service, cloud.schema_version, cloud.hash, cloud.time) == ("monitor", 1, "ab" * 32, NOW)


def test_the_wire_is_cloudevents_1_0():
    wire = json.loads(envelope("monitor", stored()))
    assert {
        key: wire[key] for key in ("specversion", "source", "type", "subject", "datacontenttype", "dataschema")
    } == {
        "specversion": "1.0",
        "source": "/tailwarden/monitor",
        "type": "monitor.warning.raised",
        "subject": "w-1",
        "datacontenttype": "application/json",
        "dataschema": "urn:tailwarden:schema:monitor.warning.raised:1",
    }
    assert all(key.isalnum() and key.islower() for key in wire)  # attribute names, CloudEvents 1.0 §3.1
    assert datetime.fromisoformat(wire["time"]) == NOW


def test_events_ignore_unknown_fields_at_every_depth():
    wire = json.loads(envelope("monitor", stored()))
    wire["traceparent"] = "00-…"
    wire["data"]["mood"] = "calm"
    wire["data"]["causes"][0]["colour"] = "blue"
    assert event_of(read_cloud_event(json.dumps(wire).encode())) == RAISED


def test_unknown_type_is_none_and_a_newer_schema_is_still_read():
    wire = json.loads(envelope("monitor", stored()))
    assert event_of(read_cloud_event(json.dumps({**wire, "type": "weather.front.passed"}).encode())) is None
    newer = read_cloud_event(
        json.dumps({**wire, "dataschema": "urn:tailwarden:schema:monitor.warning.raised:12"}).encode()
    )
    assert (newer.schema_version, event_of(newer)) == (12, RAISED)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"specversion": "0.3"}, "specversion", "input.choice"),
        ({"time": "2026-07-22T03:05:00"}, "time", "input.no_offset"),
        ({"position": 0}, "position", "input.too_low"),
        ({"id": "x"}, "id", "input.not_uuid"),
        ({"source": "/elsewhere"}, "source", "input.pattern"),
    ],
)
def test_a_wrong_attribute_is_named(change, field, code):
    wire = {**json.loads(envelope("monitor", stored())), **change}
    with pytest.raises(BadInput) as caught:
        read_cloud_event(json.dumps(wire).encode())
    assert (caught.value.field, caught.value.code) == (field, code)


def test_wrong_data_are_named_within_the_envelope():
    wire = json.loads(envelope("monitor", stored()))
    wire["data"]["causes"][0]["value"] = "three"
    with pytest.raises(BadInput) as caught:
        event_of(read_cloud_event(json.dumps(wire).encode()))
    assert caught.value.field == "data.causes[0].value"


def test_subject():
    assert subject_of("monitor.pond.timeline_corrected", "xiakou") == "tw.events.monitor.pond.xiakou.timeline_corrected"


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=str)
def test_every_event_type_is_a_subject_and_frozen(event):
    assert event.event_type.count(".") == 2
    assert event.model_config["frozen"] is True
    assert event.model_config["extra"] == "ignore"


@pytest.mark.parametrize("command", [*REGISTRY_COMMANDS, *MONITOR_COMMANDS], ids=str)
def test_every_command_refuses_unknown_fields_and_has_a_reply(command: type[Command]):
    assert issubclass(REPLIES[command], BaseModel)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        command.model_validate({"colour": "blue"})


def test_a_refused_command_says_the_field_in_both_languages():
    with pytest.raises(BadInput) as caught:
        read_model(CloseWarning, b'{"warning_id": "w", "by": "", "evidence": "x", "mood": 1}')
    assert (caught.value.field, caught.value.params["more"]) == ("by", 1)
    assert caught.value.words("en") == "by is too short: at least 1 characters"
    assert caught.value.words("zh") == "by 太短，至少 1 个字符"


def test_a_validators_own_sentence_is_kept():
    sensor = {"id": "level-1", "kind": "water_distance", "unit": "m", "expected_interval_s": 300}
    with pytest.raises(BadInput) as caught:
        read_model(RegisterSensor, json.dumps({"pond_id": "p", "sensor": sensor, "by": "x"}).encode())
    assert caught.value.field == "sensor"
    assert "zero_level" in str(caught.value)


def test_long_values_are_not_repeated_whole():
    with pytest.raises(ValidationError) as caught:
        CloseWarning.model_validate({"warning_id": "w", "by": "x", "evidence": ["泥" * 10_000]})
    assert len(str(bad_input_of(caught.value))) < 200


def test_every_reason_has_words():
    from shared.contracts import reading

    for code in {*reading._REASONS.values(), *(code for _, code in reading._KIND_PREFIXES), "input.invalid"}:
        assert set(catalogue()[code]) == set(LANGUAGES)


def test_ids_are_what_the_store_gave():
    one = uuid4()
    assert read_cloud_event(envelope("registry", stored(id=one))).id == one
