"""Errors a caller can read: RFC 9457 problems, with the caller's faults apart from ours.

Every refusal has a ``code`` (a key of the word catalogue) and parameters, so that each edge can say it
in its reader's language; ``detail`` is the English sentence, for logs and machines. What a caller gave is repeated in
both, with control characters written out: no terminal obeys them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.names import visible
from shared.words import say

__all__ = [
    "BadInput",
    "Conflict",
    "Fault",
    "Forbidden",
    "NotFound",
    "Problem",
    "Refusal",
    "TailwardenError",
    "Unavailable",
    "error_of",
    "problem_of",
]


class Problem(BaseModel):
    """An RFC 9457 problem document; ``code``, ``field``, ``params`` are our extension members."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)

    def words(self, language: str) -> str:
        """Say the problem in *language* (``zh`` or ``en``)."""
        return visible(say(self.code, language, **self.params))


class TailwardenError(Exception):
    """Root of every error this product raises on purpose."""

    status = 500
    kind = "fault"

    def __init__(self, code: str, *, field: str | None = None, **params: Any) -> None:
        self.code = code
        self.field = field
        self.params = params
        super().__init__(visible(say(code, "en", **params)))

    def words(self, language: str) -> str:
        """Say the error in *language* (``zh`` or ``en``)."""
        return visible(say(self.code, language, **self.params))


class Refusal(TailwardenError):
    """The caller's fault: asking again unchanged gets the same answer."""

    status = 400
    kind = "refusal"


class BadInput(Refusal):
    """Something in the input cannot be accepted; ``field`` says what."""

    status = 422
    kind = "bad-input"


class NotFound(Refusal):
    """What was asked for is not there."""

    status = 404
    kind = "not-found"


class Conflict(Refusal):
    """Somebody else was first, or the present state does not allow it."""

    status = 409
    kind = "conflict"


class Forbidden(Refusal):
    """The caller may not do this."""

    status = 403
    kind = "forbidden"


class Fault(TailwardenError):
    """Our fault: the caller may try again later."""


class Unavailable(Fault):
    """Something we need cannot be reached now."""

    status = 503
    kind = "unavailable"


_KINDS: dict[str, type[TailwardenError]] = {
    cls.kind: cls for cls in (BadInput, NotFound, Conflict, Forbidden, Unavailable, Refusal, Fault)
}


def problem_of(error: TailwardenError) -> Problem:
    """Return the problem document of an error."""
    return Problem(
        type=f"urn:tailwarden:problem:{error.kind}",
        title=error.kind.replace("-", " "),
        status=error.status,
        detail=str(error),
        code=error.code,
        field=error.field,
        params=error.params,
    )


def error_of(problem: Problem) -> TailwardenError:
    """Return the error a problem document stands for (the far side of an RPC)."""
    kind = problem.type.rsplit(":", 1)[-1]
    return _KINDS.get(kind, Fault)(problem.code, field=problem.field, **problem.params)
