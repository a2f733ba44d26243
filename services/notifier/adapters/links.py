"""Signed links: who holds one may see one alarm as one person, until it expires, without an account.

``itsdangerous`` signs (HMAC) and dates them. A page's form carries a second, single-use token for each act: sent
again (the back button, a copied request) it is refused, and the page shows what is on record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from shared.postgres import Connection
from shared.problems import Conflict, Forbidden

__all__ = ["Holder", "Links"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose link it is, and for which alarm."""

    alarm_id: str
    person_id: str


class Links:
    """Makes and reads links.

    Parameters
    ----------
    secret : str
        Kept in the home's secrets; another secret makes every link void.
    base_url : str
        What people's phones reach: ``https://warn.example``.
    lifetime : timedelta
        How long a link can be opened.
    """

    def __init__(self, secret: str, base_url: str, lifetime: timedelta = timedelta(hours=48)) -> None:
        self._base, self._lifetime = base_url.rstrip("/"), lifetime
        self._view = URLSafeTimedSerializer(secret, salt="tailwarden-alarm-view")
        self._act = URLSafeTimedSerializer(secret, salt="tailwarden-alarm-act")

    def link(self, alarm_id: str, person_id: str) -> str:
        """Return the address of a person's page about an alarm."""
        return f"{self._base}/a/{self.token(alarm_id, person_id)}"

    def token(self, alarm_id: str, person_id: str) -> str:
        """Return the signed token of a link."""
        return str(self._view.dumps([alarm_id, person_id]))

    def holder(self, token: str) -> Holder:
        """Return whose token this is.

        Raises
        ------
        Forbidden
            ``links.expired``, ``links.forged``.
        """
        alarm_id, person_id = self._read(self._view, token, 2)
        return Holder(alarm_id, person_id)

    def act_token(self, holder: Holder) -> str:
        """Return a token for one act of the holder."""
        return str(self._act.dumps([holder.alarm_id, holder.person_id, uuid4().hex]))

    async def spend(self, conn: Connection, token: str, holder: Holder) -> None:
        """Use an act's token up, in the caller's transaction.

        Raises
        ------
        Forbidden
            ``links.expired``, ``links.forged``, ``links.other`` (made for another person or alarm).
        Conflict
            ``links.used``.
        """
        alarm_id, person_id, nonce = self._read(self._act, token, 3)
        if (alarm_id, person_id) != (holder.alarm_id, holder.person_id):
            raise Forbidden("links.other")
        cursor = await conn.execute(
            "INSERT INTO spent_token (nonce, alarm_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (nonce, alarm_id)
        )
        if cursor.rowcount != 1:
            raise Conflict("links.used")

    async def restore(self, conn: Connection, token: str) -> None:
        """Make an act's token good again: what it was used for was refused."""
        *_, nonce = self._read(self._act, token, 3)
        await conn.execute("DELETE FROM spent_token WHERE nonce = %s", (nonce,))

    def _read(self, serializer: URLSafeTimedSerializer, token: str, parts: int) -> list[str]:
        try:
            read = serializer.loads(token, max_age=int(self._lifetime.total_seconds()))
        except SignatureExpired as error:
            raise Forbidden("links.expired") from error
        except BadSignature as error:
            raise Forbidden("links.forged") from error
        if not isinstance(read, list) or len(read) != parts or not all(isinstance(each, str) for each in read):
            raise Forbidden("links.forged")
        return read
