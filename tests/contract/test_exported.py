"""The files that readers build against say what the code says, and no change in them breaks a reader."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from shared.contracts import export
from shared.contracts.asyncapi import asyncapi
from shared.contracts.cloudevents import EVENT_TYPES
from shared.contracts.commands import REPLIES
from shared.problems import Conflict


def test_checked_in_files_equal_the_code_and_break_nobody():
    findings = export.check()
    assert [f"{name}: {difference}" for name, difference in findings.broken] == []
    assert findings.stale == ()


def test_every_schema_is_a_schema():
    for schema in export.schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_event_and_command_has_its_file():
    names = set(export.schemas())
    assert {f"{event.event_type}.v{event.schema_version}.json" for event in EVENT_TYPES.values()} <= names
    assert {f"commands/{command.command_name}.json" for command in REPLIES} <= names


@pytest.fixture
def files(tmp_path):
    directory, document = tmp_path / "schemas", tmp_path / "asyncapi.json"
    export.export(directory, document)
    return directory, document


def test_a_breaking_change_is_refused_and_writes_nothing(files):
    directory, document = files
    path = directory / "monitor.warning.raised.v1.json"
    published = json.loads(path.read_text())
    published["properties"]["severity"] = {"type": "string"}  # readers rely on a field the code no longer has
    path.write_text(json.dumps(published))
    (directory / "commands/registry.show_pond.json").unlink()
    with pytest.raises(Conflict) as caught:
        export.export(directory, document)
    assert "severity" in str(caught.value)
    assert json.loads(path.read_text()) == published
    assert not (directory / "commands/registry.show_pond.json").exists()
    assert set(export.export(directory, document, force=True)) == {
        "schemas/monitor.warning.raised.v1.json",
        "schemas/commands/registry.show_pond.json",
    }
    assert export.check(directory, document) == export.Findings((), ())


def test_a_harmless_change_is_written_and_old_versions_stay(files):
    directory, document = files
    path = directory / "monitor.warning.closed.v1.json"
    published = json.loads(path.read_text())
    published["description"] = "other words"
    path.write_text(json.dumps(published))
    (directory / "monitor.warning.closed.v0.json").write_text("{}")  # an earlier version of an event still published
    (directory / "monitor.warning.vanished.v1.json").write_text("{}")
    assert export.export(directory, document) == [
        "schemas/monitor.warning.closed.v1.json",
        "schemas/monitor.warning.vanished.v1.json",
    ]
    assert (directory / "monitor.warning.closed.v0.json").exists()
    assert not (directory / "monitor.warning.vanished.v1.json").exists()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi()


def test_same_every_time(document):
    assert json.dumps(asyncapi()) == json.dumps(document)


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        node: Any = document
        for part in reference.split("/"):
            node = node[part]


def test_it_lists_events_commands_with_replies_and_telemetry(document):
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    for event_type in EVENT_TYPES:
        service, aggregate, name = event_type.split(".")
        assert f"tw.events.{service}.{aggregate}.{{id}}.{name}" in addresses
    for command in REPLIES:
        assert f"tw.commands.{command.command_name}" in addresses
    for address in ("tw.telemetry.{pond}.{sensor}", "tw.telemetry.{pond}"):
        assert {address, address.replace(".", "/")} <= addresses
    asked = [o for o in document["operations"].values() if "/RegistryRegisterPond" in o["channel"]["$ref"]]
    assert [o["action"] for o in asked] == ["receive"]
    assert asked[0]["reply"]["messages"]
    sent = [o for o in document["operations"].values() if o["action"] == "send"]
    assert len(sent) == len(EVENT_TYPES)


def test_parameters_are_declared(document):
    for channel in document["channels"].values():
        names = set(re.findall(r"{(\w+)}", channel["address"] or ""))
        assert set(channel.get("parameters", {})) == names


def test_a_real_event_fits_its_documented_schema(document):
    from shared.contracts.cloudevents import envelope
    from tests.contract.test_cloudevents import stored

    schema = {"$ref": "#/components/schemas/MonitorWarningRaised", "components": document["components"]}
    jsonschema.validate(json.loads(envelope("monitor", stored())), schema)
