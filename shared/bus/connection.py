"""Reaching NATS: one plain client for streams and requests, one FastStream broker per service.

Two traps of nats-py are closed here. With endless reconnection (which a service needs) its *first*
connection also retries for ever and silently, so that a wrong address would hang; ours gives up after a
limit and says what it saw. And a refused login is retried like a network error; ours ends at once.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from pydantic import SecretStr

from shared.bus.refusal import is_refusal
from shared.problems import Forbidden, TailwardenError, Unavailable

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["Address", "connect", "new_broker", "running"]

log = logging.getLogger(__name__)

RECONNECT_WAIT = 0.25
"""Seconds between attempts once the connection was up: a restarted server is back within a second."""
PENDING_BYTES = 16 * 1024 * 1024
"""Bytes kept for sending while the connection is down; beyond it publishing refuses instead of growing."""


SERVICE_USER = "tailwarden"
STRANGERS = (None, "subscriber")
"""Users whose programs know nothing of us: the answers they get arrive where every NATS client expects them."""


class Address(Protocol):
    """Where NATS is and as whom to go there (``shared.settings.Connection`` fits)."""

    @property
    def nats_url(self) -> str:
        """``nats://host:port`` or ``tls://host:port``; several servers of a cluster with commas between."""
        ...

    @property
    def nats_user(self) -> str | None:
        """None: as nobody."""
        ...

    @property
    def nats_password(self) -> SecretStr | str | None:
        """The user's password."""
        ...

    @property
    def nats_ca(self) -> str | None:
        """File of the authority that signed the server's certificate; None: those this machine trusts."""
        ...


async def connect(
    to: Address | str,
    user: str | None = None,
    password: str | None = None,
    *,
    name: str = "tailwarden",
    limit: float = 5.0,
) -> Client:
    """Return a client connected to NATS that afterwards reconnects for ever.

    Parameters
    ----------
    to
        An address with its user and password, or a URL (then *user* and *password* apply).
    name
        Shown in the server's connection list.
    limit
        How long the first connection may take [s].

    Raises
    ------
    Unavailable
        If there is no server within *limit*.
    Forbidden
        If the server refuses the login.
    """
    url, user, password = _resolve(to, user, password)
    tls = _tls(to)
    seen: list[Exception] = []
    try:
        async with asyncio.timeout(limit):
            while True:
                try:
                    return await _connect_once(url, user, password, tls, name, seen)
                except OSError as error:  # reset in the middle of the greeting: the next try hears why
                    seen.append(error)
                    await asyncio.sleep(RECONNECT_WAIT)
    except (OSError, nats.errors.Error) as error:
        raise _refused_or_unreachable([*seen, error], url, user) from error


async def _connect_once(
    url: str, user: str | None, password: str | None, tls: ssl.SSLContext | None, name: str, seen: list[Exception]
) -> Client:
    client = Client()
    up = False

    async def on_error(error: Exception) -> None:
        if up:
            # While the server is away every attempt fails alike; the loss itself has been logged.
            level = logging.WARNING if client.is_connected else logging.DEBUG
            log.log(level, "NATS: %s", error, extra={"client": name})
            return
        seen.append(error)
        if is_refusal(error):
            raise error

    async def on_disconnect() -> None:
        if not client.is_closed:
            log.warning("NATS connection lost; reconnecting", extra={"client": name})

    async def on_reconnect() -> None:
        log.info("NATS connection is back", extra={"client": name})

    try:
        await client.connect(
            _servers(url),
            user=user,
            password=password,
            tls=tls,
            name=name,
            connect_timeout=2,
            reconnect_time_wait=RECONNECT_WAIT,  # type: ignore[arg-type]  # nats-py sleeps with it; a float works
            max_reconnect_attempts=-1,
            ping_interval=10,
            max_outstanding_pings=3,
            pending_size=PENDING_BYTES,
            inbox_prefix=_inbox(user),
            error_cb=on_error,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
        )
    except BaseException:
        with suppress(OSError, nats.errors.Error):
            await client.close()
        raise
    up = True
    return client


def new_broker(
    to: Address | str,
    user: str | None = None,
    password: str | None = None,
    *,
    name: str,
) -> NatsBroker:
    """Return a FastStream broker for a service, not connected yet: register on it, then :func:`running`.

    It does not decode or inject anything (``apply_types=False``): our handlers read the bytes
    themselves, because a fault found by FastStream before the handler would reach nobody.
    """
    from faststream.security import SASLPlaintext  # slow to import; commands that only read do not need it

    from shared.bus.broker import SteadyBroker

    url, user, password = _resolve(to, user, password)
    tls = _tls(to)
    security = (
        None
        if user is None
        else SASLPlaintext(username=user, password=password or "", ssl_context=tls, use_ssl=tls is not None)
    )
    return SteadyBroker(
        _servers(url),
        name=name,
        security=security,
        connect_timeout=2,
        reconnect_time_wait=RECONNECT_WAIT,  # type: ignore[arg-type]  # as above
        max_reconnect_attempts=-1,
        ping_interval=10,
        max_outstanding_pings=3,
        pending_size=PENDING_BYTES,
        inbox_prefix=_inbox(user),
        graceful_timeout=10.0,
        apply_types=False,
        logger=logging.getLogger("shared.bus.faststream"),
        log_level=logging.DEBUG,
    )


@asynccontextmanager
async def running(broker: NatsBroker, *, limit: float = 15.0) -> AsyncIterator[NatsBroker]:
    """Run *broker* inside the running event loop: started within *limit* seconds, stopped gracefully.

    Raises
    ------
    Unavailable
        If NATS or a stream the broker listens to cannot be reached within *limit*.
    """
    url = str(next(iter(broker.specification.url)))
    seen: list[Exception] = []
    try:
        async with asyncio.timeout(limit):
            await _connect_broker(broker, seen)
            await broker.start()
            # Starting only queues the subscriptions. nats-py's flush sends its PING past that queue, so that the first
            # PONG proves that the queue was written; the second proves that the server has read it.
            connection = await broker.connect()
            await connection.flush()
            await connection.flush()
    except NotFoundError as error:  # FastStream looks for the stream of each subscriber
        await broker.stop()
        raise Unavailable("bus.no_stream", stream="EVENTS") from error
    except (OSError, nats.errors.Error) as error:
        await broker.stop()
        raise _refused_or_unreachable([*seen, error], url, None) from error
    try:
        yield broker
    finally:
        await broker.stop()


def _inbox(user: str | None) -> str:
    """Return where answers to us arrive: where nobody of another role may listen."""
    if user in STRANGERS:
        return "_INBOX"
    return "_INBOX.tw" if user == SERVICE_USER else f"_INBOX.{user}"


def _servers(url: str) -> str | list[str]:
    """Return the server, or those of a cluster."""
    return url.split(",") if "," in url else url


def _tls(to: Address | str) -> ssl.SSLContext | None:
    """Return what the server's certificate is checked against; None leaves that to the library.

    Raises
    ------
    Unavailable
        ``settings.secret_file`` when the file of the authority cannot be read.
    """
    if isinstance(to, str) or to.nats_ca is None:
        return None
    # asyncio would warn at the end of every TLS connection of nats-py of something nobody can or need change.
    logging.getLogger("asyncio").addFilter(_not_eof)
    try:
        return ssl.create_default_context(cafile=to.nats_ca)
    except OSError as error:  # an SSLError is one too
        raise Unavailable("settings.secret_file", path=to.nats_ca, reason=error.strerror or str(error)) from error


async def _connect_broker(broker: NatsBroker, seen: list[Exception]) -> None:
    while True:
        try:
            await broker.connect()
        except OSError as error:  # as in connect
            seen.append(error)
            await asyncio.sleep(RECONNECT_WAIT)
        else:
            return


def _resolve(to: Address | str, user: str | None, password: str | None) -> tuple[str, str | None, str | None]:
    if isinstance(to, str):
        return to, user, password
    secret: Any = to.nats_password
    return to.nats_url, to.nats_user, secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def _not_eof(record: logging.LogRecord) -> bool:
    return "eof_received" not in str(record.msg)


def _refused_or_unreachable(seen: list[Exception], url: str, user: str | None) -> TailwardenError:
    where = urlsplit(url)
    shown = url.replace(where.netloc, where.netloc.rpartition("@")[-1], 1)  # never repeat a password
    if any(is_refusal(error) for error in seen):
        return Forbidden("bus.refused", url=shown, user=user or "-")
    # The last word of the library, unless that is only our own limit running out.
    told = [str(error) or type(error).__name__ for error in seen if type(error) is not TimeoutError]
    return Unavailable("bus.unreachable", url=shown, why=told[-1] if told else "timeout")
