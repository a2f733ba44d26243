"""What a file is: by its bytes, whatever its name says."""

from __future__ import annotations

import io
import zipfile

import pytest

from services.cases.domain.media import MEDIA_TYPES, media_type, says_nothing
from shared.problems import BadInput

ALL = tuple(MEDIA_TYPES)


def package(*parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for part in parts:
            file.writestr(part, "x")
    return made.getvalue()


FILES = {
    "a.pdf": b"%PDF-1.7\n%\xe2\xe3",
    "a.jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "a.JPG": b"\xff\xd8\xff\xe1",
    "a.png": b"\x89PNG\r\n\x1a\n\x00",
    "a.docx": package("[Content_Types].xml", "word/document.xml"),
    "a.xlsx": package("[Content_Types].xml", "xl/workbook.xml"),
    "a.ofd": package("OFD.xml", "Doc_0/Document.xml"),
    "a.txt": "停用超过三年".encode(),
    "a.md": b"# \xef\xbb\xbf",
    "a.csv": "矿名,县\r\n甲,平山\r\n".encode("gb18030"),
}


@pytest.mark.parametrize("name", FILES)
def test_known_kinds_are_taken(name: str) -> None:
    kind = {"jpeg": "jpg"}.get(name.split(".")[1].lower(), name.split(".")[1].lower())
    assert media_type(FILES[name], name, ALL) == MEDIA_TYPES[kind]


@pytest.mark.parametrize(
    "content", [b"MZ\x90\x00\x03", b"\x7fELF\x02", b"PK\x03\x04junk", package("a.class"), b"a\x00b"]
)
def test_unknown_kinds_are_refused(content: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        media_type(content, "a.pdf", ALL)
    assert refused.value.code == "evidence.unknown_type"


@pytest.mark.parametrize(
    ("name", "like"), [("a.pdf", "a.png"), ("a.docx", "a.xlsx"), ("a.png", "a.txt"), ("a", "a.pdf")]
)
def test_a_name_that_says_otherwise_is_refused(name: str, like: str) -> None:
    with pytest.raises(BadInput) as refused:
        media_type(FILES[like], name, ALL)
    assert refused.value.code == "evidence.name_differs"


def test_a_kind_the_office_does_not_take_is_refused() -> None:
    with pytest.raises(BadInput, match="these are: pdf"):
        media_type(FILES["a.png"], "a.png", ("pdf",))


@pytest.mark.parametrize(
    "content", [b"", b"  \r\n\t", "\ufeff".encode(), "\u200b\u2060\u3000".encode(), "\u3000".encode("gb18030")]
)
def test_white_space_proves_nothing(content: bytes) -> None:
    assert says_nothing(content)


@pytest.mark.parametrize("name", FILES)
def test_what_has_content_says_something(name: str) -> None:
    assert not says_nothing(FILES[name])
