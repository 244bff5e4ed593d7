"""Fields: some of the columns of a table, read from its rows."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, TypeAlias

from farm.measurements.columns import Place, find_column
from farm.measurements.kinds import Kind, RefusedError
from farm.measurements.table import Table
from jobs.problem import quote

Texts: TypeAlias = tuple[str, ...]


class Fields:
    """The columns of a table that belong to one place."""

    def __init__(self, table: Table, place: Place) -> None:
        self.kinds: dict[str, Kind] = {}
        indices = []
        for name, index in table.columns.items():
            column = find_column(name)
            if column is not None and column.place == place:
                self.kinds[name] = column.kind
                indices.append(index)
        self._take = itemgetter(*indices) if indices else None
        self._one = len(indices) == 1

    def take(self, row: list[str]) -> Texts:
        """Return the row's texts of these columns."""
        if self._take is None:
            return ()
        return (self._take(row),) if self._one else self._take(row)

    def read(self, texts: Texts) -> tuple[dict[str, Any], list[str]]:
        """Return the values by column, empty ones left out, and what is wrong with the others."""
        values: dict[str, Any] = {}
        problems = []
        for (name, kind), text in zip(self.kinds.items(), texts, strict=True):
            stripped = text.strip()
            if not stripped:
                continue
            try:
                values[name] = kind.read(stripped)
            except RefusedError as error:
                hint = f" ({error})" if str(error) else ""
                problems.append(
                    f"{name}: received {quote(stripped)}{hint}; accepted: {kind.accepted}"
                )
        return values, problems


def family(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return the values of the columns named PREFIX.NAME, by NAME."""
    begin = f"{prefix}."
    return {name[len(begin) :]: value for name, value in values.items() if name.startswith(begin)}
