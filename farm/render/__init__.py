"""A matrix, printed: for a terminal, a document, a spreadsheet or a program.

Nothing is imported before it is needed, so that naming the formats costs no start-up time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from farm.matrix.matrix import Matrix

FORMATS: Final = ("table", "markdown", "csv", "json", "latex", "html")


def render(
    matrix: Matrix,
    format: str,
    *,
    title: str,
    width: int | None = None,
    ci: bool | None = None,
    run: str | None = None,
) -> str:
    """Return the matrix in one of FORMATS, without a line feed at the end.

    `width`, in characters, is for `table`, which then splits its columns into blocks; None sets no
    limit. `ci` says whether intervals are shown; None shows them, in a table where there is room:
    where they cost no further block. JSON and CSV always hold what intervals there are. `run` is
    the run that was asked for by name, for the commands that warnings propose. Whatever came from
    outside is escaped for the format. Raises UnknownNameError for another format.
    """
    if format not in FORMATS:
        from jobs.errors import UnknownNameError

        raise UnknownNameError("format", format, FORMATS)
    if format in ("json", "csv"):
        from farm.render import data

        return data.json_text(matrix, run) if format == "json" else data.csv_text(matrix)

    from farm.render.sheet import sheet

    words = sheet(matrix, title, run)
    if format == "table":
        from farm.render import text

        return text.table(words, width, ci)

    from farm.render import markup

    writer = {"markdown": markup.markdown, "html": markup.html, "latex": markup.latex}[format]
    return writer(words if ci is not False else words.without_intervals())
