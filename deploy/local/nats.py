"""Embedded NATS: JetStream that syncs every write, MQTT, one user per role, loopback only.

Two accounts, as in the full stack (deploy/nats/accounts.conf tells why): CORE holds the streams and is the services',
GUESTS is everybody else's. Guests' readings go over as requests, and of EVENTS they have a copy that is their own.
"""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

from deploy.local.binaries import nats_server
from deploy.local.ports import HOST, answers
from deploy.local.process import Program
from deploy.local.secrets import Secrets
from shared.bus.partitions import mappings

__all__ = ["SERVICE_USER", "NatsServer", "server_info"]

SERVICE_USER = "tailwarden"
"""The user of services and commands."""

MAX_PAYLOAD = 64 * 1024 * 1024
"""Far above what a reading needs: an oversized message shall reach the monitor and be kept as a dead letter."""

CORE, GUESTS = "CORE", "GUESTS"

# A consumer of (the copy of) EVENTS, from finding the stream to acknowledging, and reading single messages of it.
READ_EVENTS = (
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.EVENTS",
    "$JS.API.CONSUMER.CREATE.EVENTS",
    "$JS.API.CONSUMER.CREATE.EVENTS.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.*",
    "$JS.API.CONSUMER.INFO.EVENTS.*",
    "$JS.API.CONSUMER.MSG.NEXT.EVENTS.*",
    "$JS.API.DIRECT.GET.EVENTS",
    "$JS.API.DIRECT.GET.EVENTS.>",
    "$JS.ACK.EVENTS.>",
    "$JS.FC.EVENTS.>",
)
# Guests hear events as they happen and answers among themselves.
HEAR_ANSWERS = ["_INBOX.>"]
HEAR_EVENTS = [*HEAR_ANSWERS, "tw.events.>"]
PUBLISH_TELEMETRY = "tw.telemetry.>"

# What the copy asks of EVENTS, and what makes the copy.
COPYING = (
    "STREAM.INFO.EVENTS", "CONSUMER.CREATE.EVENTS", "CONSUMER.CREATE.EVENTS.>", "CONSUMER.DELETE.EVENTS.*",
)  # fmt: skip
MAKING = tuple(f"STREAM.{word}.EVENTS" for word in ("INFO", "CREATE", "UPDATE", "DELETE"))


class NatsServer:
    """One server: its configuration, the program to run, how to reach it.

    Parameters
    ----------
    directory
        Where its configuration and its streams are kept.
    log
        Its log.
    port, mqtt_port
        Where it listens on the loopback interface.
    secrets
        Passwords, by user.
    sync
        Sync every write to the disk. Only tests that do not test durability may say no.
    partitions
        Put telemetry into partitions, so that several monitors can share it.
    """

    def __init__(
        self,
        directory: Path,
        log: Path,
        *,
        port: int,
        mqtt_port: int,
        secrets: Secrets,
        sync: bool = True,
        partitions: bool = False,
    ) -> None:
        self.directory = directory
        self.log = log
        self.port = port
        self.mqtt_port = mqtt_port
        self.sync = sync
        self.partitions = partitions
        self.passwords = {name: secrets.password(f"nats-{name}") for name in (SERVICE_USER, "gateway", "subscriber")}
        self._guest_password = secrets.password("nats-guest")

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://{HOST}:{self.port}"

    @property
    def configuration(self) -> Path:
        """The file it reads."""
        return self.directory / "nats.conf"

    def prepare(self) -> None:
        """Write the configuration (it holds passwords: its owner's only)."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for stale in self.directory.glob("*.ports"):
            stale.unlink(missing_ok=True)  # of a server that was killed
        self._move_in()
        self.configuration.unlink(missing_ok=True)
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(json.dumps(self._options(), indent=2, ensure_ascii=False) + "\n", "utf-8")

    def program(self) -> Program:
        """Return the program to run."""
        return Program(
            name="nats",
            command=[str(nats_server()), "-c", str(self.configuration)],
            log=self.log,
            ready=self._ready,
            directory=self.directory,
            parent_signal=signal.SIGTERM,
            before_start=self.prepare,
        )

    def _ready(self, pid: int) -> bool:
        """Tell whether this very server serves (another one may sit on the port): it notes its ports by process id."""
        return (
            any(self.directory.glob(f"*_{pid}.ports"))
            and server_info(self.port) is not None
            and answers(self.mqtt_port)
        )

    def _move_in(self) -> None:
        """Hand the streams of a home that knew no accounts over to theirs: the services', and MQTT's to the guests."""
        streams = self.directory / "jetstream" / "$G" / "streams"
        if not streams.is_dir():
            return
        for stream in sorted(streams.iterdir()):
            account = GUESTS if stream.name.startswith("$MQTT_") else CORE
            place = self.directory / "jetstream" / account / "streams" / stream.name
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                stream.rename(place)

    def _options(self) -> dict[str, object]:
        """The configuration; NATS reads JSON."""
        return {
            "server_name": "tailwarden",  # MQTT needs a name that stays
            "listen": f"{HOST}:{self.port}",
            "ports_file_dir": str(self.directory),
            "max_payload": MAX_PAYLOAD,
            "max_pending": 2 * MAX_PAYLOAD,
            "jetstream": {"store_dir": str(self.directory), "sync_interval": "always" if self.sync else "2m"},
            "mqtt": {"listen": f"{HOST}:{self.mqtt_port}", "no_auth_user": "guest"},
            "no_auth_user": "guest",
            "accounts": {
                CORE: {
                    "jetstream": "enabled",
                    "exports": [
                        {"service": PUBLISH_TELEMETRY, "accounts": [GUESTS]},
                        *({"service": f"$JS.API.{word}", "accounts": [GUESTS]} for word in COPYING),
                        {"service": "$JS.FC.EVENTS.>", "accounts": [GUESTS]},
                        *({"stream": subject, "accounts": [GUESTS]} for subject in ("copy.events.>", "tw.events.>")),
                    ],
                    "imports": [_service(GUESTS, f"$JS.API.{word}", f"readers.API.{word}") for word in MAKING],
                    "users": [self._own()],
                    **({"mappings": mappings()} if self.partitions else {}),
                },
                GUESTS: {
                    "jetstream": "enabled",  # MQTT's sessions, and the copy
                    "exports": [{"service": f"$JS.API.{word}", "accounts": [CORE]} for word in MAKING],
                    "imports": [
                        _service(CORE, PUBLISH_TELEMETRY),
                        *(_service(CORE, f"$JS.API.{word}", f"core.API.{word}") for word in COPYING),
                        _service(CORE, "$JS.FC.EVENTS.>"),
                        {"stream": {"account": CORE, "subject": "copy.events.>"}},
                        {"stream": {"account": CORE, "subject": "tw.events.>"}},
                    ],
                    "users": self._others(),
                },
            },
        }

    def _own(self) -> dict[str, object]:
        """The user of services and commands."""
        return {
            "user": SERVICE_USER,
            "password": self.passwords[SERVICE_USER],
            "permissions": {
                "publish": ["tw.>", "$JS.>", "readers.API.>", "_INBOX.>", "_R_.>"],
                "subscribe": ["tw.>", "_INBOX.>", "$JS.EVENT.>", "_R_.>"],
                "allow_responses": True,
            },
        }

    def _others(self) -> list[dict[str, object]]:
        """One user per role, each with what it needs.

        ``guest`` is whoever comes without a password. On a machine of one's own a logger and a subscriber of ten
        lines work at once; whoever wants to act (commands) needs the credentials of the connection file.
        """
        return [
            {
                "user": "gateway",
                "password": self.passwords["gateway"],
                "permissions": {"publish": [PUBLISH_TELEMETRY], "subscribe": HEAR_ANSWERS},
            },
            {
                "user": "subscriber",
                "password": self.passwords["subscriber"],
                "permissions": {"publish": list(READ_EVENTS), "subscribe": HEAR_EVENTS},
            },
            {
                "user": "guest",
                "password": self._guest_password,
                "permissions": {"publish": [PUBLISH_TELEMETRY, *READ_EVENTS], "subscribe": HEAR_EVENTS},
            },
        ]


def _service(account: str, subject: str, to: str | None = None) -> dict[str, object]:
    """Import a service of *account*, under another name or its own."""
    return {"service": {"account": account, "subject": subject}, **({} if to is None else {"to": to})}


def server_info(port: int, host: str = HOST, timeout: float = 1.0) -> dict[str, object] | None:
    """Return what the server on *port* says of itself when greeted, or None when none speaks NATS there."""
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            line = connection.makefile("rb").readline(65_536)
    except OSError:
        return None
    word, _, body = line.partition(b" ")
    if word != b"INFO":
        return None
    try:
        info = json.loads(body)
    except ValueError:
        return None
    return info if isinstance(info, dict) else None
