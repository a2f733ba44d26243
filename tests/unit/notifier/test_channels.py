"""The README's channels can be used as they stand, and what a provider said is told in a word."""

from __future__ import annotations

import re
import smtplib
from pathlib import Path

import pytest
import requests
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError

from services.notifier.adapters.channelfile import read_channels
from services.notifier.adapters.channels import ConfiguredChannels
from services.notifier.adapters.witness import Notes, verdict
from services.notifier.digest import compose, current
from services.notifier.domain.message import Message
from services.notifier.ports import Language, Length, Rendered
from shared.clock import SystemClock
from shared.contracts.levels import LevelName
from shared.contracts.notifier import MessageKind
from tests.unit.notifier.test_retry import NOW

README = Path(__file__).parents[3] / "services" / "notifier" / "README.md"
ADDRESSES = {"mail": "an@example.org", "mobile": "+86 138-1234-1234", "webhook": "https://u:p@[::1]:8/x?a=b&c=d%26"}


def test_the_readme_s_channels_can_be_used(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (text,) = [block for block in blocks if "[channels." in block]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mail").write_text("pass/word\n")
    file = tmp_path / "channels.toml"
    file.write_text(text, "utf-8")
    environment = dict.fromkeys(re.findall(r'env = "(\w+)"', text), "abc0123")
    configs = read_channels(file, environment)
    channels = ConfiguredChannels(configs, SystemClock())
    assert [config.name for config in configs] == ["mail", "sms", "dingtalk", "own", "wecom", "feishu", "demo"]
    kinds = ("mail", "mobile", "webhook")
    for channel in channels.route(kinds):
        plugin = channel._plugin(ADDRESSES.get(channel.kind or ""))  # type: ignore[attr-defined]  # ours
        assert plugin is not None, channel
        url = plugin.url()
        match channel.name:
            case "mail":
                assert plugin.password == "pass/word"
                assert plugin.targets == [(False, "an@example.org")]
            case "sms":
                assert plugin.payload_extras["mobile"] == "+8613812341234"
                assert plugin.headers == {"Authorization": "Bearer abc0123"}
            case "dingtalk":
                assert "8613812341234" in url
            case "own":
                assert plugin.params == {"a": "b", "c": "d&"}
                assert (plugin.secure, plugin.port, plugin.user, plugin.password) == (True, 8, "u", "p")
    assert [channel.name for channel in channels.route(["mobile", "mail", "mobile"])] == [
        "sms", "dingtalk", "mail", "wecom", "feishu",
    ]  # fmt: skip
    assert configs[-1].directory == tmp_path / "mailbox"


def unconnected() -> requests.ConnectionError:
    pool = HTTPConnectionPool("127.0.0.1", 9)
    reason = NewConnectionError(pool, "Connection refused")  # type: ignore[arg-type]  # any connection does
    return requests.ConnectionError(MaxRetryError(pool, "/", reason))


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        (Notes(error=smtplib.SMTPDataError(451, b"later"), within="sendmail"), ("smtp_451", False, False, False)),
        (Notes(error=smtplib.SMTPDataError(554, b"spam"), within="sendmail"), ("smtp_554", False, True, False)),
        (Notes(error=smtplib.SMTPAuthenticationError(535, b"no")), ("smtp_535", False, True, False)),
        (Notes(error=smtplib.SMTPRecipientsRefused({"a": (550, b"")})), ("smtp_550", False, True, True)),
        (Notes(error=smtplib.SMTPServerDisconnected("gone"), within="sendmail"), ("broken", True, False, False)),
        (Notes(error=smtplib.SMTPServerDisconnected("gone"), within="send"), ("unreachable", False, False, False)),
        (Notes(error=TimeoutError(), within="sendmail"), ("timeout", True, False, False)),
        (Notes(error=ConnectionRefusedError(), within="send"), ("unreachable", False, False, False)),
        (Notes(error=requests.ReadTimeout()), ("timeout", True, False, False)),
        (Notes(error=requests.ConnectTimeout()), ("unreachable", False, False, False)),
        (Notes(error=unconnected()), ("unreachable", False, False, False)),
        (Notes(error=requests.exceptions.SSLError()), ("tls", False, False, False)),
        (Notes(error=requests.ConnectionError("reset")), ("broken", True, False, False)),
        (Notes(status=401), ("http_401", False, True, False)),
        (Notes(status=429), ("http_429", False, False, False)),
        (Notes(status=500), ("http_500", False, False, False)),
        (Notes(status=504), ("http_504", True, False, False)),
        (Notes(), ("refused", False, False, False)),
        (Notes(error=KeyError("x")), ("error", True, False, False)),
    ],
)
def test_what_a_provider_said_in_a_word(notes: Notes, expected: tuple[str, bool, bool, bool]) -> None:
    handed = verdict(notes)
    assert not handed.sent
    assert (handed.why, handed.maybe, handed.lasting, handed.personal) == expected


def message(alarm: str, level: LevelName | None, **more: bool) -> Message:
    return Message(
        kind=MessageKind.ALARM, alarm_id=alarm, pond_id=alarm, pond_name=alarm, level=level, time=NOW, link="l", **more
    )


def render(told: Message, language: Language, length: Length) -> Rendered:
    return Rendered(told.pond_name, f"{told.pond_name} {told.level} {length}")


def test_several_messages_in_one_say_how_many_and_the_worst_first() -> None:
    told = [message(f"w{i}", LevelName.BLUE) for i in range(4)] + [message("w9", LevelName.RED)]
    short = compose(render, told, "zh", "short")
    assert short.subject == "5 座尾矿库告警通报，最高红色"
    assert short.body.splitlines() == [
        short.subject, "w9 red short", "w0 blue short", "w1 blue short", "另有 2 座，详见邮件或值班台。",
    ]  # fmt: skip
    full = compose(render, told, "en", "full")
    assert all(each.pond_name in full.body for each in told)
    over = compose(render, [message("w1", None, exercise=True), message("w2", None, exercise=True)], "en", "full")
    assert over.subject == "(EXERCISE) 2 tailings ponds: alarms over"
    again = compose(render, [message("w1", None, maybe_again=True), message("w2", None)], "en", "full")
    assert again.subject == "(SENT TWICE?) 2 tailings ponds: alarms over"


@pytest.mark.parametrize(
    ("first", "second", "mark"),
    [
        ({}, {}, ""),
        ({"verified": False}, {"verified": False}, "(UNVERIFIED) "),
        ({"verified": False}, {}, "(PARTLY UNVERIFIED) "),
        ({"late": True}, {"late": True}, "(LATE) "),
        ({}, {"late": True}, "(PARTLY LATE) "),
        ({"late": True, "verified": False, "maybe_again": True}, {}, "(PARTLY UNVERIFIED, PARTLY LATE, SENT TWICE?) "),
    ],
)
def test_the_subject_of_several_is_marked_for_all_or_for_a_part(
    first: dict[str, bool], second: dict[str, bool], mark: str
) -> None:
    told = [message("w1", LevelName.RED, **first), message("w2", LevelName.BLUE, **second)]
    assert compose(render, told, "en", "short").subject == f"{mark}2 tailings ponds: alarms up to red"
    exercise = [message.model_copy(update={"exercise": True}) for message in told]
    assert compose(render, exercise, "zh", "full").subject.startswith("【演练】")


def test_of_one_alarm_the_newest_is_told_and_stays_marked() -> None:
    (told,) = current([message("w", LevelName.BLUE, maybe_again=True), message("w", LevelName.RED)])
    assert (told.level, told.maybe_again) == (LevelName.RED, True)


def test_words_that_fail_hold_no_alarm_back() -> None:
    def broken(told: Message, language: Language, length: Length) -> Rendered:
        raise KeyError(told.pond_name)

    text = compose(broken, [message("w1", LevelName.RED, exercise=True)], "zh", "short")
    assert text.body == "【演练】w1 (w1): 红色, 2025-07-22 08:00Z\nl"
