"""How mines and mergers look on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from shared.contracts.mergers import Merger, MergerView
from shared.contracts.mines import GONE, ClosurePlan, DocumentRef, Mine, MineList, MineView
from shared.words import joined, language, say
from tailwarden.cli.answers import facts, table
from tailwarden.cli.tables import labelled
from tailwarden.cli.wording import semicolons

__all__ = ["merger_table", "mine_table", "status_of", "tell_merger", "tell_mine"]


def status_of(mine: Mine, words: str) -> str:
    """Return where a mine stands; a closing mine under suspension is told as such."""
    status = say(f"ledger.mine_status_{mine.status}", words)
    if mine.suspension is not None and mine.status.value != "suspended":
        return say("mineview.still_suspended", words, status=status)
    return status


def mine_table(found: MineList) -> None:
    """Print one line a mine."""
    words = language()
    rows = [
        (
            mine.id, mine.description.name, mine.description.county, status_of(mine, words), mine.since.isoformat(),
            _end(mine, words), "" if mine.policy is None else mine.policy.target,
        )
        for mine in found.mines
    ]  # fmt: skip
    headings = ("id", "name", "county", "status", "since", "planned", "policy")
    table([f"mineview.{each}" for each in headings], rows, "mineview.none")


def _end(mine: Mine, words: str) -> str:
    """Return what is still planned of a mine, and by when."""
    plan = mine.closure or mine.phase_out
    if mine.status in GONE:
        return ""
    if plan is not None:
        return _plan(plan, words)
    if mine.merger is not None and not {*mine.merger.members} <= {*mine.absorbed, mine.id}:
        told = {"merger": mine.merger.merger_id, "into": mine.merger.into, "deadline": mine.merger.deadline}
        return say("mineview.merging", words, **told)
    return ""


def _plan(plan: ClosurePlan, words: str) -> str:
    told = {"basis": plan.basis, "deadline": plan.deadline, "responsible": plan.responsible}
    return say("mineview.ending", words, **told)


def _papers(documents: Sequence[DocumentRef]) -> str:
    papers = (" ".join(filter(None, (each.number, each.title))) or str(each.sha256) for each in documents)
    return semicolons(papers, language())


def _lasting(start: date, due: date) -> str:
    return f"{start.isoformat()} – {due.isoformat()}"


def tell_mine(view: MineView) -> None:
    """Print all that is known of one mine."""
    words, mine = language(), view.mine
    about = mine.description
    lines: list[tuple[str, object]] = [
        ("id", mine.id), ("name", about.name), ("county", about.county), ("enterprise", about.enterprise),
        ("mineral", about.mineral), ("method", about.method), ("capacity", about.capacity_10k_t),
        ("status", status_of(mine, words)), ("since", mine.since.isoformat()),
    ]  # fmt: skip
    stands = mine.suspension
    if stands is not None:
        kept = stands.controls
        lines += [
            ("suspended", f"{stands.since.isoformat()} · {stands.reason}"),
            ("guarantors", joined(kept.guarantors, words)), ("watch", kept.on_site_watch),
            ("patrol_every", kept.patrol_every_days), ("power_limit", kept.power_limit_kw),
            ("patrols", stands.patrol_count or None),
        ]  # fmt: skip
        for patrol in stands.patrols[-3:]:
            order = say("mineview.in_order" if patrol.in_order else "mineview.not_in_order", words)
            lines.append(("patrol", f"{patrol.on.isoformat()} {labelled(patrol.by, words)}{patrol.found} ({order})"))
    if mine.closure is not None:
        lines.append(("closure", _plan(mine.closure, words)))
    if mine.phase_out is not None:
        lines.append(("phase_out", _plan(mine.phase_out, words)))
    if mine.merger is not None:
        told = {"merger": mine.merger.merger_id, "into": mine.merger.into, "deadline": mine.merger.deadline}
        lines.append(("merger", say("mineview.merging", words, **told)))
    lines += [("absorbed", joined(mine.absorbed, words)), ("basis", mine.closed_on_basis)]
    lines.append(("evidence", _papers(mine.evidence)))
    better = mine.improvement
    if better is not None:
        done = "" if better.completed_on is None else say("mineview.done_on", words, on=better.completed_on)
        told = {"deadline": better.deadline, "responsible": better.responsible, "done": done}
        measures = semicolons(better.measures, words)
        lines.append(("improvement", f"{measures} {say('mineview.improving', words, **told)}"))
    if mine.policy is not None:
        policy = mine.policy
        measures = semicolons(policy.measures, words)
        whole = f"{labelled(policy.target, words)}{measures} ({policy.owner}, {_lasting(policy.start, policy.due)})"
        lines.append(("policy", whole))
    lines.append(("version", view.version))
    facts([(f"mineview.{name}", value) for name, value in lines])


def merger_table(mergers: Iterable[Merger]) -> None:
    """Print one line a merger."""
    words = language()
    rows = [
        (
            each.id, joined(each.merger.members, words), each.merger.into, each.merger.deadline.isoformat(),
            each.merger.responsible, say(f"mineview.merger_{each.state}", words),
            "" if each.ended_on is None else each.ended_on.isoformat(),
        )
        for each in mergers
    ]  # fmt: skip
    headings = ("id", "members", "into", "deadline", "responsible", "state", "ended_on")
    table([f"mineview.{each}" for each in headings], rows, "mineview.no_mergers")


def tell_merger(view: MergerView) -> None:
    """Print all that is known of one merger."""
    merger_table([view.merger])
    lines = [("evidence", _papers(view.merger.evidence)), ("reason", view.merger.reason), ("version", view.version)]
    facts([(f"mineview.{name}", value) for name, value in lines])
