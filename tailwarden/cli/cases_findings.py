"""``cases findings``: raise, assign, follow, verify and look back at findings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.asking import AS_OF, BY, HOME, JSON, ON, day, login, send, talk, text_of
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.bus.rpc import CommandClient
    from shared.contracts.acts import Act
    from shared.contracts.cases import EvidenceRef, FindingView

__all__ = ["DAY", "ID", "MEASURES", "UNTIL", "act_on", "findings", "register"]

findings = typer.Typer(
    no_args_is_help=True,
    help="Findings: raise, assign, report, submit, re-inspect, close out, look back. / 问题的登记、交办、整改与销号。",
)

DAY = ["%Y-%m-%d"]
ID = typer.Argument(metavar="FINDING", help="The finding's id. / 问题编号。", show_default=False)
TITLE = typer.Option(..., "--title", help="In short. / 标题。", show_default=False)
QUOTE = typer.Option(..., "--quote", help="The source's own words, or @FILE. / 原文，或 @文件。", show_default=False)
SUBJECTS = typer.Option(
    ..., "--subject", help="KIND:ID=NAME, kind mine, pond, county or city; may be repeated. / 对象，可重复。",
    show_default=False,
)  # fmt: skip
COUNTY = typer.Option(..., "--county", help="In which county. / 所在县（区）。", show_default=False)
ONE_COUNTY = typer.Option(None, "--county", help="Of one county. / 只看一个县（区）。")
LETTER = typer.Option(None, "--letter", help="The letter's id. / 来函编号。")
NUMBER = typer.Option(None, "--number", min=1, help="Its number in the letter. / 函中序号。")
SOURCE = typer.Option("letter", "--source", help="letter, inspection, closure_overdue, similar, campaign. / 问题来源。")
FOUND = typer.Option(None, "--found-on", formats=DAY, help="The day it was found. / 发现日期。")
EARLIER = typer.Option([], "--recurrence-of", help="An earlier finding: id, or words; may be repeated. / 旧问题。")
CAMPAIGN = typer.Option(None, "--campaign", help="The campaign's id. / 专项整治编号。")
SIMILAR_TO = typer.Option(None, "--similar-to", help="The finding that proposed this check. / 举一反三所依据的问题。")
STATE = typer.Option([], "--state", help="found … closed_out; may be repeated. / 状态，可重复。")
OVERDUE = typer.Option(None, "--overdue/--not-overdue", help="Past its deadline, or open and not. / 是否逾期。")
SUBJECT = typer.Option(None, "--subject", help="About this mine, pond or county. / 只看某对象。")
LIMIT = typer.Option(100, "--limit", min=1, max=500, help="At most so many. / 最多条数。")
OFFSET = typer.Option(0, "--offset", min=0, help="Leave out so many first. / 跳过条数。")
UNTIL = typer.Option(..., "--deadline", formats=DAY, help="By when. / 时限。", show_default=False)
MEASURES = typer.Option([], "--measure", help="A measure; may be repeated. / 工作措施，可重复。")
LEADER = typer.Option(..., "--leader", help="The responsible leader. / 责任领导。", show_default=False)
CHARGED = typer.Option(..., "--person", help="The person in charge. / 责任人。", show_default=False)
FUNDS = typer.Option(..., "--funds", min=0, help="Funds, 10,000 yuan. / 资金，万元。", show_default=False)
PLAN = typer.Option(..., "--emergency-plan", help="The emergency plan. / 应急预案。", show_default=False)
PUBLIC = typer.Option(True, "--public/--internal", help="Whether it is made public. / 是否公开。")
OLD = typer.Option(
    ..., "--recurrence-of", help="The earlier one: id, or words. / 旧问题：编号或文字。", show_default=False
)


def register(app: typer.Typer) -> None:
    """Add this module's group to ``cases``."""
    cases.add_typer(findings, name="findings")


@findings.command("list")
def list_(
    letter: str | None = LETTER,
    county: str | None = ONE_COUNTY,
    state: list[str] = STATE,
    overdue: bool | None = OVERDUE,
    subject: str | None = SUBJECT,
    campaign: str | None = CAMPAIGN,
    as_of: datetime | None = AS_OF,
    limit: int = LIMIT,
    offset: int = OFFSET,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List findings. / 列出问题。"""
    from shared.contracts.cases import FindingList, ListFindings
    from shared.contracts.reading import read_value

    given = {"letter_id": letter, "county": county, "state": state, "overdue": overdue, "subject_id": subject}
    more = {"campaign_id": campaign, "as_of": day(as_of), "limit": limit, "offset": offset}
    found = send(home, read_value(ListFindings, {**given, **more}), FindingList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        from tailwarden.cli.cases_shown import finding_table

        finding_table(found, day(as_of))


@findings.command()
def show(finding: str = ID, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show one finding with its whole standing. / 查看一个问题。"""
    from shared.contracts.cases import FindingView, ShowFinding
    from shared.contracts.reading import read_value

    asked = read_value(ShowFinding, {"finding_id": finding, "as_of": day(as_of)})
    _tell(send(home, asked, FindingView), as_json)


@findings.command("raise")
def raise_(
    finding: str = ID,
    title: str = TITLE,
    quote: str = QUOTE,
    subject: list[str] = SUBJECTS,
    county: str = COUNTY,
    letter: str | None = LETTER,
    number: int | None = NUMBER,
    source: str = SOURCE,
    found_on: datetime | None = FOUND,
    recurrence_of: list[str] = EARLIER,
    campaign: str | None = CAMPAIGN,
    similar_to: str | None = SIMILAR_TO,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Enter a finding. / 登记问题。"""
    from shared.contracts.cases import RaiseFinding

    given = {"title": title, "quote": text_of(quote), "subjects": [_subject(each) for each in subject]}
    where = {"county": county, "letter_id": letter, "number": number, "source": source, "found_on": day(found_on)}
    links = {"recurrence_of": recurrence_of, "campaign_id": campaign, "similar_to": similar_to}
    act_on(RaiseFinding, finding, by, on, as_json, home, **given, **where, **links)


@findings.command("list-supervision")
def list_supervision(
    finding: str = ID,
    leader: str = LEADER,
    person: str = CHARGED,
    measure: list[str] = MEASURES,
    funds: float = FUNDS,
    deadline: datetime = UNTIL,
    emergency_plan: str = PLAN,
    public: bool = PUBLIC,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Put it under listed supervision. / 挂牌督办。"""
    from shared.contracts.cases import ListFinding

    who = {"leader": leader, "person": person, "deadline": deadline.date(), "public": public}
    what = {"measures": measure, "funds_10k_yuan": funds, "emergency_plan": emergency_plan}
    act_on(ListFinding, finding, by, on, as_json, home, listed={**who, **what})


@findings.command()
def link(
    finding: str = ID,
    recurrence_of: str = OLD,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Say that it is the recurrence of an earlier one. / 认定为旧问题的再次出现。"""
    from shared.contracts.cases import LinkRecurrence

    act_on(LinkRecurrence, finding, by, on, as_json, home, recurrence_of=recurrence_of)


def act_on(
    act: type[Act], finding: str, by: str, on: datetime | None, as_json: bool, home: Path | None, **given: object
) -> None:
    """Do one act and show the finding; evidence given as files goes into the store first."""
    from shared.contracts.cases import FindingView
    from shared.contracts.reading import read_value

    common: dict[str, object] = {"finding_id": finding, "by": login(by), "on": day(on), **given}

    async def do(client: CommandClient) -> FindingView:
        named = given.get("evidence")
        if isinstance(named, list):
            common["evidence"] = [await _evidence(client, each, login(by)) for each in named]
        return await client.send(read_value(act, common), FindingView)

    _tell(talk(home, do), as_json)


async def _evidence(client: CommandClient, given: str, by: str) -> EvidenceRef:
    """Return a reference to stored evidence, named by its hash or by a file that is stored now."""
    import base64
    import re

    from shared.contracts.cases import EvidenceRef
    from shared.contracts.evidence import AddEvidence, EvidenceView, ShowEvidence
    from shared.problems import BadInput

    if re.fullmatch(r"[0-9a-f]{64}", given):
        view = await client.send(ShowEvidence(sha256=given), EvidenceView)
    else:
        path = Path(given)
        try:
            content = base64.b64encode(path.read_bytes()).decode()
        except OSError as error:
            raise BadInput("cases.unreadable", field="evidence", path=given, reason=error.strerror) from error
        add = AddEvidence(title=path.stem, filename=path.name, content=content, by=by)
        view = await client.send(add, EvidenceView)
    kept = view.evidence
    return EvidenceRef(sha256=kept.id, title=kept.title, effective=kept.effective)


def _subject(given: str) -> dict[str, str]:
    """Return the subject that ``KIND:ID=NAME`` names; without a name the id is its name."""
    kind, _, rest = given.partition(":")
    id_, _, name = rest.partition("=")
    return {"kind": kind, "id": id_, "name": name or id_}


def _tell(view: FindingView, as_json: bool) -> None:
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.cases_shown import tell_finding

        tell_finding(view)
