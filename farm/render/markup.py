"""A matrix as Markdown, HTML or LaTeX; the tables are tabulate's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tabulate import tabulate

from farm.render import escape
from farm.render.field import Field
from farm.render.sheet import Sheet

_LATEX_COLUMNS = 6  # of hardware, beside the labels, on a page
_LATEX_COLUMNS_WITH_INTERVALS = 3

_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: 2rem; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }}
th, td {{ padding: 0.2rem 0.8rem; white-space: nowrap; text-align: left; }}
thead th {{ border-bottom: 1px solid; }}
tbody tr:nth-last-child({summary}) td {{ border-top: 1px solid; }}
</style>
</head>
<body>
<h1>{title}</h1>
{caption}
<div>
{table}
</div>
{notes}
</body>
</html>"""


@dataclass(frozen=True, kw_only=True)
class _Medium:
    """What a medium makes of text, footnote marks and numbers that do not count."""

    style: str  # tabulate's name of it
    escaped: Callable[[str], str]
    mark: Callable[[str], str]  # of a place, given the numbers of its footnotes
    struck: Callable[[str], str]  # of escaped text


_MARKDOWN = _Medium(
    style="pipe", escaped=escape.markdown, mark=" [{}]".format, struck="~~{}~~ invalid".format
)
_HTML_MEDIUM = _Medium(
    style="unsafehtml",
    escaped=escape.html,
    mark="<sup>{}</sup>".format,
    struck="<del>{}</del> invalid".format,
)
_LATEX = _Medium(
    style="latex_raw",
    escaped=escape.latex,
    mark=r"\textsuperscript{{{}}}".format,
    struck="({}) invalid".format,  # to strike out takes a package
)


def markdown(sheet: Sheet) -> str:
    """Return the sheet as GitHub-flavoured Markdown."""
    parts = [f"**{escape.markdown(sheet.title)}**", *map(escape.markdown, sheet.caption)]
    parts += [_table(sheet, _MARKDOWN), *map(escape.markdown, sheet.legend)]
    numbered = [f"{n}. {escape.markdown(note)}" for n, note in enumerate(sheet.notes, 1)]
    parts += ["\n".join(numbered), *map(escape.markdown, sheet.remarks)]
    parts.append("\n".join(f"- {escape.markdown(line)}" for line in sheet.warnings))
    return "\n\n".join(part for part in parts if part)


def html(sheet: Sheet) -> str:
    """Return the sheet as an HTML document that needs no other file."""
    return _HTML.format(
        title=escape.html(sheet.title),
        caption=_paragraphs(sheet.caption),
        summary=len(sheet.summary),
        table=_table(sheet, _HTML_MEDIUM),
        notes="\n".join(
            part
            for part in (
                _paragraphs(sheet.legend),
                _list("ol", sheet.notes),
                _paragraphs(sheet.remarks),
                _list("ul", sheet.warnings),
            )
            if part
        ),
    )


def latex(sheet: Sheet) -> str:
    """Return the sheet as a LaTeX float, six hardware columns at a time; it needs no package.

    With intervals there are three columns at a time.
    """
    lines = [r"\begin{table}", r"\centering", r"\small"]
    lines.append(rf"\caption{{{escape.latex('. '.join([sheet.title, ' '.join(sheet.caption)]))}}}")
    at_once = _LATEX_COLUMNS_WITH_INTERVALS if sheet.has_intervals else _LATEX_COLUMNS
    for first in range(0, len(sheet.columns), at_once):
        lines += [r"\par\medskip", _table(sheet, _LATEX, slice(first, first + at_once))]
    below = [*map(escape.latex, sheet.legend)]
    below += [
        rf"\textsuperscript{{{n}}} {escape.latex(note)}" for n, note in enumerate(sheet.notes, 1)
    ]
    below += map(escape.latex, (*sheet.remarks, *sheet.warnings))
    if below:
        lines += [r"\par\medskip\raggedright\footnotesize", "\\\\\n".join(below)]
    return "\n".join([*lines, r"\end{table}"])


def _table(sheet: Sheet, medium: _Medium, columns: slice = slice(None)) -> str:
    """Return the rows and the summary below them as tabulate's table."""
    lines = [
        [
            *map(medium.escaped, line.labels),
            *(_place(field, medium) for field in line.fields[columns]),
        ]
        for line in (*sheet.rows, *sheet.summary)
    ]
    names = [
        medium.escaped(name) + _noted(numbers, medium)
        for name, numbers in zip(sheet.columns[columns], sheet.column_notes[columns], strict=True)
    ]
    if medium is _LATEX:
        # tabulate 0.9 draws no separating line in LaTeX.
        lines[len(sheet.rows)][0] = rf"\hline {lines[len(sheet.rows)][0]}"
    return tabulate(
        lines,
        headers=[*map(medium.escaped, sheet.label_headers), *names],
        tablefmt=medium.style,
        disable_numparse=True,
        colalign=[
            *("right" if numbers else "left" for numbers in sheet.label_numbers),
            *("right" for _ in names),
        ],
    )


def _place(field: Field, medium: _Medium) -> str:
    number = medium.escaped(field.text)
    if field.struck:
        number = medium.struck(number)
    parts = (number + medium.escaped(field.flags), field.range, field.aside, field.batch)
    shown = " ".join([parts[0], *(medium.escaped(part) for part in parts[1:] if part)])
    return shown + _noted(field.notes, medium)


def _noted(numbers: tuple[int, ...], medium: _Medium) -> str:
    return medium.mark(",".join(map(str, numbers))) if numbers else ""


def _paragraphs(lines: Iterable[str]) -> str:
    return "\n".join(f"<p>{escape.html(line)}</p>" for line in lines)


def _list(tag: str, items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape.html(item)}</li>\n" for item in items)
    return f"<{tag}>\n{lines}</{tag}>" if lines else ""
