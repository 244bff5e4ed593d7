"""Mistakes: everything wrong with the files of one import, each with its file and line."""

from __future__ import annotations

from jobs.errors import ImportFileError

SHOWN = 20
MOST = 10_000  # after so many a file is read no further


class Mistakes:
    """Collects what is wrong, so that all of it can be said at once."""

    def __init__(self) -> None:
        self._found: list[tuple[str, int, str]] = []

    def add(self, file: str, line: int, text: str) -> None:
        """Record a mistake on a line, counted from 1; line 0 is the file as a whole.

        Raises ImportFileError, as `check` does, when there are too many to go on.
        """
        self._found.append((file, line, text))
        if len(self._found) > MOST:
            self.check()

    def extend(self, others: Mistakes) -> None:
        """Record those of another collection too."""
        self._found += others._found

    def __bool__(self) -> bool:
        return bool(self._found)

    def check(self) -> None:
        """Raise ImportFileError when there is any: SHOWN of them, and how many more there are.

        Where there are too many, one mistake of each kind goes before the same on further lines.
        """
        if not self._found:
            return
        files = list(dict.fromkeys(file for file, _, _ in self._found))
        ordered = sorted(self._found, key=lambda each: (files.index(each[0]), each[1]))
        kinds = {(file, text): (file, line, text) for file, line, text in reversed(ordered)}
        first = set(kinds.values())
        chosen = sorted(ordered, key=lambda each: each not in first)[:SHOWN]
        named = set(chosen)
        shown = [each for each in ordered if each in named][:SHOWN]
        problems = [
            f"{file}:{line}: {text}" if line else f"{file}: {text}" for file, line, text in shown
        ]
        if left := len(ordered) - len(shown):
            least = "at least " if len(ordered) > MOST else ""
            problems.append(f"and {least}{left:,} more; nothing was imported")
        else:
            problems.append("nothing was imported")
        raise ImportFileError(problems)
