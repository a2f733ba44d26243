"""The pen: sentences that cannot be written without a source, numbers for the sources, days and ordinals in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from shared.contracts.report import Block, BlockKind, ReportSource, Sentence
from shared.contracts.stories import StoryEntry
from shared.problems import Fault
from shared.words import say

__all__ = ["Pen", "sentences_of"]

_DATED = re.compile(r"\d{1,2}\s*月\s*\d{1,2}\s*日|\d{4}-\d{2}-\d{2}")
_DIGITS = "零一二三四五六七八九"
_OPENING, _CLOSING = "“‘（(《【「", "”’）)》】」"
_ENDS = "。！？!?"


class Pen:
    """Writes sentences and keeps count of what they rest on.

    Parameters
    ----------
    language : str
        ``zh`` or ``en``.
    as_of : date
        The day the report speaks of.
    """

    def __init__(self, language: str, as_of: date) -> None:
        self.language, self.as_of = language, as_of
        self._numbers: dict[str, int] = {}
        self.sources: list[ReportSource] = []

    def cite(self, entries: Iterable[StoryEntry]) -> tuple[int, ...]:
        """Return the numbers of these events, in order; an event keeps the number of its first use."""
        numbers = []
        for entry in entries:
            key = str(entry.event_id)
            if key not in self._numbers:
                self.sources.append(ReportSource.model_validate(entry, from_attributes=True))
                self._numbers[key] = len(self.sources)
            numbers.append(self._numbers[key])
        return tuple(sorted(set(numbers)))

    def words(self, key: str, **params: Any) -> str:
        """Return a text of the catalogue's section ``report``; dates are put into the reader's form."""
        told = {name: self.day(value) if isinstance(value, date) else value for name, value in params.items()}
        return say(f"report.{key}", self.language, **told)

    def write(self, text: str, *entries: StoryEntry) -> tuple[Sentence, ...]:
        """Return *text* as sentences, each resting on *entries*.

        Raises
        ------
        Fault
            ``report.no_source`` when there are none: what nothing shows is not said.
        """
        if not entries:
            raise Fault("report.no_source", text=text[:200])
        numbers = self.cite(entries)
        return tuple(Sentence(text=each, sources=numbers) for each in sentences_of(self._ended(text)))

    def say(self, key: str, *entries: StoryEntry, **params: Any) -> tuple[Sentence, ...]:
        """Return a text of the catalogue as sentences; ``as_of`` is always known to it."""
        return self.write(self.words(key, as_of=self.as_of, **params), *entries)

    def quote(self, entry: StoryEntry, text: str) -> tuple[Sentence, ...]:
        """Return what somebody entered, with its day unless it names one itself."""
        if _DATED.search(text) is None:
            text = self.words("on_day", day=entry.on, text=text)
        return self.write(text, entry)

    def day(self, day: date) -> str:
        """Return a day as the reader writes it."""
        return f"{day.year}年{day.month}月{day.day}日" if self.language == "zh" else day.isoformat()

    def ordinal(self, number: int) -> str:
        """Return 一, 二, …, 二十三 or 1, 2, …

        >>> [Pen("zh", date(2023, 6, 1)).ordinal(number) for number in (1, 10, 12, 23, 40)]
        ['一', '十', '十二', '二十三', '四十']
        """
        if self.language != "zh" or not 0 < number < 100:
            return str(number)
        tens, ones = divmod(number, 10)
        head = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
        return head + (_DIGITS[ones] if ones or not tens else "")

    def listed(self, words: Iterable[str]) -> str:
        """Return words as one list."""
        return self.words("listing").join(words)

    def paragraph(self, label: str, sentences: Sequence[Sentence], *, missing: bool = False) -> Block:
        """Return a paragraph."""
        return Block(kind=BlockKind.PARAGRAPH, label=label, sentences=tuple(sentences), missing=missing)

    def _ended(self, text: str) -> str:
        """Return *text* with a full stop unless it has an end of its own."""
        text = text.strip()
        last = text.rstrip(_CLOSING)[-1:]
        return text if last and (last in _ENDS or last in ".：:…") else text + self.words("ending")


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text; what stands in quotation marks or brackets is not taken apart.

    >>> sentences_of("一是开会。要求“停产。停建。”落实。")
    ['一是开会。', '要求“停产。停建。”落实。']
    """
    sentences: list[str] = []
    depth, begin = 0, 0
    for place, sign in enumerate(text, 1):
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth = max(depth - 1, 0)
        if sign in _ENDS and depth == 0:
            sentences.append(text[begin:place].strip())
            begin = place
    if rest := text[begin:].strip():
        sentences.append(rest)
    return sentences
