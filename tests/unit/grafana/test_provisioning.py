"""The files Grafana reads at its start: they and `sync` mean the same things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deploy.grafana.board.emit import BOARDS, FOLDER, dashboards
from deploy.grafana.sync.things import FOLDER_TITLE, FOLDER_UID, datasource
from shared.words import LANGUAGES

PROVISIONING = FOLDER.parent / "provisioning"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROVISIONING / name).read_text("utf-8"))
    assert found["apiVersion"] == 1
    return found


def test_the_data_source_is_the_one_that_sync_makes() -> None:
    [provisioned] = read("datasources/tailwarden.yaml")["datasources"]
    wanted = datasource("postgresql://tailwarden_reader:x@timescaledb:5432/tailwarden")
    assert provisioned.pop("editable") is False
    assert provisioned.pop("secureJsonData") == {"password": "$__file{/run/secrets/postgres_reader}"}
    assert wanted.pop("secureJsonData") == {"password": "x"}
    assert provisioned == wanted


def test_every_dashboard_is_read_into_the_same_folder() -> None:
    providers = read("dashboards/tailwarden.yaml")["providers"]
    assert len({each["name"] for each in providers}) == len(providers)
    for language, provider in zip(LANGUAGES, providers, strict=True):
        assert (provider["folderUid"], provider["folder"]) == (FOLDER_UID, FOLDER_TITLE)
        assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
        path = Path(provider["options"]["path"])
        assert path.parent == Path("/etc/grafana/dashboards")
        assert {each.stem for each in (FOLDER / path.name).glob("*.json")} == {board.name for board in BOARDS}
        assert len(dashboards(language)) == len(BOARDS)
