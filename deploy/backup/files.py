"""Files beside the database: evidence, what an operator wrote into the home, and secrets when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from deploy.backup.archive import ArchiveReader, ArchiveWriter
from deploy.backup.manifest import Evidence, HomeFile, Manifest
from services.cases.adapters.evidence import EvidenceFiles
from shared.problems import BadInput, Fault

__all__ = ["evidence_folder", "keep_evidence", "keep_home", "put_evidence_back", "put_home_back"]

_OPERATORS = {
    "channels.toml": "TAILWARDEN_CHANNELS_FILE",
    "routing.toml": "TAILWARDEN_ROUTING_FILE",
    "cards.toml": "TAILWARDEN_CARDS_FILE",
    "codes.toml": "TAILWARDEN_CODES_FILE",
}
"""Files by their name in the home, and the variable that names another place for each."""
_SECRETS = "secrets"


def evidence_folder(home: Path) -> Path:
    """Return where evidence is kept: ``TAILWARDEN_EVIDENCE``, else in the home."""
    given = os.environ.get("TAILWARDEN_EVIDENCE")
    return Path(given) if given else home / "evidence"


async def keep_evidence(archive: ArchiveWriter, folder: Path, digests: Iterable[str]) -> Evidence:
    """Copy the evidence that is on record. What is missing or damaged stops no backup: it is noted."""
    store = EvidenceFiles(folder)
    lost: dict[str, Literal["evidence.missing", "evidence.damaged"]] = {}
    files = size = 0
    for digest in digests:
        try:
            content = await store.read(digest)
        except Fault as fault:
            lost[digest] = "evidence.damaged" if fault.code == "evidence.damaged" else "evidence.missing"
            continue
        archive.add(f"evidence/{digest}", content)
        files += 1
        size += len(content)
    return Evidence(files=files, size=size, lost=lost)


async def put_evidence_back(archive: ArchiveReader, folder: Path) -> None:
    """Put the evidence where it is kept; what is there already stays.

    Raises
    ------
    Unavailable
        ``evidence.not_written``.
    """
    store = EvidenceFiles(folder)
    for part in archive.manifest.parts:
        kind, _, digest = part.name.partition("/")
        if kind == "evidence" and await store.put(archive.read(part.name)) != digest:
            raise BadInput("backup.damaged", path=str(archive.path), part=part.name)


def keep_home(archive: ArchiveWriter, home: Path, *, secrets: bool) -> tuple[HomeFile, ...]:
    """Copy what an operator wrote, and with *secrets* the passwords and keys.

    Raises
    ------
    BadInput
        ``backup.unreadable``.
    """
    kept: list[HomeFile] = []
    for name, variable in _OPERATORS.items():
        given = os.environ.get(variable)
        path = Path(given) if given else home / name
        if path.is_file():
            kept.append(HomeFile(part=archive.add(f"home/{name}", _content(path)), name=name))
    for path in sorted((home / _SECRETS).glob("*")) if secrets else ():
        if path.is_file() and not path.name.startswith("."):
            part = archive.add(f"home/{_SECRETS}/{path.name}", _content(path))
            kept.append(HomeFile(part=part, name=f"{_SECRETS}/{path.name}", secret=True))
    return tuple(kept)


def put_home_back(archive: ArchiveReader, home: Path) -> list[str]:
    """Write the files of the home; return the names of those that are there already, with other content: they stay.

    Such a file's copy from the archive is put beside it as ``<name>.restored``, unless it is a secret.
    """
    differ: list[str] = []
    for each in _safe(archive.manifest):
        path, content = home / each.name, archive.read(each.part)
        if path.exists():
            if path.read_bytes() == content:
                continue
            differ.append(each.name)
            if each.secret:
                continue
            path = path.with_name(f"{path.name}.restored")
        path.parent.mkdir(mode=0o700 if each.secret else 0o777, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600 if each.secret else 0o644)
        path.write_bytes(content)
    return differ


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput("backup.unreadable", path=str(path), reason=error.strerror or str(error)) from error


def _safe(manifest: Manifest) -> list[HomeFile]:
    """Return the files whose names are ones we write: an archive names no other place."""
    return [
        each
        for each in manifest.files
        if each.name in _OPERATORS
        or (each.secret and each.name.startswith(f"{_SECRETS}/") and Path(each.name).name not in ("", ".", "..")
            and len(Path(each.name).parts) == 2)
    ]  # fmt: skip
