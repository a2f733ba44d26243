"""The archive: a tar file, readable by its owner only, that is there whole or not at all.

Long contents are split into gzip parts of some 32 MB, so that neither side needs room for more than one of them,
and damage has a place. The manifest comes last, so an archive whose end is missing has none.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.backup.manifest import FORMAT, Manifest, Part, Series
from shared.problems import BadInput, Conflict, Unavailable

__all__ = ["ArchiveReader", "ArchiveWriter", "SeriesWriter"]

MANIFEST, MANIFEST_SUM = "manifest.json", "manifest.sha256"
_PART_BYTES = 32 << 20
_READ_BYTES = 1 << 20
_GZIP = zlib.MAX_WBITS + 16
_LEVEL = 3
"""Text of readings shrinks to a fifth; higher levels take twice the time for a tenth less."""


class ArchiveWriter:
    """Writes *path* by way of ``<path>.partial``; a context manager that leaves nothing of a backup that failed.

    Raises
    ------
    Conflict
        ``backup.exists``.
    Unavailable
        ``backup.not_written``, from any of its methods: no space, most often.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._parts: list[Part] = []
        self._whole = False
        if path.exists():
            raise Conflict("backup.exists", path=str(path))
        try:
            self._partial.unlink(missing_ok=True)  # of a backup that was killed
            self._file = os.fdopen(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as error:
            raise self._not_written(error) from error
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not self._whole:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def add(self, name: str, content: bytes) -> str:
        """Add a member and return its name."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(content), 0o600, int(time.time())
        try:
            self._tar.addfile(info, io.BytesIO(content))
        except OSError as error:
            raise self._not_written(error) from error
        self._parts.append(Part(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest()))
        return name

    def series(self, name: str) -> SeriesWriter:
        """Return a writer of the parts ``<name>/00000.gz`` and so on."""
        return SeriesWriter(self, name)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What was added."""
        return tuple(self._parts)

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest; then the archive is there, on the disk."""
        text = manifest.model_dump_json(indent=1).encode()
        self.add(MANIFEST, text)
        self.add(MANIFEST_SUM, hashlib.sha256(text).hexdigest().encode() + b"\n")
        try:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.rename(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._not_written(error) from error
        self._whole = True

    def _not_written(self, error: OSError) -> Unavailable:
        return Unavailable("backup.not_written", path=str(self.path), reason=error.strerror or str(error))


class SeriesWriter:
    """Takes bytes of any length and adds them to the archive in compressed parts."""

    def __init__(self, archive: ArchiveWriter, name: str) -> None:
        self._archive, self._name = archive, name
        self._names: list[str] = []
        self._digest = hashlib.sha256()
        self._size = self._lines = 0
        self._compressor, self._packed, self._length = _compressor(), list[bytes](), 0

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; each line ends with a newline, and parts may end anywhere."""
        plain = bytes(content)
        self._digest.update(plain)
        self._size += len(plain)
        self._lines += plain.count(b"\n")
        packed = self._compressor.compress(plain)
        self._packed.append(packed)
        self._length += len(packed)
        if self._length >= _PART_BYTES:
            self._flush()

    def close(self) -> Series:
        """Add what is left and return what all of it was."""
        if self._packed:
            self._flush()
        return Series(parts=tuple(self._names), size=self._size, sha256=self._digest.hexdigest(), lines=self._lines)

    def _flush(self) -> None:
        content = b"".join((*self._packed, self._compressor.flush()))
        self._names.append(self._archive.add(f"{self._name}/{len(self._names):05}.gz", content))
        self._compressor, self._packed, self._length = _compressor(), [], 0


class ArchiveReader:
    """Reads an archive; a context manager. Opening it reads its manifest, ``verify`` all of it.

    Raises
    ------
    BadInput
        ``backup.unreadable``, ``backup.no_archive``, ``backup.truncated``, ``backup.damaged`` (with the part), or
        ``backup.newer``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BadInput("backup.unreadable", path=str(path), reason=error.strerror or str(error)) from error
        try:
            self._members = self._listed()
            self.manifest = self._manifest()
        except BaseException:
            self._file.close()
            raise
        self._known = {part.name: part for part in self.manifest.parts}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def verify(self) -> None:
        """Compare every part with what the manifest says of it.

        Raises
        ------
        BadInput
            ``backup.damaged`` or ``backup.lacks``, naming the first such part.
        """
        for part in self.manifest.parts:
            for _ in self._blocks(part.name):
                pass

    def read(self, name: str) -> bytes:
        """Return a part."""
        return b"".join(self._blocks(name))

    def plain(self, series: Series) -> Iterator[bytes]:
        """Yield the uncompressed bytes of a series."""
        for name in series.parts:
            opened = zlib.decompressobj(_GZIP)
            for block in self._blocks(name):
                try:
                    yield opened.decompress(block)
                except zlib.error as error:
                    raise self._damaged(name) from error
            yield opened.flush()

    def lines(self, series: Series) -> Iterator[bytes]:
        """Yield the lines of a series, without their ends."""
        rest = b""
        for block in self.plain(series):
            *whole, rest = (rest + block).split(b"\n")
            yield from whole

    def _listed(self) -> dict[str, tarfile.TarInfo]:
        members: dict[str, tarfile.TarInfo] = {}
        try:
            self._tar = tarfile.TarFile(fileobj=self._file, mode="r")
        except (tarfile.TarError, EOFError) as error:
            raise BadInput("backup.no_archive", path=str(self.path)) from error
        last = "-"
        try:
            for info in self._tar:
                members[info.name] = info
                last = info.name
        except (tarfile.TarError, EOFError) as error:
            raise BadInput("backup.truncated", path=str(self.path), part=last) from error
        if MANIFEST_SUM not in members:
            raise BadInput("backup.truncated", path=str(self.path), part=last)
        return members

    def _manifest(self) -> Manifest:
        try:
            text = b"".join(self._member(MANIFEST))
            said = b"".join(self._member(MANIFEST_SUM)).strip().decode("ascii", "replace")
            if hashlib.sha256(text).hexdigest() != said:
                raise self._damaged(MANIFEST)
            given = json.loads(text)
            if given["format"] > FORMAT:
                raise BadInput("backup.newer", path=str(self.path), version=given["tailwarden"])
            return Manifest.model_validate(given)
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(MANIFEST) from error

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Yield a part's bytes; at its end its sum must be right."""
        part = self._known.get(name)
        if part is None or name not in self._members:
            raise BadInput("backup.lacks", path=str(self.path), part=name)
        digest = hashlib.sha256()
        for block in self._member(name):
            digest.update(block)
            yield block
        if digest.hexdigest() != part.sha256:
            raise self._damaged(name)

    def _member(self, name: str) -> Iterator[bytes]:
        file = self._tar.extractfile(self._members[name])
        if file is None:
            raise self._damaged(name)
        try:
            while block := file.read(_READ_BYTES):
                yield block
        except (OSError, tarfile.TarError) as error:
            raise self._damaged(name) from error

    def _damaged(self, part: str) -> BadInput:
        return BadInput("backup.damaged", path=str(self.path), part=part)


def _compressor() -> zlib._Compress:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
