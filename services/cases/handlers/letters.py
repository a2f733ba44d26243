"""Letters over the bus: acts on them, one of them with its findings, and lists, as of any day."""

from __future__ import annotations

from services.cases.domain.letter import LetterAct
from services.cases.kinds import FINDING, LETTER
from shared.contracts.acts import Asked
from shared.contracts.cases import Finding, Letter, LetterList, LetterView, ListLetters, ReceiveLetter, ShowLetter
from shared.eventstore.aggregates import Acting, Aggregates, Outcome
from shared.eventstore.history import find, page
from shared.problems import NotFound

__all__ = ["Letters"]


class Letters:
    """Answers the commands about letters."""

    def __init__(self, records: Aggregates) -> None:
        self._records = records

    async def receive(self, command: ReceiveLetter) -> LetterView:
        """Enter a letter; the same letter again changes nothing, however much has happened since.

        Raises
        ------
        Refusal
            What ``domain.letter.decide`` and ``Acting.ask`` refuse.
        """
        act = command if command.on is not None else command.model_copy(update={"on": command.received_on})

        async def work(acting: Acting) -> Outcome[Letter]:
            known = await acting.find(LETTER, command.letter_id)
            if known is not None and command.expected_version is None:
                day = known.state.last_on
                if not LETTER.decide(Asked(act, acting.now, day), known.state):
                    return known
            return await acting.ask(LETTER, command.letter_id, act)

        return await self._view(await self._records.together(work))

    async def change(self, command: LetterAct) -> LetterView:
        """Carry out any other act on a letter.

        Raises
        ------
        Refusal
            What ``domain.letter.decide`` and ``Acting.ask`` refuse.
        """
        return await self._view(await self._records.ask(LETTER, command.letter_id, command))

    async def show(self, command: ShowLetter) -> LetterView:
        """Return a letter with its findings, in the order of their numbers.

        Raises
        ------
        NotFound
            ``acts.unknown``, also when it was not there yet on that day.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, LETTER, command.letter_id, command.as_of)
            if found is None:
                raise NotFound("acts.unknown", field="letter_id", record=f"letter {command.letter_id}")
            of_it = await page(conn, FINDING, {"letter_id": command.letter_id}, as_of=command.as_of, limit=None)
        return LetterView(letter=found[0], findings=_in_order(of_it.records), version=found[1])

    async def list(self, command: ListLetters) -> LetterList:
        """Return letters, the newest first."""
        async with self._records.pool.connection() as conn:
            found = await page(
                conn,
                LETTER,
                {},
                as_of=command.as_of,
                limit=command.limit,
                offset=command.offset,
                order=("-received_on", "id"),
            )
        return LetterList(total=found.total, letters=found.records)

    async def _view(self, outcome: Outcome[Letter]) -> LetterView:
        async with self._records.pool.connection() as conn:
            of_it = await page(conn, FINDING, {"letter_id": outcome.state.id}, limit=None)
        return LetterView(
            letter=outcome.state, findings=_in_order(of_it.records), version=outcome.version, changed=outcome.changed
        )


def _in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda each: (each.number is None, each.number or 0, each.id)))
