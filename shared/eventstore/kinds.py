"""A kind of record: its stream, its pure core, and the table that keeps every state it ever had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.contracts.acts import Asked, Kept
from shared.contracts.base import Event
from shared.eventstore.decider import Decider

__all__ = ["Kind"]

S = TypeVar("S", bound=Kept)


@dataclass(frozen=True)
class Kind(Generic[S]):
    """How records of one kind live.

    Parameters
    ----------
    name : str
        Its streams are ``<name>-<id>`` and its table is ``<name>_history``.
    state : type
        Frozen pydantic model of a record's state.
    events : tuple of Event classes
        Those that make up its life.
    decide : callable
        ``decide(asked, state) → events``; the state is None when nothing is known of the record.
    evolve : callable
        ``evolve(state, event) → state``; sets ``last_on``.
    columns : mapping
        Columns of the table beside id, version, valid_from, valid_to and state: name → value of a state.
    """

    name: str
    state: type[S]
    events: tuple[type[Event], ...]
    decide: Callable[[Asked[Any], S | None], Sequence[Event]]
    evolve: Callable[[S | None, Any], S]
    columns: Mapping[str, Callable[[S], Any]] = field(default_factory=dict)

    def stream(self, record_id: str) -> str:
        """Return the name of a record's stream."""
        return f"{self.name}-{record_id}"

    @property
    def table(self) -> str:
        """Name of the table that keeps its states."""
        return f"{self.name}_history"

    @property
    def decider(self) -> Decider[Asked[Any], S | None]:
        """The pure core, as ``handle`` and ``load`` want it."""
        return Decider(initial=None, decide=self.decide, evolve=self.evolve)
