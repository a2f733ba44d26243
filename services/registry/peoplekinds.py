"""People, grids and rosters as kinds of records."""

from __future__ import annotations

from typing import Any

from services.registry.domain.grid import GRID_EVENTS, decide_grid, evolve_grid
from services.registry.domain.person import PERSON_EVENTS, decide_person, evolve_person
from services.registry.domain.roster import ROSTER_EVENTS, decide_roster, evolve_roster
from shared.contracts.people import Grid, Person, Roster
from shared.eventstore.kinds import Kind

__all__ = ["GRID", "PEOPLE_KINDS", "PERSON", "ROSTER"]


def _named(grid: Grid) -> list[str]:
    """Return whoever a grid names, each once and in a fixed order."""
    return sorted({who for each in grid.assignments for who in (each.person_id, *each.deputies)})


PERSON = Kind(
    "person",
    Person,
    PERSON_EVENTS,
    decide_person,
    evolve_person,
    {
        "name": lambda person: person.description.name,
        "organisation": lambda person: person.description.organisation,
        "level": lambda person: None if person.description.level is None else person.description.level.value,
        "left_on": lambda person: person.left_on,
    },
)
GRID = Kind(
    "grid",
    Grid,
    GRID_EVENTS,
    decide_grid,
    evolve_grid,
    {"kind": lambda grid: grid.place.kind.value, "place": lambda grid: grid.place.id, "people": _named},
)
ROSTER = Kind("roster", Roster, ROSTER_EVENTS, decide_roster, evolve_roster, {"place": lambda roster: roster.place.key})
PEOPLE_KINDS: tuple[Kind[Any], ...] = (PERSON, GRID, ROSTER)
