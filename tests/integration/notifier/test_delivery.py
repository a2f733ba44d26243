"""From "it was decided to tell a person" to "a provider took it": real database, real mail server, real webhooks."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from services.notifier.domain.delivery import Parcel
from services.notifier.domain.retry import RetryPolicy
from services.notifier.ports import RateLimit
from services.notifier.sender import SenderSettings
from shared.clock import SystemClock
from shared.contracts.levels import LevelName
from shared.contracts.notifier import ChannelDown, ChannelUp, MessageKind
from shared.postgres import Pool
from tests.integration.notifier.office import START, Office, parcel, until
from tests.integration.notifier.providers import MailServer, mail_server, web_hooks

PEOPLE = {name: {"mail": f"{name}@example.org", "mobile": "13812341234"} for name in ("an", "bo", "chen", "dai")}


def mail_channel(server: MailServer, more: str = "") -> str:
    return f"""
[channels.mail]
kind = "mail"
url = "mailto://127.0.0.1:{server.port}/?mode=insecure&from=desk%40example.org&to={{address}}"
timeout_s = 30
{more}
"""


def box_channel(kind: str = "mobile", more: str = "") -> str:
    return f"""
[channels.sms]
kind = "{kind}"
directory = "box"
language = "en"
length = "short"
{more}
"""


def broken_channel() -> str:
    """Return a channel that fails at once, at no cost: its directory is a file."""
    return '[channels.broken]\nkind = "mobile"\ndirectory = "channels.toml"\n'


DEAD = """
[channels.gateway]
kind = "mobile"
url = "json://127.0.0.1:9/?-to={address}"
timeout_s = 2
"""


def box(directory: Path) -> list[tuple[str, str]]:
    """Return who got what in the mailbox directory, in order."""
    files = sorted((directory / "box").rglob("*.*"), key=lambda path: path.name) if (directory / "box").exists() else []
    return [(path.parent.name, path.read_text("utf-8")) for path in files]


async def test_a_message_is_delivered_once_and_recorded(pool: Pool, tmp_path: Path) -> None:
    async with mail_server() as server:
        office = Office(pool, tmp_path, mail_channel(server), PEOPLE)
        assert await office.put(parcel("d1"), parcel("d1")) == 1
        assert await office.put(parcel("d1")) == 0
        await office.go(3600)
    assert [(mail.to, mail.subject, mail.content_type) for mail in server.mails] == [
        ("an@example.org", "red pond-w-d1", "text/plain")
    ]
    assert server.mails[0].body.strip() == "red pond-w-d1 (alarm, zh, full)"
    (event,) = office.desk.events
    assert (event.event_type, event.channel, event.attempt) == ("notifier.alarm.sent", "mail", 1)
    assert office.desk.sent[0].maybe_again is False
    assert (await office.row("d1"))["state"] == "sent"


async def test_a_pond_with_a_long_name_has_its_mail(pool: Pool, tmp_path: Path) -> None:
    async with mail_server() as server:
        office = Office(pool, tmp_path, mail_channel(server), PEOPLE)
        for whole, name in ((parcel("d1"), "尾" * 200), (parcel("d2", "bo"), "pond" * 50)):
            about = whole.message.model_copy(update={"pond_id": name})  # what the words of this test call it by
            await office.put(whole.model_copy(update={"message": about}))
        await office.go(10)
    assert len(office.desk.sent) == 2
    long, plain = sorted(server.mails, key=lambda mail: mail.to)
    assert long.subject.startswith("red 尾尾")
    assert long.subject.endswith("尾…")
    assert "尾" * 200 in long.body
    assert plain.subject == f"red {'pond' * 50}"


async def test_backoff_then_the_next_channel_then_a_report(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, DEAD + box_channel("mail"), PEOPLE)
    await office.put(*(parcel(f"d-{name}", name, channels=("mobile", "mail")) for name in PEOPLE))
    await office.go(50)
    assert sorted(who for who, _ in box(tmp_path)) == sorted(PEOPLE)
    of_an = [event for event in office.desk.events if event.person_id == "an"]
    assert of_an[-1].event_type == "notifier.alarm.sent"
    assert of_an[-1].channel == "sms"
    assert {event.why for event in office.desk.failed} == {"unreachable"}
    # At most three tries each by the dead channel, fewer once it was known to be dead.
    tries = Counter(event.person_id for event in office.desk.failed)
    assert max(tries.values()) <= 3
    (down,) = [event for event in office.desk.reports if isinstance(event, ChannelDown)]
    assert (down.channel, down.why) == ("gateway", "unreachable")
    # Known to be down, it is passed over at once: something less than red may find out whether it still is.
    before = len(office.desk.failed)
    await office.put(parcel("later", channels=("mobile", "mail"), at=office.clock.now(), level=LevelName.RED))
    await office.go(0)
    assert (await office.row("later"))["channel"] == "sms"
    assert len(office.desk.failed) == before


async def test_an_alarm_is_never_given_up_and_anything_else_is_in_the_end(pool: Pool, tmp_path: Path) -> None:
    retry = RetryPolicy(give_up_s=1800)
    office = Office(pool, tmp_path, broken_channel(), PEOPLE, settings=SenderSettings(retry=retry, probe_s=300))
    await office.put(
        parcel("d1", channels=("mobile",)),
        parcel("clear", "bo", channels=("mobile",), kind=MessageKind.ALL_CLEAR, level=None),
    )
    await office.go(7200)
    mine = [each for each in office.desk.outcomes if each.delivery_id == "d1"]
    assert [each.attempt for each in mine] == list(range(1, len(mine) + 1))
    assert any(each.exhausted for each in mine)
    assert mine[-1].at - START > timedelta(minutes=100)
    assert (await office.row("d1"))["state"] == "waiting"
    assert (await office.row("clear"))["state"] == "failed"
    given_up = [each for each in office.desk.outcomes if each.delivery_id == "clear"][-1]
    assert given_up.at - START > timedelta(minutes=30)


async def test_a_channel_that_works_again_is_reported_and_takes_what_waits(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "box").write_text("no directory")
    office = Office(pool, tmp_path, box_channel(), PEOPLE)
    await office.put(*(parcel(f"d-{name}", name, channels=("mobile",)) for name in PEOPLE))
    await office.go(600)
    assert [type(event) for event in office.desk.reports] == [ChannelDown]
    probes = [event for event in office.desk.failed if event.at > START + timedelta(seconds=60)]
    assert 12 <= len(probes) <= 24  # now and then, one person's at a time; not everybody's
    (tmp_path / "box").unlink()
    await office.go(60)
    assert [type(event) for event in office.desk.reports] == [ChannelDown, ChannelUp]
    assert sorted(who for who, _ in box(tmp_path)) == sorted(PEOPLE)
    assert not any(event.maybe_again for event in office.desk.sent)  # a refusal is certain


async def test_an_address_that_is_refused_says_nothing_about_the_channel(pool: Pool, tmp_path: Path) -> None:
    async with mail_server() as server:
        server.refuse_to = {f"{name}@example.org": "550 no such mailbox" for name in ("an", "bo", "chen")}
        office = Office(pool, tmp_path, mail_channel(server) + box_channel(), PEOPLE)
        await office.put(*(parcel(f"d-{name}", name, channels=("mail", "mobile")) for name in PEOPLE))
        await office.go(60)
    assert office.desk.reports == []
    assert {(event.why, event.final, event.attempt) for event in office.desk.failed} == {("smtp_550", True, 1)}
    assert sorted(who for who, _ in box(tmp_path)) == ["an", "bo", "chen"]
    assert [mail.to for mail in server.mails] == ["dai@example.org"]


async def test_whoever_has_no_address_is_told_by_the_last_resort_or_it_is_said(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, box_channel(), PEOPLE | {"eve": {"mail": "eve@example.org"}})
    await office.put(parcel("d1", "eve", channels=("mobile",)), parcel("d2", "eve", channels=("mail",)))
    await office.go(1)
    assert {(event.delivery_id, event.why) for event in office.desk.failed} == {
        ("d1", "no_address"),
        ("d2", "no_channel"),
    }
    office.book.known["eve"]["mobile"] = "13912341234"  # takes effect with the next try
    await office.go(60)
    assert [event.delivery_id for event in office.desk.sent] == ["d1"]
    (tmp_path / "other").mkdir()
    other = Office(pool, tmp_path / "other", box_channel("everybody"), {}, clock=office.clock)
    await other.go(600)
    assert [event.delivery_id for event in other.desk.sent] == ["d2"]


async def test_a_provider_that_hangs_delays_nobody_and_is_marked(pool: Pool, tmp_path: Path) -> None:
    hooks_toml = """
[channels.hook]
kind = "webhook"
url = "json:{address}"
timeout_s = 1.5
"""
    async with web_hooks() as hooks:
        hooks.hang = {"/slow?token=s3cret&x=a+b"}
        people = {name: {"webhook": hooks.at(f"/{name}")} for name in PEOPLE}
        people["an"] = {"webhook": hooks.at("/slow?token=s3cret&x=a+b"), "mobile": "13812341234"}
        settings = SenderSettings(retry=RetryPolicy(attempts=1))
        office = Office(pool, tmp_path, hooks_toml + box_channel(), people, clock=SystemClock(), settings=settings)
        kinds = ("webhook", "mobile")
        async with office.running():
            await office.put(*(parcel(f"d-{name}", name, channels=kinds) for name in PEOPLE))
            office.sender.wake()
            await until(lambda: len(office.desk.sent) == 3)
            assert office.desk.failed == []  # nobody waited for the one that hangs
            await until(lambda: len(office.desk.sent) == 4)
    # It did take the message, it only did not say so: that is what the mark is for.
    assert sorted(path for path, _ in hooks.posts) == ["/bo", "/chen", "/dai", "/slow?token=s3cret&x=a+b"]
    ((who, text),) = box(tmp_path)
    assert who == "an"
    assert "AGAIN?" in text
    assert [event.why for event in office.desk.failed] == ["timeout"]
    assert {event.person_id: event.maybe_again for event in office.desk.sent} == {
        "an": True, "bo": False, "chen": False, "dai": False,
    }  # fmt: skip


async def test_people_s_own_broken_receivers_are_their_own_matter(pool: Pool, tmp_path: Path) -> None:
    hooks_toml = '[channels.own]\nkind = "webhook"\nurl = "json:{address}"\ntimeout_s = 1\n'
    async with web_hooks() as hooks:
        hooks.status = {"/an": 500, "/bo": 403, "/chen": 503}
        people = {name: {"webhook": hooks.at(f"/{name}"), "mobile": "13812341234"} for name in PEOPLE}
        people["bad"] = {"webhook": "http://127.0.0.1:9/", "mobile": "13812341234"}
        office = Office(pool, tmp_path, hooks_toml + box_channel(), people)
        for number in range(4):
            due = [
                parcel(f"{number}-{who}", who, channels=("webhook", "mobile"), at=office.clock.now()) for who in people
            ]
            await office.put(*due)
            await office.go(60)
    assert office.desk.reports == []
    assert [path for path, _ in hooks.posts] == ["/dai"] * 4
    assert {who for who, _ in box(tmp_path)} == {"an", "bo", "chen", "bad"}


async def test_a_receiver_that_hangs_leaves_the_channel_to_others(pool: Pool, tmp_path: Path) -> None:
    hooks_toml = '[channels.own]\nkind = "webhook"\nurl = "json:{address}"\ntimeout_s = 0.3\nconcurrency = 2\n'
    async with web_hooks() as hooks:
        hooks.drip = {"/an", "/bo", "/chen"}  # a byte now and then: the provider's own time never runs out
        people = {name: {"webhook": hooks.at(f"/{name}"), "mobile": "13812341234"} for name in PEOPLE}
        settings = SenderSettings(retry=RetryPolicy(attempts=1))
        office = Office(pool, tmp_path, hooks_toml + box_channel(), people, clock=SystemClock(), settings=settings)
        async with office.running():
            for number in range(2):
                names = ("an", "bo", "chen")
                now = office.clock.now()
                due = [parcel(f"{number}-{who}", who, channels=("webhook", "mobile"), at=now) for who in names]
                await office.put(*due)
                office.sender.wake()
                await until(lambda number=number: len(office.desk.sent) == 3 * (number + 1), 10)
            await office.put(parcel("free", "dai", channels=("webhook",), at=office.clock.now()))
            office.sender.wake()
            await until(lambda: len(office.desk.sent) == 7, 10)
    assert ("/dai") in [path for path, _ in hooks.posts]
    assert sum(path == "/an" for path, _ in hooks.posts) == 1, "no second thread while the first hangs"
    assert office.desk.reports == []


async def test_a_channel_that_is_down_is_tried_by_red_too_when_there_is_nothing_else(
    pool: Pool, tmp_path: Path
) -> None:
    channels = box_channel() + box_channel("mail").replace("sms", "second").replace('"box"', '"other"')
    office = Office(pool, tmp_path, channels, PEOPLE)
    (tmp_path / "box").write_text("no directory")
    for minute in range(3):
        names = [
            parcel(f"{minute}-{name}", name, channels=("mobile", "mail"), at=office.clock.now()) for name in PEOPLE
        ]
        await office.put(*names)
        await office.go(60)
    assert [type(event) for event in office.desk.reports] == [ChannelDown]
    probes = len([event for event in office.desk.failed if event.at > START + timedelta(seconds=60)])
    assert 1 <= probes <= 2, "one message now and then, in a storm of nothing but red"
    (tmp_path / "box").unlink()
    await office.put(parcel("last", channels=("mobile", "mail"), at=office.clock.now()))
    await office.go(70)
    assert (await office.row("last"))["state"] == "sent"
    await office.put(parcel("next", channels=("mobile", "mail"), at=office.clock.now()))
    await office.go(1)
    assert [type(event) for event in office.desk.reports] == [ChannelDown, ChannelUp]


async def test_a_look_at_a_channel_is_not_spent_on_nothing(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, box_channel(), PEOPLE)
    await office.desk.report(ChannelDown(channel="sms", why="unreachable", at=START))
    later, again = START + timedelta(seconds=30), START + timedelta(seconds=60)
    assert await office.outbox.claim(["gone"], "sms", RateLimit(), later, again) == []
    await office.put(parcel("d1", channels=("mobile",)))
    slow = RateLimit(per_minute=1)
    assert len(await office.outbox.claim(["d1"], "sms", slow, later, again)) == 1  # type: ignore[arg-type]  # a list
    assert await office.outbox.claim(["d1"], "sms", slow, later, again) == later, "somebody tries it just now"
    assert (await office.outbox.away())["sms"].probe_at == again
    ready = await office.outbox.claim(["d1"], "sms", slow, again, again + timedelta(seconds=30))
    assert ready == later + timedelta(seconds=60), "the rate allows none yet"
    assert (await office.outbox.away())["sms"].probe_at == again


async def test_what_is_due_together_goes_in_one_message_the_newest_of_each_alarm(pool: Pool, tmp_path: Path) -> None:
    async with mail_server() as server:
        office = Office(pool, tmp_path, mail_channel(server, 'language = "en"'), PEOPLE)
        await office.put(parcel("old", alarm="w1", level=LevelName.YELLOW))
        await office.put(
            parcel("new", alarm="w1", level=LevelName.RED),
            parcel("other", alarm="w2", level=LevelName.BLUE),
            parcel("drill", alarm="w3", exercise=True),
            parcel("report", alarm="x", kind=MessageKind.CHANNEL_REPORT, level=None),
        )
        await office.go(30)
    assert len(server.mails) == 3  # an exercise and a report are never among alarms
    together = next(mail for mail in server.mails if "tailings ponds" in mail.subject)
    assert together.subject == "2 tailings ponds: alarms up to red"
    assert "red pond-w1 (alarm, en, full)" in together.body
    assert "yellow" not in together.body
    assert together.body.index("pond-w1") < together.body.index("pond-w2")
    assert {event.delivery_id for event in office.desk.sent} == {"old", "new", "other", "drill", "report"}


async def test_red_does_not_wait_for_the_pace_of_lesser_messages(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, box_channel(), PEOPLE, settings=SenderSettings(burst=2, every_s=60))
    for number in range(4):
        await office.put(parcel(f"b{number}", channels=("mobile",), level=LevelName.BLUE))
        await office.go(0)
    assert len(office.desk.sent) == 2
    await office.put(parcel("red", channels=("mobile",)))
    await office.go(0)
    assert "red" in {event.delivery_id for event in office.desk.sent}


async def test_whoever_could_not_be_reached_gets_what_holds_now(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "box").write_text("no directory")
    office = Office(pool, tmp_path, box_channel(), PEOPLE)
    await office.put(parcel("raised", alarm="w1", channels=("mobile",)))
    await office.go(900)
    (tmp_path / "box").unlink()
    now = office.clock.now()
    await office.put(parcel("over", alarm="w1", channels=("mobile",), kind=MessageKind.ALL_CLEAR, level=None, at=now))
    await office.go(60)
    ((_, text),) = box(tmp_path)
    assert "all_clear" in text
    assert {event.delivery_id for event in office.desk.sent} == {"raised", "over"}


async def test_an_older_message_never_comes_after_a_newer_one(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, box_channel(), PEOPLE)
    await office.put(parcel("old", alarm="w1", channels=("mobile",)))
    async with pool.connection() as conn:  # it is just being tried
        await conn.execute("UPDATE delivery SET state = 'sending', run = %s", (office.outbox.run.id,))
    await office.put(parcel("new", alarm="w1", channels=("mobile",), kind=MessageKind.ALL_CLEAR, level=None))
    await office.go(0)
    async with pool.connection() as conn:  # and failed, after the newer one was sent
        await conn.execute("UPDATE delivery SET state = 'waiting', run = NULL WHERE id = 'old'")
    await office.go(60)
    assert len(box(tmp_path)) == 1
    old = await office.row("old")
    assert (old["state"], old["why"]) == ("failed", "covered")


async def test_the_rate_lets_red_go_first(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, box_channel(more="per_second = 1\nper_minute = 20"), {})
    people = {f"p{number}": {"mobile": "138"} for number in range(24)}
    office.book.known = people
    levels = (LevelName.BLUE, LevelName.YELLOW, LevelName.ORANGE, LevelName.RED)
    await office.put(
        *(parcel(f"d{i}", f"p{i}", channels=("mobile",), level=levels[i % 4], at=START) for i in range(24))
    )
    await office.go(300)
    order = sorted(office.desk.sent, key=lambda event: event.at)
    assert [int(event.delivery_id[1:]) % 4 for event in order] == [3] * 6 + [2] * 6 + [1] * 6 + [0] * 6
    times = [(event.at - START).total_seconds() for event in order]
    gaps = [later - before for before, later in pairwise(times)]
    assert min(gaps) > 0.99
    # A minute's worth at once, then the minute's rate.
    assert sum(1 for time in times if time < 60) <= 20 + 20


async def test_two_senders_send_nothing_twice(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    people = {f"p{number}": {"mobile": "138"} for number in range(40)}
    settings = SenderSettings(poll_s=0.01, recover_s=0.05)
    offices = [
        Office(pool, tmp_path / name, box_channel(), people, clock=SystemClock(), settings=settings)
        for name in ("one", "two")
    ]
    everything = {f"d{batch}-{name}" for batch in range(3) for name in people}
    async with offices[0].running(), offices[1].running():
        for batch in range(3):
            await offices[0].put(*(parcel(f"d{batch}-{name}", name, channels=("mobile",)) for name in people))
            for office in offices:
                office.sender.wake()
        await until(lambda: sum(len(office.desk.sent) for office in offices) >= len(everything))
    sent = Counter(event.delivery_id for office in offices for event in office.desk.sent)
    assert set(sent) == everything
    assert set(sent.values()) == {1}
    assert not any(event.maybe_again for office in offices for event in office.desk.sent)
    texts = Counter(
        (who, line) for name in ("one", "two") for who, text in box(tmp_path / name) for line in text.splitlines()[:1]
    )
    assert set(texts.values()) == {1}


async def test_the_record_is_insisted_on_and_nothing_sent_again_meanwhile(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool, tmp_path, box_channel(), PEOPLE, clock=SystemClock(), settings=SenderSettings(recover_s=0.01))
    office.desk.fails = 4
    async with office.running():
        await office.put(*(parcel(f"d-{name}", name, channels=("mobile",)) for name in PEOPLE))
        office.sender.wake()
        await until(lambda: len(office.desk.sent) == 4)
    assert len(box(tmp_path)) == 4
    assert Counter(event.maybe_again for event in office.desk.sent) == {False: 4}


async def test_a_thousand_messages_to_twenty_people_within_seconds(pool: Pool, tmp_path: Path) -> None:
    people = {f"p{number}": {"mail": f"p{number}@example.org"} for number in range(20)}
    parcels: list[Parcel] = [parcel(f"d{pond}-{name}", name, alarm=f"w{pond}") for pond in range(50) for name in people]
    async with mail_server() as server:
        office = Office(pool, tmp_path, mail_channel(server, 'language = "en"'), people, clock=SystemClock())
        async with office.running():
            began = asyncio.get_running_loop().time()
            await office.put(*parcels)
            office.sender.wake()
            await until(lambda: len(office.desk.sent) == 1000)
            took = asyncio.get_running_loop().time() - began
    assert took < 30  # alone on a machine it is one or two
    assert len(server.mails) == 20
    assert all(mail.subject == "50 tailings ponds: alarms up to red" for mail in server.mails)
    assert {event.delivery_id for event in office.desk.sent} == {each.id for each in parcels}


@pytest.mark.parametrize("person", ["an", None])
async def test_what_is_withdrawn_is_not_sent(pool: Pool, tmp_path: Path, person: str | None) -> None:
    office = Office(pool, tmp_path, box_channel(), PEOPLE)
    await office.put(
        parcel("d1", "an", alarm="w1", channels=("mobile",)), parcel("d2", "bo", alarm="w1", channels=("mobile",))
    )
    async with pool.connection() as conn:
        assert await office.outbox.withdraw(conn, "w1", person) == (2 if person is None else 1)
    await office.go(60)
    assert [who for who, _ in box(tmp_path)] == ([] if person is None else ["bo"])
    assert await office.outbox.purge(START + timedelta(days=1)) == 2
    assert await office.outbox.standing() == {}
