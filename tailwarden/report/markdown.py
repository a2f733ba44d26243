"""A reply report in Markdown: every sentence with its footnotes, every footnote an event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shared.contracts.report import Block, BlockKind, ReplyReport, ReportSource, Sentence
from shared.words import say
from tailwarden.report.marks import runs_of

__all__ = ["markdown"]

SHORT = 6
"""Events that still are one footnote each; more in a row share one."""
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
    used = {run for sentence in _all(report) for run in _runs(sentence.sources)}
    for first, last in sorted(used):
        told = [_told(source) for source in report.sources[first - 1 : last]]
        if last > first:
            told = [f"{number}: {each}" for number, each in enumerate(told, first)]
        lines.append(f"[^{_name(first, last)}]: {'<br>'.join(told)}")
    return "\n".join(lines) + "\n"


def _all(report: ReplyReport) -> Iterable[Sentence]:
    yield from (report.title, *report.opening, report.closing)
    for block in report.blocks:
        yield from block.sentences


def _told(source: ReportSource) -> str:
    on = source.on.isoformat()
    return f"`{source.event_id}` · {source.type} · {source.stream} · {on} · {_plain(source.by)}"


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of source numbers; a short one is told number by number."""
    runs: list[tuple[int, int]] = []
    for first, last in runs_of(numbers):
        short = last - first < SHORT
        runs += [(number, number) for number in range(first, last + 1)] if short else [(first, last)]
    return runs


def _name(first: int, last: int) -> str:
    """Return a footnote's name: a run of events is one footnote that tells them all."""
    return f"{first}" if first == last else f"{first}-{last}"


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
    text = ""
    for each in sentences:
        # English sentences stand apart, Chinese ones do not.
        gap = " " if text and each.text[:1].isascii() and each.text[:1].isalpha() else ""
        text += f"{gap}{_plain(each.text)}{_references(each.sources)}"
    return text


def _references(numbers: tuple[int, ...]) -> str:
    return "".join(f"[^{_name(first, last)}]" for first, last in _runs(numbers))


def _plain(text: str) -> str:
    """Return text that Markdown takes as it stands."""
    one_line = " ".join(text.split())
    return _NUMBERED.sub(r"\1\2\\\3\4", _SIGNS.sub(r"\\\1", one_line))


def _day(report: ReplyReport) -> str:
    day = report.as_of
    return f"{day.year}年{day.month}月{day.day}日" if report.language == "zh" else day.isoformat()
