"""Upcasters: old stored events are lifted to today's shape when they are read; what is stored never changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.problems import Fault

__all__ = ["Upcaster", "Upcasters"]

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes an event's data at one schema version and returns it at the next."""


class Upcasters:
    """One step per (event type, schema version), applied in chain up to the version asked for."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, int], Upcaster] = {}

    def register(self, event_type: str, from_version: int, step: Upcaster) -> None:
        """Register *step*, which lifts *event_type* from *from_version* to the next version.

        Raises
        ------
        ValueError
            If that step is registered already.
        """
        if (event_type, from_version) in self._steps:
            raise ValueError(f"two upcasters for {event_type} version {from_version}")
        self._steps[event_type, from_version] = step

    def lift(self, event_type: str, data: dict[str, Any], from_version: int, to_version: int) -> dict[str, Any]:
        """Return *data* lifted from *from_version* to *to_version*.

        Raises
        ------
        Fault
            ``store.no_upcaster`` if a step is missing, or the stored event is newer than this program.
        """
        if from_version > to_version:
            raise Fault("store.no_upcaster", type=event_type, version=from_version, wanted=to_version)
        for version in range(from_version, to_version):
            step = self._steps.get((event_type, version))
            if step is None:
                raise Fault("store.no_upcaster", type=event_type, version=version, wanted=to_version)
            data = step(data)
        return data
