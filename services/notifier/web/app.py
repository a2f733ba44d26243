"""The HTTP edge: signed links, the CAP feed, health. No accounts, no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.notifier.adapters.links import Holder, Links
from services.notifier.handlers import Notifier
from services.notifier.web.page import alarm_page, problem_page
from shared.contracts.monitor import Cause
from shared.contracts.notifier import ActOnCard, AlarmView, Answer, AnswerAlarm, ReportRead, ShowAlarm
from shared.contracts.registry import PondDescription
from shared.problems import BadInput, NotFound, TailwardenError

__all__ = ["Facts", "Feed", "web_app"]

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
    spend: Callable[[str, Holder], Awaitable[None]],
    feed: Feed | None = None,
) -> Starlette:
    """Return the application.

    Parameters
    ----------
    facts
        Looks up what an alarm is about.
    spend
        Uses an act's token up; raises what ``Links.spend`` raises.
    """

    async def show(request: Request) -> Response:
        return await _guarded(request, _opened)

    async def act(request: Request) -> Response:
        return await _guarded(request, _acted)

    async def _opened(request: Request, holder: Holder, language: str) -> Response:
        view = await notifier.read(ReportRead(alarm_id=holder.alarm_id, person_id=holder.person_id))
        return await _page(view, holder, language)

    async def _acted(request: Request, holder: Holder, language: str) -> Response:
        form = await request.form(max_fields=8, max_part_size=16_384)
        refused, status = "", 200
        try:
            await spend(str(form.get("act", "")), holder)
            await _do(holder, {key: str(value) for key, value in form.items()})
        except TailwardenError as error:
            refused, status = error.words(language), error.status
        view = await notifier.show(ShowAlarm(alarm_id=holder.alarm_id))
        return await _page(view, holder, language, refused, status)

    async def _do(holder: Holder, form: dict[str, str]) -> None:
        about = {"alarm_id": holder.alarm_id, "person_id": holder.person_id, "note": form.get("note", "")[:500]}
        if "step" in form:
            await notifier.act_on_card(ActOnCard.model_validate({**about, "step_id": form["step"]}))
            return
        try:
            answer = Answer(form.get("answer", ""))
        except ValueError as error:
            known = ", ".join(each.value for each in Answer)
            raise BadInput("links.no_answer", field="answer", known=known) from error
        await notifier.answer(AnswerAlarm.model_validate({**about, "answer": answer}), via="link")

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


def _language(request: Request) -> str:
    """Return the reader's language: the first of Chinese and English that the browser names, else Chinese."""
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    for part in wanted.split(","):
        code = part.strip().partition(";")[0].partition("-")[0].lower()
        if code in ("zh", "en"):
            return code
    return "zh"
