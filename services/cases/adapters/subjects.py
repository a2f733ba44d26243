"""What the cases know of the registry's mines and ponds: where else a finding's check may be due."""

from __future__ import annotations

from shared.contracts.cases import Finding, SimilarCheck, Subject, SubjectKind
from shared.postgres import Connection

__all__ = ["similar_to"]

GONE = ("closed", "phased_out", "merged", "deregistered")
"""States in which a mine or pond is no longer there to be checked."""

_QUERY = """
WITH own AS (
    SELECT subject.kind, subject.id, known.tag
    FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS subject (kind, id)
    LEFT JOIN known_subject known ON known.kind = subject.kind AND known.id = subject.id
)
SELECT other.kind, other.id, other.name, other.county = %(county)s
FROM known_subject other
WHERE other.kind IN (SELECT kind FROM own)
  AND other.tag <> ALL(%(gone)s)
  AND (other.county = %(county)s OR other.tag IN (SELECT tag FROM own WHERE own.kind = other.kind))
  AND NOT EXISTS (SELECT FROM own WHERE own.kind = other.kind AND own.id = other.id)
ORDER BY other.county <> %(county)s, other.tag NOT IN (SELECT tag FROM own WHERE tag IS NOT NULL), other.name, other.id
LIMIT %(limit)s
"""


async def similar_to(conn: Connection, finding: Finding, limit: int) -> tuple[SimilarCheck, ...]:
    """Return the sites at which *finding*'s check may be due too, at most *limit*.

    They are of the same kind (mine, pond) as what it is about and either in its county, which come first, or in the
    same state elsewhere (other ponds out of use). Sites that are gone are left out.
    """
    asked = {
        "kinds": [each.kind.value for each in finding.subjects],
        "ids": [each.id for each in finding.subjects],
        "county": finding.county,
        "gone": list(GONE),
        "limit": limit,
    }
    rows = await (await conn.execute(_QUERY, asked)).fetchall()
    return tuple(
        SimilarCheck(
            subject=Subject(kind=SubjectKind(kind), id=id_, name=name), why="same_county" if near else "same_state"
        )
        for kind, id_, name, near in rows
    )
