"""Check: one thing that was looked at, whether it is as it should be, and what to do if not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import FarmError

NOT_CHECKED = "not checked: "


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    check: str  # its name, the same in every version
    ok: bool
    detail: str  # what was found, in a sentence
    remedy: str  # what to do; empty where all is well

    @property
    def looked(self) -> bool:
        """Whether it could be looked at here at all."""
        return not (self.ok and self.detail.startswith(NOT_CHECKED))

    @classmethod
    def fine(cls, check: str, detail: str) -> Check:
        """Return that all is well."""
        return cls(check, True, detail, "")

    @classmethod
    def wrong(cls, check: str, detail: str, remedy: str) -> Check:
        """Return that something is not as it should be, and what to do."""
        return cls(check, False, detail, remedy)

    @classmethod
    def skipped(cls, check: str, why: str) -> Check:
        """Return that it could not be looked at here, which is no fault."""
        return cls(check, True, NOT_CHECKED + why, "")

    @classmethod
    def failed(cls, check: str, error: FarmError, separator: str = "; ") -> Check:
        """Return what an error says: what happened and, behind the separator, what to do."""
        detail, _, remedy = " ".join(str(error).split()).partition(separator)
        return cls.wrong(check, detail, remedy or "mend what it names, and ask again")


def guarded(check: str, look: Callable[[], Check]) -> Check:
    """Return what was found, also where looking itself goes wrong."""
    try:
        return look()
    except FarmError as error:
        return Check.failed(check, error)
    except Exception as error:  # noqa: BLE001 - one check that fails must not hide the others
        return Check.wrong(
            check,
            f"this could not be looked at: {type(error).__name__}: {error}",
            "if this makes no sense here, it is a fault of `farm doctor`: please report it",
        )


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the names in a row; of many the first, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def shown(path: Path) -> str:
    """Return a path as people write it: what is below their home with a tilde."""
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        if path != home and path.is_relative_to(home):
            return str(Path("~") / path.relative_to(home))
    return str(path)
