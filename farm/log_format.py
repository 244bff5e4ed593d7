"""Log format: one record is one line, whatever it quotes; only tracebacks have several."""

from __future__ import annotations

import logging
from typing import Any

from farm.render.escape import lines, plain


class PlainFormatter(logging.Formatter):
    """Writes records so that nothing in them can steer a terminal or pass for another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the record's line."""
        record.message = plain(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return a traceback, indented, so that no line of it begins as a record does."""
        text = super().formatException(ei)
        return "\n".join(f"  {line}" for line in lines(text))


def use_everywhere() -> None:
    """Have every handler of the root logger, and Python's last resort, write so."""
    for handler in [*logging.getLogger().handlers, logging.lastResort]:
        if handler is not None:
            given = handler.formatter or logging.Formatter()
            handler.setFormatter(PlainFormatter(given._fmt, given.datefmt))
