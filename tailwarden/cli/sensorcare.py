"""``registry sensors``: calibrations, datum checks, maintenance windows, replacements, pairs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.answers import LIMIT, OFFSET
from tailwarden.cli.asking import AS_OF, BY, HOME, JSON, ON, day, login, send
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.acts import Act
    from shared.contracts.sensorcare import SensorCareView

__all__ = ["register"]

sensors = typer.Typer(
    no_args_is_help=True, help="Sensors: calibrate, check, maintain, replace, pair. / 传感器的校准、核查、维护与更换。"
)

DAY = ["%Y-%m-%d"]
POND = typer.Argument(metavar="POND", help="The pond's id. / 尾矿库编号。", show_default=False)
SENSOR = typer.Argument(metavar="SENSOR", help="The sensor's id. / 传感器编号。", show_default=False)
OFFSET_OF = typer.Option(
    ..., "--offset", help="To be added to a reading [m; mm for rain and displacement]. / 修正值。", show_default=False
)
FIRST = typer.Option(..., "--from", formats=DAY, help="First day it holds. / 有效期起。", show_default=False)
LAST = typer.Option(..., "--until", formats=DAY, help="Last day it holds. / 有效期止。", show_default=False)
CERTIFICATE = typer.Option(..., "--certificate", help="Number of the certificate. / 证书编号。", show_default=False)
IN_ORDER = typer.Option(..., "--in-order/--off", help="What was found. / 核查结论：正常或异常。", show_default=False)
DEVIATION = typer.Option(None, "--deviation", help="Sensor less levelling [m; mm]. / 偏差。", show_default=False)
NOTE = typer.Option("", "--note", help="A remark. / 备注。")
BEGIN = typer.Option(None, "--from", help="A time (local without an offset). / 开始时间。", show_default=False)
END = typer.Option(None, "--until", help="A time (local without an offset). / 结束时间。", show_default=False)
WHY = typer.Option("", "--reason", help="Why. / 理由。")
CANCEL = typer.Option(False, "--end", help="End the running window; with --from, take one back. / 结束或撤销时段。")
INSTRUMENT = typer.Option(..., "--instrument", help="What measures now. / 新仪器。", show_default=False)
SERIAL = typer.Option("", "--serial", help="Its serial number. / 出厂编号。")
UNIT = typer.Option(None, "--unit", help="m, cm, mm, ft or in. / 单位。", show_default="as before / 不变")
ZERO = typer.Option(
    None, "--zero-level", help="Of a distance sensor [m]. / 零点水位。", show_default="as before / 不变"
)
MOMENT = typer.Option(None, "--since", help="From when on. / 自何时起。", show_default="now / 现在")
PARTNER = typer.Option(None, "--with", help="The other sensor; none parts them. / 另一传感器，省略则解除。")
OF_POND = typer.Option(None, "--pond", help="Of one pond only. / 只看一座库。", show_default=False)
EXPIRED = typer.Option(None, "--expired/--calibrated", help="By calibration. / 校准是否过期。")
UNCHECKED = typer.Option(None, "--unchecked/--checked", help="By this season's datum check. / 汛期前是否核查。")


def register(app: typer.Typer) -> None:
    """Add this module's group to ``registry``."""
    registry.add_typer(sensors, name="sensors")


@sensors.command("list")
def list_(
    pond: str | None = OF_POND,
    expired: bool | None = EXPIRED,
    unchecked: bool | None = UNCHECKED,
    as_of: datetime | None = AS_OF,
    limit: int = LIMIT,
    offset: int = OFFSET,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List sensors with their care; or only what lacks it. / 列出传感器及其校准、核查情况。"""
    from shared.contracts.reading import read_value
    from shared.contracts.sensorcare import ListSensorCare, SensorCareList

    asked = {"pond_id": pond, "calibration_expired": expired, "datum_unchecked": unchecked}
    query = read_value(ListSensorCare, {**asked, "as_of": day(as_of), "limit": limit, "offset": offset})
    found = send(home, query, SensorCareList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _table(found.sensors)


@sensors.command()
def calibrate(
    pond: str = POND,
    sensor: str = SENSOR,
    offset: float = OFFSET_OF,
    valid_from: datetime = FIRST,
    valid_until: datetime = LAST,
    certificate: str = CERTIFICATE,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Enter a calibration. / 登记校准。"""
    from shared.contracts.sensorcare import CalibrateSensor

    held = {"valid_from": day(valid_from), "valid_until": day(valid_until), "certificate": {"number": certificate}}
    _act(home, CalibrateSensor, as_json, pond_id=pond, sensor_id=sensor, offset=offset, **held, by=by, on=on)


@sensors.command("datum-check")
def datum_check(
    pond: str = POND,
    sensor: str = SENSOR,
    in_order: bool = IN_ORDER,
    deviation: float | None = DEVIATION,
    note: str = NOTE,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Record a check of the datum, due before each flood season. / 登记汛期前的基准点核查。"""
    from shared.contracts.sensorcare import CheckDatum

    told = {"in_order": in_order, "deviation": deviation, "note": note}
    _act(home, CheckDatum, as_json, pond_id=pond, sensor_id=sensor, **told, by=by, on=on)


@sensors.command()
def maintenance(
    pond: str = POND,
    sensor: str = SENSOR,
    begin: str | None = BEGIN,
    until: str | None = END,
    reason: str = WHY,
    end: bool = CANCEL,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Plan a maintenance window; service resumes by itself at its end. / 安排维护时段，到时自动恢复。"""
    from shared.contracts.sensorcare import EndMaintenance, PlanMaintenance

    about = {"pond_id": pond, "sensor_id": sensor, "begin": _moment(begin)}
    if end:
        _act(home, EndMaintenance, as_json, **about, at=_moment(until), by=by, on=on)
    else:
        _act(home, PlanMaintenance, as_json, **about, end=_moment(until), reason=reason, by=by, on=on)


@sensors.command()
def replace(
    pond: str = POND,
    sensor: str = SENSOR,
    instrument: str = INSTRUMENT,
    serial: str = SERIAL,
    unit: str | None = UNIT,
    zero_level: float | None = ZERO,
    since: str | None = MOMENT,
    reason: str = WHY,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Put another instrument in its place; the series goes on. / 更换仪器，序列延续。"""
    from shared.contracts.sensorcare import ReplaceSensor

    told = {"instrument": instrument, "serial": serial, "unit": unit, "zero_level": zero_level, "reason": reason}
    _act(home, ReplaceSensor, as_json, pond_id=pond, sensor_id=sensor, **told, since=_moment(since), by=by, on=on)


@sensors.command()
def pair(
    pond: str = POND,
    sensor: str = SENSOR,
    partner: str | None = PARTNER,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Say that two sensors measure the same thing. / 登记互为备份的传感器。"""
    from shared.contracts.sensorcare import PairSensors

    _act(home, PairSensors, as_json, pond_id=pond, sensor_id=sensor, partner_id=partner, by=by, on=on)


def _moment(given: str | None) -> datetime | None:
    """Return a time as given, in the office's zone when it carries no offset."""
    from zoneinfo import ZoneInfo

    from shared.problems import BadInput
    from shared.settings import Settings

    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise BadInput("sensorcare.bad_time", given=given) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(Settings.load().timezone))


def _act(home: Path | None, act: type[Act], as_json: bool, *, by: str, on: datetime | None, **told: Any) -> None:
    from shared.contracts.reading import read_value
    from shared.contracts.sensorcare import SensorCareView

    view = send(home, read_value(act, {**told, "by": login(by), "on": day(on)}), SensorCareView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        _table((view,))


def _table(views: tuple[SensorCareView, ...]) -> None:
    from shared.words import language, say
    from tailwarden.cli.answers import table
    from tailwarden.cli.wording import local, semicolons

    words = language()
    rows: list[tuple[object, ...]] = []
    for view in views:
        care = view.care
        calibrated = checked = window = instrument = partner = ""
        if care is not None:
            if view.calibration is not None:
                until = view.calibration.valid_until
                calibrated = say("sensorcare.holds", words, offset=f"{view.calibration.offset:+g}", until=until)
            elif view.calibration_expired:
                until = max(each.valid_until for each in care.calibrations)
                calibrated = say("sensorcare.expired", words, until=until)
            checked = _latest([each.on for each in care.datum_checks])
            window = f"{local(care.windows[-1].begin)} – {local(care.windows[-1].end)}" if care.windows else ""
            instrument = care.instruments[-1].instrument if care.instruments else ""
            partner = care.partner_id or ""
        if view.datum_unchecked:
            checked = semicolons(filter(None, (checked, say("sensorcare.unchecked", words))), words)
        rows.append((view.pond_id, view.sensor_id, view.kind, calibrated, checked, window, instrument, partner))
    headings = ("pond", "sensor", "kind", "calibrated", "checked", "window", "instrument", "partner")
    table([f"sensorcare.{each}" for each in headings], rows, "sensorcare.none")


def _latest(days: list[date]) -> str:
    return max(days).isoformat() if days else ""
