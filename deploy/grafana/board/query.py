"""Queries to PostgreSQL in the SDK's terms: it knows many data sources, not this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models import dashboard as model

__all__ = ["DATASOURCE_TYPE", "DATASOURCE_UID", "SOURCE", "Given", "PostgresQuery", "SqlAnnotation"]

T = TypeVar("T")

DATASOURCE_TYPE = "grafana-postgresql-datasource"
"""Grafana's own id of its PostgreSQL plugin; ``postgres`` is an alias of it."""
DATASOURCE_UID = "tailwarden-postgres"
SOURCE = model.DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID)


@dataclass(slots=True)
class PostgresQuery(variants.Dataquery):
    """One query of a panel. ``form``: rows as they are, or series by ``time`` and ``metric``."""

    raw_sql: str
    form: Literal["table", "time_series"]
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        """Return what Grafana's PostgreSQL plugin reads."""
        return {
            "refId": self.ref_id,
            "datasource": SOURCE,
            "format": self.form,
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": self.raw_sql,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the query that *data* is."""
        return cls(raw_sql=data["rawSql"], form=data["format"], ref_id=data["refId"])


class Given(builder.Builder[T]):
    """The builder of what is there already."""

    def __init__(self, built: T) -> None:
        self._built = built

    def build(self) -> T:
        """Return it."""
        return self._built


class SqlAnnotation(model.AnnotationQuery):
    """Annotations by a query: the SDK's own target is that of Grafana's annotation store."""

    def __init__(self, name: str, raw_sql: str, colour: str) -> None:
        super().__init__(name=name, datasource=SOURCE, enable=True, icon_color=colour)
        self.raw_sql = raw_sql

    def to_json(self) -> dict[str, object]:
        """Return what Grafana's PostgreSQL plugin reads."""
        return {**super().to_json(), "target": PostgresQuery(self.raw_sql, "table", "Anno")}
