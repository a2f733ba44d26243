"""Where people are reached: asked of the register for each round, so that a change takes effect at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.bus.rpc import CommandClient
from shared.contracts.peopleacts import ReadContacts
from shared.contracts.peopleviews import ContactBook
from shared.logging import logger
from shared.problems import TailwardenError

__all__ = ["RegistryContacts"]


class RegistryContacts:
    """Implements ``ports.Contacts``.

    While the register is away, what it last said holds: addresses are then taken from memory (nowhere else are they
    kept). An alarm must not wait for a restart of the register.

    Parameters
    ----------
    client : CommandClient
        With a short time limit: a round of sending waits for the answer.
    """

    def __init__(self, client: CommandClient) -> None:
        self._client = client
        self._last: dict[str, Mapping[str, str]] = {}
        self._away = False

    async def addresses(self, person_ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """See ``ports.Contacts``."""
        question = ReadContacts(person_ids=tuple(person_ids), service="notifier", purpose="alarm")
        try:
            book = await self._client.send(question, ContactBook)
        except TailwardenError as error:
            if not self._away:
                self._away = True
                logger(__name__).warning("the register does not answer; addresses as last known", error=error.code)
            return {person: self._last[person] for person in person_ids if person in self._last}
        self._away = False
        found: dict[str, dict[str, str]] = {}
        for each in sorted(book.addresses, key=lambda address: address.order):
            found.setdefault(each.person_id, {}).setdefault(each.channel.value, each.address)
        for person in person_ids:
            if person in found:
                self._last[person] = found[person]
            else:
                self._last.pop(person, None)
        return found
