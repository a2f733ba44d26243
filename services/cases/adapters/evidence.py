"""Evidence on the disk: a file named by the SHA-256 of its bytes, written whole or not at all, verified when read."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from shared.contracts.cases import EvidenceRef
from shared.postgres import Connection
from shared.problems import Fault, NotFound, Unavailable

__all__ = ["EvidenceFiles", "require_evidence"]

_FRESH = ".new-"
_STALE_S = 3600.0


class EvidenceFiles:
    """Files under *root*, each at ``<first two digits>/<the other 62>``.

    A process killed while it writes leaves at most a file ``.new-…``, which nobody reads and ``sweep`` removes. Bytes
    are on the disk before anything is recorded of them; bytes nothing is recorded of do no harm.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Return where the bytes of *digest* are kept."""
        return self.root / digest[:2] / digest[2:]

    async def put(self, content: bytes) -> str:
        """Keep *content* and return its SHA-256. A damaged copy of the same bytes is replaced.

        Raises
        ------
        Unavailable
            ``evidence.not_written``.
        """
        return await asyncio.to_thread(self._put, content)

    async def read(self, digest: str) -> bytes:
        """Return the bytes of *digest*.

        Raises
        ------
        Fault
            ``evidence.missing``; ``evidence.damaged`` when they no longer hash to their name.
        """
        return await asyncio.to_thread(self._read, digest)

    async def damage(self, digests: Iterable[str]) -> dict[str, Fault]:
        """Read each of *digests* and return, by digest, what is wrong with those that are missing or damaged."""
        found: dict[str, Fault] = {}
        for digest in dict.fromkeys(digests):
            try:
                await self.read(digest)
            except Fault as fault:
                found[digest] = fault
        return found

    async def sweep(self) -> None:
        """Remove what processes that were killed left half written, an hour ago or longer."""
        await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        for stale in self.root.glob(f"*/{_FRESH}*"):
            with suppress(OSError):
                if stale.stat().st_mtime < time.time() - _STALE_S:
                    stale.unlink()

    def _put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        path = self.path(digest)
        with suppress(Fault):
            self._read(digest)
            return digest
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(path, content)
        except OSError as error:
            raise Unavailable("evidence.not_written", reason=error.strerror or str(error)) from error
        return digest

    def _write(self, path: Path, content: bytes) -> None:
        descriptor, fresh = tempfile.mkstemp(prefix=f"{_FRESH}{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
        for folder in (path.parent, self.root):
            _sync(folder)

    def _read(self, digest: str) -> bytes:
        try:
            content = self.path(digest).read_bytes()
        except OSError as error:
            raise Fault("evidence.missing", sha256=digest) from error
        actual = sha256(content).hexdigest()
        if actual != digest:
            raise Fault("evidence.damaged", sha256=digest, actual=actual)
        return content


def _sync(folder: Path) -> None:
    """Make a directory's new names survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def require_evidence(conn: Connection, refs: Iterable[EvidenceRef]) -> None:
    """Refuse an act that refers to evidence which is not in the store.

    Raises
    ------
    NotFound
        ``evidence.unknown``, naming the first such hash.
    """
    wanted = list(dict.fromkeys(ref.sha256 for ref in refs))
    if not wanted:
        return
    cursor = await conn.execute("SELECT id FROM evidence_history WHERE id = ANY(%s) AND valid_to IS NULL", (wanted,))
    known = {row[0] for row in await cursor.fetchall()}
    for digest in wanted:
        if digest not in known:
            raise NotFound("evidence.unknown", field="evidence", sha256=digest)
