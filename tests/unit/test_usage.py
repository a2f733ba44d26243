"""Typer's own words, in Chinese: the frame of every help, and what is wrong with a command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from tailwarden.cli import usage
from tailwarden.cli.app import app, main

ENGLISH = (
    "Usage:", "Options:", "Arguments:", "Commands:", "Show this message", "[required]", "[default", "%Y", "[OPTIONS]",
    "<str>", "<int>", "<path>", "<float>", "COMMAND [ARGS]",
)  # fmt: skip


def commands(command: Any, context: Any) -> Iterator[Any]:
    """Yield the context of a command and of every one below it."""
    yield context
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, type(context)(inner, info_name=name, parent=context))


def test_no_help_has_an_english_frame_in_chinese_nor_a_chinese_one_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    command: Any = get_command(app)
    contexts = list(commands(command, command.make_context("tailwarden", [], resilient_parsing=True)))
    assert len(contexts) > 100
    english = [context.get_help() for context in contexts]
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", "zh")
    chinese = [context.get_help() for context in contexts]
    for text in chinese:
        assert text.startswith("用法：tailwarden")
        assert not [word for word in ENGLISH if word in text], text
    for text in english:
        assert not re.search(r"用法：|\[必填\]|显示本帮助。", text), text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("drill start", "错误：缺少参数 POND。"),
        ("drill start p", "错误：缺少选项 --by。"),
        ("drill foo", "错误：没有命令 foo。"),
        ("drill list --poond x", "错误：没有选项 --poond（相近的有：--json、--pond）。"),
        ("drill list --pond", "错误：选项 --pond 需要一个值。"),
        ("drill list --json=1", "错误：选项 --json 不带值。"),
        ("warnings show a b", "错误：多余的参数：b。"),
        ("cases deadlines list --as-of x", "错误：--as-of 应为日期（年-月-日），收到 x。"),
        ("cases deadlines list --limit 0", "错误：--limit 应不小于 1。"),
        ("cases deadlines list --limit 999", "错误：--limit 应不大于 500。"),
        ("cases deadlines list --limit x", "错误：--limit 应为数。"),
        ("drill", "  --help  显示本帮助。"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_said_in_chinese(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", "zh")
    monkeypatch.setattr("sys.argv", ["tailwarden", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in err.splitlines()
    assert not [word for word in (*ENGLISH, "Error", "Try") if word in err], err


@pytest.mark.parametrize("words", ["zh", "en"])
def test_exit_codes_are_those_of_the_command(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", words)
    for line, code in (("--version", 0), ("drill --help", 0), ("registry ponds list --home /dev/null", 2)):
        monkeypatch.setattr("sys.argv", ["tailwarden", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code, line
    assert capsys.readouterr().out


def test_a_message_nobody_knows_stays_as_it_is() -> None:
    assert usage.in_chinese("The moon is full.") == "The moon is full."
