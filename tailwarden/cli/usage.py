"""What typer says of itself, in Chinese: help's frame and errors of usage. It knows English only, and has no catalogue.

The words around our own are set after the fact: whole headings and whole sentences, never a word inside a text.
"""

from __future__ import annotations

import re
import sys
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from shared.words import catalogue, language, say

__all__ = ["UsageError", "speak", "tell"]

UsageError = cast("type[Exception]", next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError"))
"""What typer raises for a command line it cannot read; it has no public name of its own."""

_FRAME = (
    (r"(?m)^Usage: ", "usage"),
    (r"(?m)^Arguments:$", "arguments"),
    (r"(?m)^Options:$", "options"),
    (r"(?m)^Commands:$", "commands"),
    (r"Show this message and exit\.", "help"),
    (r"\[required\]", "required"),
    (r"\[default: ?", "default"),
    (r"\[OPTIONS\]", "some_options"),
    (r"\bCOMMAND \[ARGS\]\.\.\.", "some_command"),
    (r"<%Y-%m-%d>", "date"),
    (r"<str> ", "str"),
    (r"<int> ", "int"),
    (r"<float> ", "float"),
    (r"<path>", "path"),
)
_ERRORS = (
    (r"Missing argument '(?P<name>[^']+)'\.", "missing_argument"),
    (r"Missing option '(?P<name>[^']+)'\.", "missing_option"),
    (r"Missing command\.", "missing_command"),
    (r"No such command '(?P<name>.*)'\.", "no_command"),
    (r"No such option: (?P<name>\S+) \(Possible options: (?P<known>.*)\)", "no_option_but"),
    (r"No such option: (?P<name>\S+)", "no_option"),
    (r"Got unexpected extra argument\(s\) \((?P<given>.*)\)", "too_many"),
    (r"Option '(?P<name>[^']+)' requires an argument\.", "needs_value"),
    (r"Option '(?P<name>[^']+)' does not take a value\.", "takes_no_value"),
    (r"Invalid value for '(?P<name>[^']+)': (?:Value error, )?'(?P<got>.*)' does not match the formats? .*", "no_date"),
    (r"Invalid value for '(?P<name>[^']+)': Input should be greater than or equal to (?P<least>\S+)", "too_low"),
    (r"Invalid value for '(?P<name>[^']+)': Input should be less than or equal to (?P<most>\S+)", "too_high"),
    (r"Invalid value for '(?P<name>[^']+)': Input should be a valid (?:integer|number).*", "no_number"),
    (r"Invalid value for '(?P<name>[^']+)': (?P<why>.*)", "bad_value"),
)


def speak(group: typer.Typer) -> None:
    """Give every command and group below *group* the frame of help in the reader's language."""
    group.info.cls = _Group
    for command in group.registered_commands:
        command.cls = _Command
    for inner in group.registered_groups:
        inner.cls = _Group
        if inner.typer_instance is not None:
            speak(inner.typer_instance)


def tell(error: Exception) -> int:
    """Say in Chinese what is wrong with a command line, and how to call it; return the exit code."""
    context: Any = getattr(error, "ctx", None)
    told = str(cast("Any", error).format_message())
    if context is None or told != context.get_help():  # a group without a command is answered by its help
        told = say("usage.wrong", "zh", what=in_chinese(told))
        if context is not None:
            see = say("usage.see_help", "zh", command=context.command_path)
            told = f"{_framed(context.get_usage())}\n{see}\n\n{told}"
    sys.stderr.write(f"{told}\n")
    return int(cast("Any", error).exit_code)


def in_chinese(message: str) -> str:
    """Return typer's *message* in Chinese; one that is not known stays as it is."""
    for pattern, key in _ERRORS:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found is not None:
            given = found.groupdict()
            known = {"known": given["known"].split(", ")} if "known" in given else {}
            return say(f"usage.{key}", "zh", **{**given, **known})
    return message


def _framed(text: str) -> str:
    for pattern, key in _FRAME:
        text = re.sub(pattern, catalogue()[f"usage.{key}"]["zh"], text)
    return text


class _Command(TyperCommand):
    def get_help(self, ctx: Any) -> str:
        return _framed(super().get_help(ctx)) if language() == "zh" else super().get_help(ctx)


class _Group(TyperGroup):
    def get_help(self, ctx: Any) -> str:
        return _framed(super().get_help(ctx)) if language() == "zh" else super().get_help(ctx)
