"""Channels: mail, SMS gateways, WeCom, DingTalk, Feishu and webhooks through apprise; a directory for demonstrations.

Apprise blocks. Each message therefore has a thread of its own, bounded in number by its channel, and a time after
which it is no longer waited for: a provider that hangs keeps its own thread, never anybody else's message.
Addresses are secrets: they stand in no log, no error and no ``repr``.
"""

from __future__ import annotations

import asyncio
import re
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from apprise import Apprise, AppriseAsset
from apprise.common import NotifyFormat, PersistentStoreMode
from apprise.plugins.base import NotifyBase

from services.notifier.adapters.channelfile import ChannelConfig, read_channels
from services.notifier.adapters.lanes import Lanes
from services.notifier.adapters.mailbox import put_into
from services.notifier.adapters.tls import spare_contexts
from services.notifier.adapters.witness import hushed, verdict, witnessed
from services.notifier.domain.delivery import Handed
from services.notifier.ports import Channel, Language, Length, RateLimit, Text
from shared.clock import Clock

__all__ = ["ConfiguredChannel", "ConfiguredChannels"]

_ASSET = AppriseAsset(
    app_id="tailwarden",
    app_desc="tailwarden",
    app_url="",
    storage_mode=PersistentStoreMode.MEMORY,  # nothing about addresses on disk
    async_mode=False,
    secure_logging=True,
    allow_templates=False,
    pgp_autogen=False,
    pem_autogen=False,
    http_redirects=False,  # a message goes where it was addressed
)
_SUBJECT = 300
"""Bytes of a mail's subject."""
_BAD_ADDRESS = Handed(sent=False, lasting=True, personal=True, why="bad_address")
_TIMEOUT = Handed(sent=False, maybe=True, why="timeout")
_HANGS = Handed(sent=False, why="timeout")
"""Not even tried: the attempt before hangs yet."""
_BROKE = Handed(sent=False, maybe=True, why="error")


class ConfiguredChannel:
    """A channel of the channels file; implements ``ports.Channel``."""

    def __init__(self, config: ChannelConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._lanes = Lanes(config.concurrency, apart=config.webhook is not None)

    def __repr__(self) -> str:
        return f"<channel {self.name}>"

    @property
    def name(self) -> str:
        """See ``ports.Channel``."""
        return self._config.name

    @property
    def kind(self) -> str | None:
        """See ``ports.Channel``."""
        return None if self._config.kind == "everybody" else self._config.kind

    @property
    def language(self) -> Language:
        """See ``ports.Channel``."""
        return self._config.language

    @property
    def length(self) -> Length:
        """See ``ports.Channel``."""
        return self._config.length

    @property
    def rate(self) -> RateLimit:
        """See ``ports.Channel``."""
        return RateLimit(self._config.per_second, self._config.per_minute)

    def free(self, address: str | None) -> bool:
        """See ``ports.Channel``: threads of hung providers count until they end."""
        return self._lanes.free(address)

    async def send(self, text: Text, address: str | None, person_id: str) -> Handed:
        """See ``ports.Channel``: where the address is the provider, its failures say nothing about anybody else's."""
        handed = await self._sent(text, address, person_id)
        own = self._config.webhook is not None and not handed.sent
        return handed.model_copy(update={"personal": True}) if own else handed

    async def _sent(self, text: Text, address: str | None, person_id: str) -> Handed:
        attempt = self._lanes.begin(address)
        if attempt is None:
            return _HANGS
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Handed] = loop.create_future()

        def work() -> None:
            handed = _BROKE
            try:
                handed = self._hand_over(text, address, person_id)
            except Exception:
                # Whatever it says may hold the address; whether it got through, nobody knows.
                handed = _BROKE
            finally:
                self._lanes.end(attempt, handed.sent)
            with suppress(RuntimeError):  # the loop has ended; nobody waits any more
                loop.call_soon_threadsafe(_tell, answer, handed)

        # A daemon: one that hangs must not hold up the end of the process either.
        threading.Thread(target=work, name=f"channel-{self.name}", daemon=True).start()
        try:
            async with asyncio.timeout(self._config.timeout_s):
                return await answer
        except TimeoutError:
            self._lanes.late(attempt)
            return _TIMEOUT

    def _hand_over(self, text: Text, address: str | None, person_id: str) -> Handed:
        if self._config.directory is not None:
            return self._write(self._config.directory, text, person_id)
        with witnessed() as notes:
            plugin = self._plugin(address)
            if plugin is None:
                return _BAD_ADDRESS
            # Its own pace is a pause of seconds before each request; ours is the channel's rate.
            plugin.request_rate_per_sec = 0
            plugin.socket_connect_timeout = plugin.socket_read_timeout = self._config.timeout_s
            title = _one_line(text.subject) if self._config.mail else text.subject
            if plugin.notify(body=text.body, title=title, body_format=NotifyFormat.TEXT):
                return Handed(sent=True)
            return verdict(notes)

    def _write(self, directory: Path, text: Text, person_id: str) -> Handed:
        try:
            put_into(directory, person_id, text, self.length, self._clock.now())
        except OSError:
            return Handed(sent=False, why="unreachable")
        return Handed(sent=True)

    def _plugin(self, address: str | None) -> NotifyBase | None:
        form = self._config.webhook
        if form is not None:
            url = _webhook(form, address or "")
        else:
            values = {key: quote(secret.get_secret_value(), safe="") for key, secret in self._config.known.items()}
            url = self._config.filled({**values, "address": quote(_plain(address or ""), safe="")})
        found: NotifyBase | None = None if url is None else Apprise.instantiate(url, asset=_ASSET)
        return found


class ConfiguredChannels:
    """Every channel of the channels file; implements ``ports.Channels``."""

    def __init__(self, configs: Sequence[ChannelConfig], clock: Clock) -> None:
        hushed()
        spare_contexts()
        self._channels = [ConfiguredChannel(config, clock) for config in configs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its plug-ins' imports
            # The first use of apprise reads all of its plug-ins: now, not when it is urgent.
            Apprise.instantiate("json://127.0.0.1/", asset=_ASSET)

    @classmethod
    def load(cls, path: Path, clock: Clock) -> ConfiguredChannels:
        """Return the channels of a file; see ``read_channels`` for what is refused."""
        return cls(read_channels(path), clock)

    def route(self, kinds: Sequence[str]) -> Sequence[Channel]:
        """See ``ports.Channels``: for each kind its channels in the file's order, then those for everybody."""
        wanted: list[str | None] = [*dict.fromkeys(kinds), None]
        return [channel for kind in wanted for channel in self._channels if channel.kind == kind]


def _tell(answer: asyncio.Future[Handed], handed: Handed) -> None:
    if not answer.done():
        answer.set_result(handed)


def _one_line(subject: str) -> str:
    """Return a mail's subject, cut to what one line of a mail holds: the text itself says the whole.

    Apprise does not fold it, and writes each byte that is not ASCII as three characters; a line has 998 at most
    (RFC 5322, section 2.1.1).
    """
    encoded = subject.encode()
    return subject if len(encoded) <= _SUBJECT else f"{encoded[: _SUBJECT - 3].decode(errors='ignore')}…"


def _plain(address: str) -> str:
    """Return an address as providers take it: telephone numbers without the blanks people put into them."""
    stripped = address.strip()
    return re.sub(r"[\s\-()]", "", stripped) if re.fullmatch(r"\+?[\d\s\-()]{5,}", stripped) else stripped


def _webhook(form: str, address: str) -> str | None:
    """Return the apprise URL that posts to the web address *address*; None when that is none."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    login = ""
    if parts.username is not None:
        login = parts.username + (":" + parts.password if parts.password is not None else "") + "@"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # With a leading "-" a parameter is the receiver's; without, apprise takes it as its own option.
    query = "&".join(f"-{quote(name, safe='')}={quote(value, safe='')}" for name, value in _query(parts.query))
    return (
        f"{form}{'s' if parts.scheme == 'https' else ''}://{login}{host}"
        f"{'' if port is None else f':{port}'}{parts.path or '/'}{'?' + query if query else ''}"
    )


def _query(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)
