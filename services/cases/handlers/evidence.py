"""Evidence over the bus: take it in, show it, hand it out, verify it."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Collection
from pathlib import PurePath
from typing import Protocol

from services.cases.domain.evidence import Deposit, Facts
from services.cases.domain.media import media_type, says_nothing
from services.cases.workkinds import EVIDENCE
from shared.contracts.evidence import (
    AddEvidence,
    Damage,
    Evidence,
    EvidenceContent,
    EvidenceList,
    EvidenceView,
    GetEvidence,
    ListEvidence,
    ShowEvidence,
    VerifyEvidence,
    VerifyReport,
)
from shared.eventstore.aggregates import Aggregates
from shared.eventstore.history import find, page
from shared.names import has_controls
from shared.problems import BadInput, Fault, NotFound

__all__ = ["EvidenceDesk", "Files"]


class Files(Protocol):
    """Where bytes are kept."""

    async def put(self, content: bytes) -> str:
        """Keep *content* and return its SHA-256."""
        ...

    async def read(self, digest: str) -> bytes:
        """Return the bytes of *digest*; a ``Fault`` when they are missing or damaged."""
        ...


class EvidenceDesk:
    """Answers the commands about evidence.

    Parameters
    ----------
    records, files
        Where what is known of it, and its bytes, are kept.
    max_bytes
        Largest piece taken.
    kinds
        Kinds of file taken (``pdf``, ``jpg`` …).
    """

    def __init__(self, records: Aggregates, files: Files, max_bytes: int, kinds: Collection[str]) -> None:
        self._records, self._files, self._max, self._kinds = records, files, max_bytes, kinds

    async def add(self, command: AddEvidence) -> EvidenceView:
        """Put a file into the store: first the bytes, then the record.

        Raises
        ------
        BadInput
            ``evidence.not_base64``, ``evidence.empty``, ``evidence.unreadable_name``, ``evidence.too_large``,
            ``evidence.unknown_type``, ``evidence.name_differs``, ``evidence.received_on_future``.
        Unavailable
            ``evidence.not_written``.
        """
        name = PurePath(command.filename.replace("\\", "/")).name
        for field, given in (("filename", name), ("title", command.title)):
            if has_controls(given):
                raise BadInput("evidence.unreadable_name", field=field)
        content = await asyncio.to_thread(self._content, command.content, name)
        kind = media_type(content, name, self._kinds)
        digest = await self._files.put(content)
        told = command.model_dump(exclude={"content", "filename"})
        deposit = Deposit(**told, filename=name, facts=Facts(digest, len(content), kind))
        outcome = await self._records.ask(EVIDENCE, digest, deposit)
        return EvidenceView(evidence=outcome.state, version=outcome.version, changed=outcome.changed)

    def _content(self, encoded: str, name: str) -> bytes:
        about = len(encoded) * 3 // 4
        if about - 2 > self._max:  # told before it is decoded: padding hides at most two bytes
            raise BadInput("evidence.too_large", field="content", name=name, size=about, limit=self._max)
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadInput("evidence.not_base64", field="content") from error
        if says_nothing(content):
            raise BadInput("evidence.empty", field="content", name=name)
        if len(content) > self._max:
            raise BadInput("evidence.too_large", field="content", name=name, size=len(content), limit=self._max)
        return content

    async def show(self, command: ShowEvidence) -> EvidenceView:
        """Return what is known of a piece.

        Raises
        ------
        NotFound
            ``evidence.unknown``.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, EVIDENCE, command.sha256, command.as_of)
        if found is None:
            raise NotFound("evidence.unknown", field="sha256", sha256=command.sha256)
        return EvidenceView(evidence=found[0], version=found[1])

    async def get(self, command: GetEvidence) -> EvidenceContent:
        """Return a piece with its bytes.

        Raises
        ------
        NotFound
            ``evidence.unknown``.
        Fault
            ``evidence.missing``, ``evidence.damaged``.
        """
        known = await self.show(ShowEvidence(sha256=command.sha256))
        content = await self._files.read(command.sha256)
        encoded = await asyncio.to_thread(lambda: base64.b64encode(content).decode("ascii"))
        return EvidenceContent(evidence=known.evidence, content=encoded)

    async def list(self, command: ListEvidence) -> EvidenceList:
        """Return what is in the store, the latest first."""
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, EVIDENCE, {}, as_of=command.as_of, limit=command.limit, offset=command.offset,
                order=("-received", "id"),
            )  # fmt: skip
        return EvidenceList(total=found.total, evidence=found.records)

    async def verify(self, command: VerifyEvidence) -> VerifyReport:
        """Read pieces from the disk and say which are not what they were.

        Raises
        ------
        NotFound
            ``evidence.unknown``.
        """
        pieces, total = await self._pieces(command)
        damaged = []
        for piece in pieces:
            try:
                await self._files.read(piece.id)
            except Fault as fault:
                missing = fault.code == "evidence.missing"
                damaged.append(Damage(sha256=piece.id, title=piece.title, missing=missing))
        return VerifyReport(total=total, checked=len(pieces), damaged=tuple(damaged))

    async def _pieces(self, command: VerifyEvidence) -> tuple[tuple[Evidence, ...], int]:
        if command.sha256 is not None:
            return ((await self.show(ShowEvidence(sha256=command.sha256))).evidence,), 1
        async with self._records.pool.connection() as conn:
            found = await page(conn, EVIDENCE, {}, limit=command.limit, offset=command.offset)
        return found.records, found.total
