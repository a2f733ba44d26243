"""A city's records, made up for measuring: mines, pond files, letters and findings in every state of their lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from shared.contracts.acts import Recorded
from shared.contracts.base import Event
from shared.contracts.cases import (
    Assignment,
    EvidenceRef,
    FindingAssigned,
    FindingClosedOut,
    FindingRaised,
    FindingReinspected,
    FindingSource,
    FindingSubmitted,
    LetterReceived,
    ProgressReported,
    Subject,
    SubjectKind,
)
from shared.contracts.mines import (
    ClosurePlan,
    ClosurePlanned,
    MineDescription,
    MineRegistered,
    MineSuspended,
    Policy,
    PolicySet,
    SuspensionControls,
)
from shared.contracts.pondfiles import (
    ClosureStarted,
    ClosureStep,
    ClosureStepRecorded,
    PondFacts,
    PondFactsSet,
    PondUse,
    PondUseChanged,
    StepRecord,
    StepState,
)

__all__ = ["COUNTIES", "Life", "findings", "letters", "mines", "ponds"]

COUNTIES = tuple(f"county-{number:02d}" for number in range(23))
FIRST = date(2021, 1, 4)
EVIDENCE = EvidenceRef(sha256="0" * 64, title="photographs", effective=FIRST)

Life = tuple[str, str, Sequence[Event]]
"""Stream, id, events in order."""


def _stamp(on: date, by: str) -> dict[str, object]:
    return {"on": on, "at": datetime.combine(on, time(9), UTC), "by": by}


def mines(count: int) -> Iterator[Life]:
    """Yield *count* mines: registered, each with its policy, some suspended, some to be closed."""
    chance = Random(1)
    for number in range(count):
        mine_id = f"m{number:05d}"
        on = FIRST + timedelta(days=number % 300)
        stamp = _stamp(on, "clerk")
        description = MineDescription(id=mine_id, name=f"Mine {number}", county=COUNTIES[number % len(COUNTIES)])
        policy = Policy(target="keep", measures=("inspect monthly",), owner="Wang", start=on, due=on + timedelta(400))
        events: list[Recorded] = [
            MineRegistered.model_validate({"mine": description, **stamp}),
            PolicySet.model_validate({"policy": policy, **_stamp(on + timedelta(days=5), "clerk")}),
        ]
        if chance.random() < 0.3:
            controls = SuspensionControls(guarantors=("Li",), on_site_watch="two a shift", patrol_every_days=1)
            later = _stamp(on + timedelta(days=40), "clerk")
            events.append(MineSuspended.model_validate({"reason": "licence ended", "controls": controls, **later}))
        if chance.random() < 0.1:
            plan = ClosurePlan(basis="law-01", deadline=on + timedelta(900), responsible="Zhao", planned_on=on)
            events.append(ClosurePlanned.model_validate({"plan": plan, **_stamp(on + timedelta(days=60), "clerk")}))
        yield f"mine-{mine_id}", mine_id, events


def ponds(count: int) -> Iterator[Life]:
    """Yield *count* pond files: a third out of use, half of those closing."""
    for number in range(count):
        pond_id = f"p{number:05d}"
        county = COUNTIES[number % len(COUNTIES)]
        on = FIRST + timedelta(days=number % 200)
        facts = PondFacts(volume_10k_m3=20.0 + number % 900, dam_height_m=20.0 + number % 60)
        about = {"pond_id": pond_id}
        events: list[Recorded] = [
            PondFactsSet.model_validate(
                {"name": f"Pond {number}", "county": county, "declared_grade": 4, "facts": facts, **about}
                | _stamp(on, "clerk")
            )
        ]
        if number % 3 == 0:
            use = {"use": PondUse.OUT_OF_USE, "since": date(2018, 5, 1), "reason": "full", **about}
            events.append(PondUseChanged.model_validate(use | _stamp(on + timedelta(days=10), "clerk")))
        if number % 6 == 0:
            begun = on + timedelta(days=30)
            started = {"due": begun + timedelta(days=365), "reason": "out of use", **about}
            events.append(ClosureStarted.model_validate(started | _stamp(begun, "clerk")))
            record = StepRecord(step=ClosureStep.STATUS_EVALUATION, state=StepState.UNDER_WAY, on=begun)
            events.append(ClosureStepRecorded.model_validate({"record": record, **about} | _stamp(begun, "clerk")))
        yield f"pondfile-{pond_id}", pond_id, events


def letters(count: int) -> Iterator[Life]:
    """Yield *count* letters."""
    for number in range(count):
        received = FIRST + timedelta(days=number % 700)
        letter = {
            "letter_id": f"l{number:05d}", "number": f"No. {number}", "title": "Letter of advice",
            "issuer": "the bureau", "issued_on": received, "received_on": received,
            "addressee": "the city", "text": "See the findings.",
        }  # fmt: skip
        yield (
            f"letter-l{number:05d}",
            f"l{number:05d}",
            [LetterReceived.model_validate(letter | _stamp(received, "clerk"))],
        )


def findings(count: int, letters: int) -> Iterator[Life]:
    """Yield *count* findings over *letters* letters, in every state from found to closed out."""
    for number in range(count):
        finding_id = f"f{number:06d}"
        county = COUNTIES[number % len(COUNTIES)]
        on = FIRST + timedelta(days=number % 700)
        about = {"finding_id": finding_id}
        subject = Subject(kind=SubjectKind.MINE, id=f"m{number % 10_000:05d}", name=f"Mine {number % 10_000}")
        raised = {
            "title": f"Finding {number}", "quote": "as the letter says, at some length, what was seen and where",
            "source": FindingSource.LETTER, "letter_id": f"l{number % letters:05d}", "number": number // letters + 1,
            "subjects": (subject,), "county": county, "found_on": on, **about,
        }  # fmt: skip
        assignment = Assignment(
            target="put it right", responsible_unit=f"office of {county}", person="Qian",
            deadline=on + timedelta(days=90), measures=("replace it", "train them"), assigned_on=on + timedelta(days=3),
        )  # fmt: skip
        life: list[tuple[type[Recorded], dict[str, object], int]] = [
            (FindingRaised, raised, 0),
            (FindingAssigned, {"assignment": assignment, **about}, 3),
            (ProgressReported, {"text": "ordered", "heading": "first", **about}, 10),
            (ProgressReported, {"text": "delivered", "heading": "first", **about}, 30),
            (FindingSubmitted, {"text": "done", "evidence": (EVIDENCE,), **about}, 50),
            (FindingReinspected, {"passed": True, "reason": "", **about}, 60),
            (FindingClosedOut, {"verifier": "Sun", "evidence": (EVIDENCE,), **about}, 61),
        ]
        steps = life if number % 3 else life[: 1 + number % 7]
        events = [kind.model_validate(data | _stamp(on + timedelta(days=after), "Qian")) for kind, data, after in steps]
        yield f"finding-{finding_id}", finding_id, events
