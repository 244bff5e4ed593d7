"""A matrix, printed: for a terminal, a document, a spreadsheet or a program.

Nothing is imported before it is needed, so that naming the formats costs no start-up time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from farm.matrix import Matrix

FORMATS: Final = ("table", "markdown", "csv", "json", "latex", "html")


def render(matrix: Matrix, format: str, *, title: str, width: int | None = None) -> str:
    """Return the matrix in one of FORMATS, without a line feed at the end.

    `width`, in characters, is for `table`, which then splits its columns into blocks; None sets no
    limit. Whatever came from outside is escaped for the format. Raises UnknownNameError for another
    format.
    """
    if format not in FORMATS:
        from jobs.errors import UnknownNameError

        raise UnknownNameError("format", format, FORMATS)
    if format in ("json", "csv"):
        from farm.render import data

        return data.json_text(matrix) if format == "json" else data.csv_text(matrix)

    from farm.render.sheet import sheet

    words = sheet(matrix, title)
    if format == "table":
        from farm.render import text

        return text.table(words, width)

    from farm.render import markup

    writer = {"markdown": markup.markdown, "html": markup.html, "latex": markup.latex}[format]
    return writer(words)
