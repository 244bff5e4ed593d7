"""A matrix as Markdown, HTML or LaTeX; the tables are tabulate's."""

from __future__ import annotations

from collections.abc import Callable

from tabulate import tabulate

from farm.render import escape
from farm.render.sheet import Sheet

_LATEX_COLUMNS = 6  # of hardware, beside the labels, on a page

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
tbody tr:nth-last-child(4) td {{ border-top: 1px solid; }}
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


def markdown(sheet: Sheet) -> str:
    """Return the sheet as GitHub-flavoured Markdown."""
    parts = [f"**{escape.markdown(sheet.title)}**", *map(escape.markdown, sheet.caption)]
    parts.append(_table(sheet, "pipe", escape.markdown, " [{}]".format))
    numbered = [f"{n}. {escape.markdown(note)}" for n, note in enumerate(sheet.notes, 1)]
    parts += ["\n".join(numbered), *map(escape.markdown, sheet.remarks)]
    return "\n\n".join(part for part in parts if part)


def html(sheet: Sheet) -> str:
    """Return the sheet as an HTML document that needs no other file."""
    notes = "".join(f"<li>{escape.html(note)}</li>\n" for note in sheet.notes)
    return _HTML.format(
        title=escape.html(sheet.title),
        caption="\n".join(f"<p>{escape.html(line)}</p>" for line in sheet.caption),
        table=_table(sheet, "unsafehtml", escape.html, "<sup>{}</sup>".format),
        notes="\n".join(
            [
                *([f"<ol>\n{notes}</ol>"] if notes else []),
                *(f"<p>{escape.html(line)}</p>" for line in sheet.remarks),
            ]
        ),
    )


def latex(sheet: Sheet) -> str:
    """Return the sheet as a LaTeX float, six hardware columns at a time; it needs no package."""
    lines = [r"\begin{table}", r"\centering", r"\small"]
    lines.append(rf"\caption{{{escape.latex('. '.join([sheet.title, ' '.join(sheet.caption)]))}}}")
    for first in range(0, len(sheet.columns), _LATEX_COLUMNS):
        columns = slice(first, first + _LATEX_COLUMNS)
        table = _table(sheet, "latex_raw", escape.latex, r"\textsuperscript{{{}}}".format, columns)
        lines += [r"\par\medskip", table]
    below = [
        rf"\textsuperscript{{{n}}} {escape.latex(note)}" for n, note in enumerate(sheet.notes, 1)
    ]
    below += map(escape.latex, sheet.remarks)
    if below:
        lines += [r"\par\medskip\raggedright\footnotesize", "\\\\\n".join(below)]
    return "\n".join([*lines, r"\end{table}"])


def _table(
    sheet: Sheet,
    style: str,
    escaped: Callable[[str], str],
    mark: Callable[[int], str],
    columns: slice = slice(None),
) -> str:
    """Return the rows and the summary below them as tabulate's table of that style."""
    lines = [
        [
            *map(escaped, line.labels),
            *(escaped(field.shown) + _marked(field.note, mark) for field in line.fields[columns]),
        ]
        for line in (*sheet.rows, *sheet.summary)
    ]
    names = sheet.columns[columns]
    if style == "latex_raw":
        # tabulate 0.9 draws no separating line in LaTeX.
        lines[len(sheet.rows)][0] = rf"\hline {lines[len(sheet.rows)][0]}"
    return tabulate(
        lines,
        headers=[escaped(name) for name in (*sheet.label_headers, *names)],
        tablefmt=style,
        disable_numparse=True,
        colalign=[
            *("right" if numbers else "left" for numbers in sheet.label_numbers),
            *("right" for _ in names),
        ],
    )


def _marked(note: int | None, mark: Callable[[int], str]) -> str:
    return "" if note is None else mark(note)
