"""The HTTP edge: signed links, the CAP feed, health. No accounts, no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.notifier.adapters.links import Holder, Links
from services.notifier.handlers import Notifier
from services.notifier.web.page import alarm_page, problem_page
from shared.contracts.monitor import Cause
from shared.contracts.notifier import ActOnCard, AlarmView, Answer, AnswerAlarm, ReportRead, ShowAlarm
from shared.contracts.reading import read_value
from shared.contracts.registry import PondDescription
from shared.problems import BadInput, NotFound, TailwardenError

__all__ = ["Facts", "Feed", "Spend", "web_app"]

Spend = Callable[[str, Holder], AbstractAsyncContextManager[None]]

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""A link is a secret: it is neither cached nor told to another site."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page shows beside the alarm's view."""

    causes: tuple[Cause, ...]
    time: datetime
    pond: PondDescription | None


class Feed(Protocol):
    """The CAP documents."""

    async def atom(self) -> bytes:
        """Return the Atom feed of current alerts."""
        ...

    async def document(self, identifier: str) -> bytes | None:
        """Return one CAP document."""
        ...


def web_app(
    links: Links,
    notifier: Notifier,
    facts: Callable[[str], Awaitable[Facts | None]],
    spend: Spend,
    feed: Feed | None = None,
) -> Starlette:
    """Return the application.

    Parameters
    ----------
    facts
        Looks up what an alarm is about.
    spend
        Uses an act's token up, unless what is done within is refused; raises what ``Links.spend`` raises.
    """

    async def show(request: Request) -> Response:
        return await _guarded(request, _opened)

    async def act(request: Request) -> Response:
        return await _guarded(request, _acted)

    async def _opened(request: Request, holder: Holder, language: str) -> Response:
        if request.method == "HEAD":
            return Response(status_code=200, headers=HEADERS, media_type="text/html")  # nobody has read anything
        view = await notifier.read(ReportRead(alarm_id=holder.alarm_id, person_id=holder.person_id))
        return await _page(view, holder, language)

    async def _acted(request: Request, holder: Holder, language: str) -> Response:
        form = await request.form(max_fields=8, max_part_size=16_384)
        refused, status = "", 200
        try:
            command = _command(holder, {key: str(value) for key, value in form.items()})
            async with spend(str(form.get("act", "")), holder):
                await _do(command)
        except TailwardenError as error:
            refused, status = error.words(language), error.status
        view = await notifier.show(ShowAlarm(alarm_id=holder.alarm_id))
        return await _page(view, holder, language, refused, status)

    async def _do(command: ActOnCard | AnswerAlarm) -> None:
        if isinstance(command, ActOnCard):
            await notifier.act_on_card(command)
        else:
            await notifier.answer(command, via="link")

    async def _page(view: AlarmView, holder: Holder, language: str, refused: str = "", status: int = 200) -> Response:
        person = next((each for each in view.people if each.person_id == holder.person_id), None)
        about = await facts(holder.alarm_id)
        if person is None or about is None:
            raise NotFound("notifier.no_alarm", alarm=holder.alarm_id)
        page = alarm_page(
            view, about.causes, about.time, about.pond, person, lambda: links.act_token(holder), language, refused
        )
        return HTMLResponse(page, status, HEADERS)

    async def _guarded(request: Request, work: Callable[[Request, Holder, str], Awaitable[Response]]) -> Response:
        language = _language(request)
        try:
            return await work(request, links.holder(request.path_params["token"]), language)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except TailwardenError as error:
            return HTMLResponse(problem_page(error, language), error.status, HEADERS)

    async def atom(request: Request) -> Response:
        body = b"" if feed is None else await feed.atom()
        return Response(body, media_type="application/atom+xml")

    async def document(request: Request) -> Response:
        body = None if feed is None else await feed.document(request.path_params["identifier"])
        if body is None:
            return PlainTextResponse("no such alert\n", 404)
        return Response(body, media_type="application/cap+xml")

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/a/{token}", show, methods=["GET"]),
            Route("/a/{token}", act, methods=["POST"]),
            Route("/cap/feed.atom", atom),
            Route("/cap/{identifier}.xml", document),
            Route("/healthz", health),
        ]
    )


def _command(holder: Holder, form: dict[str, str]) -> ActOnCard | AnswerAlarm:
    """Return what a form asks for.

    Raises
    ------
    BadInput
        ``links.no_answer``, or what does not fit the command.
    """
    about = {"alarm_id": holder.alarm_id, "person_id": holder.person_id, "note": form.get("note", "")[:500]}
    if "step" in form:
        return read_value(ActOnCard, {**about, "step_id": form["step"]})
    try:
        answer = Answer(form.get("answer", ""))
    except ValueError as error:
        known = ", ".join(each.value for each in Answer)
        raise BadInput("links.no_answer", field="answer", known=known) from error
    return read_value(AnswerAlarm, {**about, "answer": answer})


def _language(request: Request) -> str:
    """Return the reader's language: the first of Chinese and English that the browser names, else Chinese."""
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    for part in wanted.split(","):
        code = part.strip().partition(";")[0].partition("-")[0].lower()
        if code in ("zh", "en"):
            return code
    return "zh"
