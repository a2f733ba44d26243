"""A reply report in Markdown: every sentence with its footnotes, every footnote an event."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shared.contracts.report import Block, BlockKind, ReplyReport, Sentence
from shared.words import say
from tailwarden.report.marks import runs_of

__all__ = ["markdown"]

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~])")
_NUMBERED = re.compile(r"^(\s*)(\d+)([.)])(\s)")


def markdown(report: ReplyReport) -> str:
    """Return *report* as Markdown text with GitHub's footnotes."""
    words = report.language
    day = _day(report)
    lines = [f"# {_marked([report.title])}", "", _plain(report.salutation), "", _marked(report.opening), ""]
    for block in report.blocks:
        lines += [_block(block), ""]
    lines += [_marked([report.closing]), "", f"{_plain(report.signer)}  ", day, "", "---", ""]
    lines += [f"## {say('report.appendix', words)}", "", say("report.appendix_note", words), ""]
    for number, source in enumerate(report.sources, 1):
        told = f"`{source.event_id}` · {source.type} · {source.stream} · {source.on.isoformat()} · {_plain(source.by)}"
        lines.append(f"[^{number}]: {told}")
    return "\n".join(lines) + "\n"


def _block(block: Block) -> str:
    text = _marked(block.sentences)
    match block.kind:
        case BlockKind.PART:
            return f"## {text}"
        case BlockKind.SECTION:
            return f"### {text}"
        case BlockKind.PARAGRAPH:
            label = f"**{_plain(block.label.strip())}**" if block.label.strip() else ""
            gap = " " if block.label.endswith(" ") else ""
            return f"{label}{gap}{text}"


def _marked(sentences: Iterable[Sentence]) -> str:
    """Return sentences with their footnote references."""
    return "".join(f"{_plain(each.text)}{_references(each.sources)}" for each in sentences)


def _references(numbers: tuple[int, ...]) -> str:
    runs = runs_of(numbers)
    return "".join(f"[^{first}]" if first == last else f"[^{first}]–[^{last}]" for first, last in runs)


def _plain(text: str) -> str:
    """Return text that Markdown takes as it stands."""
    one_line = " ".join(text.split())
    return _NUMBERED.sub(r"\1\2\\\3\4", _SIGNS.sub(r"\\\1", one_line))


def _day(report: ReplyReport) -> str:
    day = report.as_of
    return f"{day.year}年{day.month}月{day.day}日" if report.language == "zh" else day.isoformat()
