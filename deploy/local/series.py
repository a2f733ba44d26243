"""How the monitor's series are kept in the database that the doctor looks at: by TimescaleDB, or plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.local.doctor import Finding
from shared.words import language, say

if TYPE_CHECKING:
    from psycopg import AsyncConnection

__all__ = ["JOBS_LATE_S", "series_mode"]

JOBS_LATE_S = 3 * 3600.0
"""Hours are refreshed every 30 min; this long [s] after the last time, the scheduler is taken for stopped."""

_HYPERTABLE = """
SELECT FROM timescaledb_information.hypertables WHERE hypertable_schema = 'monitor' AND hypertable_name = 'reading'
"""
_CHUNKS = """
SELECT count(*), count(*) FILTER (WHERE is_compressed) FROM timescaledb_information.chunks
WHERE hypertable_schema = 'monitor' AND hypertable_name = 'reading'
"""
_JOBS = """
SELECT coalesce(array_agg(jobs.application_name::text ORDER BY job_id) FILTER (WHERE last_run_status = 'Failed'), '{}'),
    extract(epoch FROM now() - max(nullif(last_successful_finish, '-infinity')) FILTER (
        WHERE jobs.hypertable_name = 'reading_hourly' AND proc_name = 'policy_refresh_continuous_aggregate'))::float
FROM timescaledb_information.jobs LEFT JOIN timescaledb_information.job_stats USING (job_id)
WHERE jobs.hypertable_schema = 'monitor'
"""


async def series_mode(database: AsyncConnection, timescale: str | None, setting: str | None = None) -> list[Finding]:
    """Say which mode the series run in, and whether TimescaleDB's jobs do their work.

    Parameters
    ----------
    database
        In autocommit mode, of any role of ours.
    timescale
        Version of the extension in this database, None when it is not there.
    setting
        Language asked for, see ``shared.words.language``.

    Returns
    -------
    Nothing while the monitor's schema does not hold the series yet.
    """
    words = language(setting)
    there = await (await database.execute("SELECT to_regclass('monitor.reading_hourly')")).fetchone()
    if there is None or there[0] is None:
        return []
    if timescale is None:
        return [Finding("series", True, say("doctor.series_plain", words))]
    if await (await database.execute(_HYPERTABLE)).fetchone() is None:
        return [Finding("series", False, say("doctor.series_not_taken_over", words), "series_do")]
    chunks, compressed = await (await database.execute(_CHUNKS)).fetchone() or (0, 0)
    failed, refreshed_s = await (await database.execute(_JOBS)).fetchone() or ([], None)
    detail = say(
        "doctor.series_timescale", words, version=timescale, chunks=f"{chunks:,}", compressed=f"{compressed:,}"
    )
    if refreshed_s is not None:
        detail += say("doctor.series_refreshed", words, minutes=f"{refreshed_s / 60:,.0f}")
    if failed:
        detail += say("doctor.series_failed", words, jobs=", ".join(failed))
    late = refreshed_s is not None and refreshed_s > JOBS_LATE_S
    return [Finding("series", not failed and not late, detail, "series_jobs_do")]
