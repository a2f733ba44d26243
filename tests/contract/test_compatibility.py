"""The compatibility checker: one row per kind of change, and who it breaks."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from shared.contracts.compatibility import Effect, Role, breaking, differences


class Inner(BaseModel):
    a: int
    b: str = ""


class More(Inner):
    c: int = 0


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int


def schema(**fields):
    return create_model("M", **fields).model_json_schema()


N, W, B = Effect.NARROWER, Effect.WIDER, Effect.BOTH
NOTHING: set[tuple[str, Effect]] = set()
ROWS = {
    "same": ({"a": (int, ...)}, {"a": (int, ...)}, NOTHING),
    "only words changed": ({"a": (int, Field(description="x"))}, {"a": (int, Field(description="y"))}, NOTHING),
    "field gone": ({"a": (int, ...), "b": (int, ...)}, {"a": (int, ...)}, {("b", B)}),
    "optional field gone": ({"a": (int, ...), "b": (int, 0)}, {"a": (int, ...)}, {("b", B)}),
    "field renamed": ({"a": (int, ...)}, {"b": (int, ...)}, {("a", B), ("b", N)}),
    "new required field": ({"a": (int, ...)}, {"a": (int, ...), "b": (int, ...)}, {("b", N)}),
    "new optional field": ({"a": (int, ...)}, {"a": (int, ...), "b": (int, 0)}, NOTHING),
    "now required": ({"a": (int, 0)}, {"a": (int, ...)}, {("a", N)}),
    "no longer required": ({"a": (int, ...)}, {"a": (int, 0)}, {("a", W)}),
    "another type": ({"a": (int, ...)}, {"a": (str, ...)}, {("a", N), ("a", W)}),
    "whole number to number": ({"a": (int, ...)}, {"a": (float, ...)}, {("a", W)}),
    "number to whole number": ({"a": (float, ...)}, {"a": (int, ...)}, {("a", N)}),
    "null allowed": ({"a": (int, ...)}, {"a": (int | None, ...)}, {("a", W)}),
    "null forbidden": ({"a": (int | None, ...)}, {"a": (int, ...)}, {("a", N)}),
    "choice taken away": ({"a": (Literal["x", "y"], ...)}, {"a": (Literal["x"], ...)}, {("a", N)}),
    "choice added": ({"a": (Literal["x"], ...)}, {"a": (Literal["x", "y"], ...)}, {("a", W)}),
    "text to choice": ({"a": (str, ...)}, {"a": (Literal["x"], ...)}, {("a", N)}),
    "choice to text": ({"a": (Literal["x"], ...)}, {"a": (str, ...)}, {("a", W)}),
    "least raised": ({"a": (int, Field(ge=1))}, {"a": (int, Field(ge=2))}, {("a", N)}),
    "least lowered": ({"a": (int, Field(ge=2))}, {"a": (int, Field(ge=1))}, {("a", W)}),
    "least introduced at zero": ({"a": (int, ...)}, {"a": (int, Field(ge=0))}, {("a", N)}),
    "most lowered": ({"a": (str, Field(max_length=9))}, {"a": (str, Field(max_length=8))}, {("a", N)}),
    "most lifted": ({"a": (str, Field(max_length=9))}, {"a": (str, ...)}, {("a", W)}),
    "another pattern": ({"a": (str, Field(pattern="^a$"))}, {"a": (str, Field(pattern="^b$"))}, {("a", B)}),
    "inside an object": ({"a": (Inner, ...)}, {"a": (create_model("Inner", a=(int, ...)), ...)}, {("a.b", B)}),
    "more inside an object": ({"a": (Inner, ...)}, {"a": (More, ...)}, NOTHING),
    "inside a list": ({"a": (list[int], ...)}, {"a": (list[str], ...)}, {("a[]", N), ("a[]", W)}),
    "inside a map": ({"a": (dict[str, int], ...)}, {"a": (dict[str, str], ...)}, {("a.*", N), ("a.*", W)}),
    "a pair got longer": (
        {"a": (tuple[int, int], ...)},
        {"a": (tuple[int, int, int], ...)},
        {("a", B), ("a", N), ("a", W)},
    ),
    "inside a pair": ({"a": (tuple[int, int], ...)}, {"a": (tuple[int, str], ...)}, {("a[1]", N), ("a[1]", W)}),
    "one of a union gone": ({"a": (int | str | None, ...)}, {"a": (int | None, ...)}, {("a", N)}),
    "one of several objects changed": (
        {"a": (Inner | Strict, ...)},
        {"a": (create_model("Inner", a=(str, ...), b=(str, "")) | Strict, ...)},
        {("a.a", N), ("a.a", W)},
    ),
    "one of several objects gone": ({"a": (Inner | Strict, ...)}, {"a": (Inner, ...)}, {("a", N)}),
    "unknown fields now refused": ({"a": (Inner, ...)}, {"a": (Strict, ...)}, {("a.b", B), ("a.*", N)}),
}


@pytest.mark.parametrize(("old", "new", "expected"), ROWS.values(), ids=ROWS)
def test_each_kind_of_change(old, new, expected):
    assert {(d.path, d.effect) for d in differences(schema(**old), schema(**new))} == expected


@pytest.mark.parametrize(
    ("role", "harmed"),
    [
        (Role.COMMAND, {"field gone", "new required field", "now required", "choice taken away", "null forbidden"}),
        (Role.REPLY, {"field gone", "no longer required", "choice added", "null allowed"}),
        (Role.EVENT, {"field gone", "new required field", "now required", "no longer required", "choice taken away",
                      "choice added", "null allowed", "null forbidden"}),
    ],
)  # fmt: skip
def test_who_is_broken(role, harmed):
    tried = {
        "same", "field gone", "new required field", "new optional field", "now required", "no longer required",
        "choice taken away", "choice added", "null allowed", "null forbidden",
    }  # fmt: skip
    broken = {name for name in tried if breaking(schema(**ROWS[name][0]), schema(**ROWS[name][1]), role)}
    assert broken == harmed


def test_schemas_that_refer_to_themselves_end():
    class Node(BaseModel):
        children: list[Node] = []
        value: int

    class Other(BaseModel):
        children: list[Other] = []
        value: str

    old, new = Node.model_json_schema(), Other.model_json_schema()
    assert differences(old, old) == []
    assert {d.path for d in differences(old, new)} == {"value"}
