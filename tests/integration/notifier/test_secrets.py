"""Addresses and passwords stand nowhere but where they are sent: not in logs, events, rows, errors or reprs."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from services.notifier.adapters.channelfile import read_channels
from shared import logging as house_logging
from shared.contracts.levels import LevelName
from shared.postgres import Pool
from shared.problems import BadInput
from tests.integration.notifier.office import Office, parcel
from tests.integration.notifier.providers import mail_server, web_hooks

MAIL, MOBILE, TOKEN, PASSWORD = "wang.secret@example.org", "13899998888", "t0ken5ecret", "pa55-w/rd"
SECRETS = [MAIL, MOBILE, TOKEN, PASSWORD, quote(MAIL, safe=""), quote(PASSWORD, safe=""), "wang.secret"]
CHANNELS = """
[channels.mail]
kind = "mail"
url = "mailto://desk:{{password}}@127.0.0.1:{mail}/?mode=insecure&from=desk%40example.org&to={{address}}"
secrets = {{ password = {{ env = "MAIL_PASSWORD" }} }}
[channels.dead]
kind = "mobile"
url = "json://127.0.0.1:9/{{token}}/?-to={{address}}"
secrets = {{ token = {{ file = "token" }} }}
timeout_s = 0.5
[channels.hook]
kind = "webhook"
url = "json:{{address}}"
timeout_s = 0.5
[channels.unknown]
kind = "phone"
url = "nosuch://{{token}}/{{address}}"
secrets = {{ token = {{ file = "token" }} }}
"""
WITH_SECRET = '[channels.a]\nkind = "mail"\nurl = "x://{p}/{address}"\nsecrets = { p = '


@pytest.fixture
def everything() -> Iterator[io.StringIO]:
    """Everything that is logged at any level, as the service would write it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    house_logging.configure("debug", "json")
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    # Whoever listens to one of these directly hears no more.
    others = [logging.getLogger(name) for name in ("apprise", "urllib3", "urllib3.connectionpool", "oauthlib")]
    for other in others:
        other.addHandler(handler)
    yield stream
    for other in others:
        other.removeHandler(handler)
    root.handlers[:], root.level = handlers, level


async def test_secrets_stand_nowhere(pool: Pool, tmp_path: Path, everything: io.StringIO) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n", "utf-8")
    async with mail_server() as server, web_hooks() as hooks:
        hooks.status = {f"/{TOKEN}/gone": 404}
        hooks.hang = {f"/{TOKEN}/hangs"}
        server.refuse_to = {MAIL: f"550 <{MAIL}> is unknown here"}
        people = {
            "an": {"mail": MAIL, "mobile": MOBILE, "phone": MOBILE, "webhook": hooks.at(f"/{TOKEN}/fine")},
            "bo": {"webhook": hooks.at(f"/{TOKEN}/gone"), "mail": "not an address " + TOKEN},
            "chen": {"webhook": hooks.at(f"/{TOKEN}/hangs")},
            "dai": {"webhook": "gopher://" + TOKEN},
        }
        # The mail server asks for no password, so one that has one is refused: that, too, is told without it.
        office = Office(
            pool, tmp_path, CHANNELS.format(mail=server.port), people, environment={"MAIL_PASSWORD": PASSWORD}
        )
        kinds = ("mail", "mobile", "phone", "webhook")
        await office.put(*(parcel(f"d-{name}", name, channels=kinds, level=LevelName.RED) for name in people))
        await office.go(40)
        password = office.channels.route(["mail"])[0]
    whys = {event.why for event in office.desk.failed}
    assert {"unreachable", "bad_address", "http_404", "timeout"} <= whys
    assert [path for path, _ in hooks.posts if path.endswith("fine")] == [f"/{TOKEN}/fine"]
    log = everything.getvalue()
    assert "not told" in log
    async with pool.connection() as conn:
        rows = await (await conn.execute("SELECT d::text FROM delivery d")).fetchall()
        health = await (await conn.execute("SELECT h::text FROM channel_health h")).fetchall()
    configs = read_channels(tmp_path / "channels.toml", {"MAIL_PASSWORD": PASSWORD})
    shown = "\n".join(
        [
            log, repr(rows), repr(health), repr(office.desk.events), repr(office.desk.reports), repr(password),
            repr(office.channels), repr(configs), str([each.model_dump() for each in configs]),
            "\n".join(event.model_dump_json() for event in office.desk.events),
        ]
    )  # fmt: skip
    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[channels.a]\nkind = "mail"\nurl = "mailto://u:hush@h/?to={addres}"', "delivery.bad_file"),
        ('[channels.a]\nkind = "mail"\nurl = "mailto://u:hush@h/"', "delivery.bad_file"),
        ('[channels.a]\nkind = "everybody"\nurl = "mailto://u:hush@h/?to={address}"', "delivery.bad_file"),
        ('[channels.a]\nkind = "mail"', "delivery.bad_file"),
        ('[channels.a]\nkind = "mail"\nurl = 5\nhush = "hush"', "delivery.bad_file"),
        ('[channels.a]\nkind = "mail"\ndirectory = "x"\nurl = "hush://{address}"', "delivery.bad_file"),
        ('[channels."A B"]\nkind = "mail"\ndirectory = "x"', "delivery.bad_file"),
        ('[channels]\na = "hush"', "delivery.bad_file"),
        ('channels = "hush"', "delivery.bad_file"),
        ('[channels.a]\nurl = "hush', "delivery.bad_file"),
        (WITH_SECRET + '{ env = "NOT" } }', "delivery.no_secret"),
        (WITH_SECRET + '{ file = "no" } }', "delivery.no_secret"),
        (WITH_SECRET + "{} }", "delivery.bad_file"),
    ],
)  # fmt: skip
def test_a_channels_file_that_cannot_be_used_is_refused_without_its_secrets(
    tmp_path: Path, text: str, code: str
) -> None:
    file = tmp_path / "channels.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadInput) as refused:
        read_channels(file, {})
    assert refused.value.code == code
    assert "hush" not in str(refused.value) + refused.value.words("zh") + repr(refused.value.params)
    assert refused.value.__cause__ is None


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=rf"channels file {re.escape(str(tmp_path))}/nothing cannot be used: No such file"
    ):
        read_channels(tmp_path / "nothing", {})
