"""Text from outside, made harmless for the medium that it is printed in."""

from __future__ import annotations

import html as html_library
import re
import unicodedata

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
# Control, format (bidirectional overrides among them), surrogate, line and paragraph separator.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Spreadsheets take the wide forms of Japanese keyboards for the same.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKDOWN = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# What begins a heading, an item of a list, or underlines a heading.
_MARKDOWN_BEGIN = re.compile(r"(?:#{1,6}|[-+]|[0-9]{1,9}[.)])(?=\s|$)|[=-]+$")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after the end of a row, both would be taken for the row's option
    "*": "{*}",
    "×": r"$\times$",
    "÷": r"$\div$",
    "µ": r"$\mu$",
    "–": "--",
    "…": r"\ldots{}",
    "≠": r"$\neq$",
    "`": r"\`{}",  # two of them, or one behind ! or ?, would be another character
}


def plain(text: str) -> str:
    """Return one line that cannot steer a terminal: no colours, controls or hidden characters."""
    line = " ".join(_ANSI.sub("", text).split())
    if line.isascii() and line.isprintable():
        return line
    return "".join(_visible(character) for character in line)


def lines(text: str) -> list[str]:
    """Return the lines of a text with their spaces; nothing in them can steer a terminal."""
    return [
        "".join(plain(part) if part.strip(" ") else part for part in re.split("( +)", line))
        for line in text.expandtabs(4).rstrip().splitlines()
    ]


def html(text: str) -> str:
    """Return the text as HTML that holds no markup, for content and quoted attributes alike."""
    return html_library.escape(plain(text), quote=True)


def markdown(text: str) -> str:
    """Return the text as Markdown that reads as itself, inside a table as well."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", plain(text))
    if begin := _MARKDOWN_BEGIN.match(escaped):
        at = begin.end() - 1 if escaped[0].isdigit() else 0
        escaped = f"{escaped[:at]}\\{escaped[at:]}"
    return html_library.escape(escaped, quote=False)


def latex(text: str) -> str:
    """Return the text as LaTeX that reads as itself, for pdfLaTeX without further packages."""
    line = plain(text)
    return "".join(
        # Two hyphens would become a dash.
        "-{}" if character == following == "-" else _LATEX.get(character, character)
        for character, following in zip(line, f"{line[1:]} ", strict=False)
    )


def csv(text: str) -> str:
    """Return the text as a spreadsheet shows it: never a formula (OWASP, CSV injection)."""
    line = plain(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")
