"""What a file is, judged by its bytes; its name must not say otherwise."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Collection
from pathlib import PurePath

from shared.problems import BadInput

__all__ = ["MEDIA_TYPES", "media_type", "says_nothing"]

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "ofd": "application/ofd",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jpg": "image/jpeg",
    "png": "image/png",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
}
"""Kinds of file that can be told apart → media type."""

_ALIASES = {"jpeg": "jpg", "markdown": "md", "text": "txt", "log": "txt"}
_TEXTS = ("txt", "md", "csv")
_MAGIC = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))
_ZIP = b"PK\x03\x04"
_INSIDE = (("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx"), ("OFD.xml", "ofd"))
"""What only this kind of package holds."""


def media_type(content: bytes, filename: str, taken: Collection[str]) -> str:
    """Return the media type of *content*.

    Text has no magic number: it is text when it decodes (UTF-8, or GB 18030) and has no control characters, and which
    kind of text it is its name says.

    Raises
    ------
    BadInput
        ``evidence.unknown_type`` when it is none of the kinds *taken*; ``evidence.name_differs`` when the name says
        another kind than the bytes do.
    """
    suffix = PurePath(filename).suffix.lower().lstrip(".")
    named = _ALIASES.get(suffix, suffix)
    found = _kind(content, named)
    if found is None or found not in taken:
        raise BadInput("evidence.unknown_type", field="content", name=filename, known=", ".join(sorted(taken)))
    if named != found:
        raise BadInput("evidence.name_differs", field="filename", name=filename, found=found)
    return MEDIA_TYPES[found]


def says_nothing(content: bytes) -> bool:
    """Tell whether *content* is nothing, or text of nothing but white space and signs nobody sees."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return all(sign.isspace() or unicodedata.category(sign) == "Cf" for sign in text)
    return False


def _kind(content: bytes, named: str) -> str | None:
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if content.startswith(_ZIP):
        return _package(content)
    if _is_text(content):
        return named if named in _TEXTS else "txt"
    return None


def _package(content: bytes) -> str | None:
    """Look at the list of a package's parts; nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = set(package.namelist())
    except (zipfile.BadZipFile, ValueError, EOFError):
        return None
    return next((kind for part, kind in _INSIDE if part in parts), None)


def _is_text(content: bytes) -> bool:
    for encoding in ("utf-8", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # A byte order mark and white space are part of a text; other controls and unassigned places are of none.
        return not any(
            unicodedata.category(letter) in {"Cc", "Cn", "Co"} and letter not in "\t\n\r\f" for letter in set(text)
        )
    return False
