"""States over time: as of a day equals a replay to that day; the bulk rebuild writes the rows of the slow one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from pydantic import Field

from shared.clock import SystemClock
from shared.contracts.acts import Act, Asked, Kept, Recorded
from shared.eventstore import EventStore, rebuild, verify
from shared.eventstore.aggregates import Acting, Aggregates, Outcome
from shared.eventstore.history import History, find, page
from shared.eventstore.kinds import Kind
from shared.postgres import Pool, open_pool
from shared.problems import BadInput, Conflict


class Shelf(Kept):
    label: str
    books: int = 0


class Labelled(Recorded):
    event_type: ClassVar[str] = "cases.shelf.labelled"
    label: str


class Filled(Recorded):
    event_type: ClassVar[str] = "cases.shelf.filled"
    books: int


class Label(Act):
    command_name: ClassVar[str] = "cases.label"
    label: str


class Fill(Act):
    command_name: ClassVar[str] = "cases.fill"
    books: int = Field(ge=1)


def decide(asked: Asked[Label | Fill], state: Shelf | None) -> list[Recorded]:
    match asked.command:
        case Label(label=label, by=by):
            return [Labelled(label=label, by=by, at=asked.at, on=asked.on)]
        case Fill(books=books, by=by):
            if state is None:
                raise Conflict("acts.unknown", record="shelf")
            return [Filled(books=1, by=by, at=asked.at, on=asked.on) for _ in range(books)]


def evolve(state: Shelf | None, event: Labelled | Filled) -> Shelf:
    match event:
        case Labelled():
            books = 0 if state is None else state.books
            return Shelf(id="a", label=event.label, books=books, last_on=event.on)
        case Filled():
            assert state is not None
            return state.model_copy(update={"books": state.books + event.books, "last_on": event.on})


SHELF = Kind("shelf", Shelf, (Labelled, Filled), decide, evolve, {"label": lambda shelf: shelf.label})
FIRST = date(2023, 3, 1)


@pytest.fixture
async def pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    made = await open_pool(database["owner"], schema="cases")
    async with made.connection() as conn:
        await conn.execute(
            "CREATE TABLE shelf_history (id text, version integer, valid_from date, valid_to date, label text,"
            " state jsonb, PRIMARY KEY (id, valid_from))"
        )
    yield made
    await made.close()


@pytest.fixture
def shelves(pool: Pool) -> Aggregates:
    store, projections = EventStore(SHELF.events), (History(SHELF),)
    return Aggregates(pool, store, projections, SystemClock(), ZoneInfo("Asia/Shanghai"), lambda: None)


async def test_any_day_can_be_asked_about(shelves: Aggregates, pool: Pool) -> None:
    await shelves.ask(SHELF, "a", Label(label="A", by="w", on=FIRST))
    for day, books in enumerate((1, 2, 0, 3), 1):
        if books:
            await shelves.ask(SHELF, "a", Fill(books=books, by="w", on=FIRST + timedelta(days=day)))
    await shelves.ask(SHELF, "a", Label(label="B", by="w", on=FIRST + timedelta(days=4)))
    async with pool.connection() as conn:
        assert await find(conn, SHELF, "a", FIRST - timedelta(days=1)) is None
        story = await shelves.story(SHELF, "a")
        for day in range(8):
            as_of = FIRST + timedelta(days=day)
            state = None
            for stored in story:
                if stored.event.on <= as_of:  # type: ignore[attr-defined]  # every event here is Recorded
                    state = SHELF.evolve(state, stored.event)
            found = await find(conn, SHELF, "a", as_of)
            assert found is not None
            assert found[0] == state
        assert (await page(conn, SHELF, {"label": "A"})).total == 0
        assert (await page(conn, SHELF, {"label": "A"}, as_of=FIRST + timedelta(days=3))).records[0].books == 3


async def test_the_bulk_rebuild_writes_the_same_rows(shelves: Aggregates, pool: Pool) -> None:
    for number in range(5):
        await shelves.ask(SHELF, f"s{number}", Label(label="A", by="w", on=FIRST))
        for day in (0, 1, 1, 5):
            await shelves.ask(SHELF, f"s{number}", Fill(books=2, by="w", on=FIRST + timedelta(days=day)))
    store, projections = EventStore(SHELF.events), (History(SHELF),)
    assert await verify(pool, store, projections) == []
    async with pool.connection() as conn:
        await conn.execute("UPDATE shelf_history SET label = 'X' WHERE id = 's3' AND valid_to IS NULL")
    assert {each.side for each in await verify(pool, store, projections)} == {"live", "rebuilt"}
    assert await rebuild(pool, store, projections) == 15
    assert await verify(pool, store, projections) == []


async def test_days_to_come_days_gone_by_and_records_that_moved_on(shelves: Aggregates) -> None:
    await shelves.ask(SHELF, "a", Label(label="A", by="w", on=FIRST))
    with pytest.raises(BadInput, match="today"):
        await shelves.ask(SHELF, "a", Fill(books=1, by="w", on=datetime.now(UTC).date() + timedelta(days=3)))
    with pytest.raises(Conflict, match="last changed on 2023-03-01"):
        await shelves.ask(SHELF, "a", Fill(books=1, by="w", on=FIRST - timedelta(days=1)))
    await shelves.ask(SHELF, "a", Fill(books=1, by="w", on=FIRST, expected_version=1))
    with pytest.raises(Conflict) as stale:
        await shelves.ask(SHELF, "a", Fill(books=1, by="w", on=FIRST, expected_version=1))
    assert stale.value.code == "acts.stale"
    assert stale.value.params["actual"] == 2
    assert stale.value.params["state"]["books"] == 1


async def test_an_act_between_the_look_and_the_decision_is_seen(shelves: Aggregates, monkeypatch) -> None:
    await shelves.ask(SHELF, "a", Label(label="A", by="w", on=FIRST))
    find = Acting.find

    async def overtaken(self: Acting, kind: Kind[Shelf], record_id: str) -> Outcome[Shelf] | None:
        found = await find(self, kind, record_id)
        monkeypatch.setattr(Acting, "find", find)
        await shelves.ask(SHELF, "a", Fill(books=1, by="other", on=FIRST))
        return found

    monkeypatch.setattr(Acting, "find", overtaken)
    with pytest.raises(Conflict) as stale:
        await shelves.ask(SHELF, "a", Fill(books=1, by="w", on=FIRST, expected_version=1))
    assert stale.value.code == "acts.stale"
    assert [stored.event.by for stored in await shelves.story(SHELF, "a")] == ["w", "other"]  # type: ignore[attr-defined]  # every event here is Recorded
