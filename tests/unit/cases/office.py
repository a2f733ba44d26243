"""The letter's story on paper: its commands through the real deciders, without servers, as of any day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from deploy.demo.letter.script import Step, script
from services.cases.handlers.reports import overdue_on
from services.cases.kinds import FINDING, LETTER
from services.cases.report.build import write_report
from services.cases.report.facts import Facts
from services.registry.domain.overdue import overdue_since
from services.registry.domain.pondfile import FileAct
from services.registry.kinds import PONDFILE
from shared.contracts.acts import Act, Asked
from shared.contracts.base import Event
from shared.contracts.cases import FindingView, LetterView
from shared.contracts.pondfiles import PondFileView
from shared.contracts.registry import PondDescription, RegisterPond
from shared.contracts.report import ReplyReport
from shared.contracts.stories import StoryEntry
from shared.eventstore.kinds import Kind

SPACE = uuid5(NAMESPACE_URL, "tailwarden-tests")


class Office:
    """Records in memory."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.stories: dict[str, tuple[StoryEntry, ...]] = {}
        self.ponds: dict[str, PondDescription] = {}
        self._position = 0

    def play(self, steps: Iterable[Step], until: date) -> None:
        """Carry out the steps up to a day; those of records that are not kept here are left out."""
        for step in steps:
            if isinstance(step.command, RegisterPond):
                self.ponds[step.command.pond.id] = step.command.pond
            elif isinstance(step.command, Act) and step.on is not None and step.on <= until:
                self.do(step.command, step.on)

    def do(self, act: Act, on: date) -> None:
        """Carry out one act."""
        command: Any = act
        if (finding := getattr(act, "finding_id", None)) is not None:
            kind: Kind[Any] = FINDING
            record = finding
        elif (letter := getattr(act, "letter_id", None)) is not None:
            kind, record = LETTER, letter
        elif (pond := getattr(act, "pond_id", None)) is not None:
            kind, record = PONDFILE, pond
            command = FileAct(by=act.by, on=on, act=act, pond=self.ponds[pond])
        else:
            return
        stream = kind.stream(record)
        at = datetime.combine(on, time(9), UTC)
        for event in kind.decide(Asked(command, at, on), self.states.get(stream)):
            self.states[stream] = kind.evolve(self.states.get(stream), event)
            self._tell(stream, event, on, at, act.by)

    def _tell(self, stream: str, event: Event, on: date, at: datetime, by: str) -> None:
        self._position += 1
        told = self.stories.get(stream, ())
        entry = StoryEntry(
            event_id=uuid5(SPACE, f"{stream}/{len(told)}"),
            service=event.event_type.split(".")[0],
            position=self._position,
            stream=stream,
            version=len(told) + 1,
            type=event.event_type,
            on=on,
            at=at,
            by=by,
            data=event.model_dump(mode="json"),
        )
        self.stories[stream] = (*told, entry)

    def facts(self, letter_id: str, as_of: date, language: str = "zh") -> Facts:
        """Return what a report is written from."""
        findings = [state for stream, state in self.states.items() if stream.startswith("finding-")]
        letter = LetterView(letter=self.states[f"letter-{letter_id}"], findings=tuple(findings), version=1)
        files: dict[str, PondFileView | None] = {
            pond: PondFileView(file=state, version=1, overdue_since=overdue_since(state, as_of))
            for pond in self.ponds
            if (state := self.states.get(f"pondfile-{pond}")) is not None
        }
        views = tuple(FindingView(finding=each, version=1, overdue=overdue_on(each, as_of)) for each in findings)
        return Facts(as_of=as_of, language=language, letter=letter, findings=views, stories=self.stories, ponds=files)


def reply(as_of: date, language: str = "zh") -> ReplyReport:
    """Return the reply to the story's letter as of a day."""
    office, story = Office(), script()
    office.play(story.steps, as_of)
    return write_report(office.facts(story.letter_id, as_of, language))


def text_of(report: ReplyReport) -> str:
    """Return all of a report's words."""
    blocks = (f"{block.label}{''.join(each.text for each in block.sentences)}" for block in report.blocks)
    return "\n".join([report.title.text, *(each.text for each in report.opening), *blocks])
