"""The error tree of the whole product.

::

    FarmError                  the farm could not do it (exit code 1)
    ├── UsageError             wrong usage or a wrong suite file (exit code 2)
    │   ├── SuiteError         every mistake of a suite file, each with its place
    │   ├── ImportFileError    every mistake of the files to import, each with its place
    │   └── UnknownNameError   a name that nothing here answers to
    ├── BrokerError            the farm's Redis
    │   ├── NoBrokerError      none is named and none was started
    │   └── BrokerDownError    one is named, and does not answer as it should
    ├── ResultError            a result that cannot be taken for one
    ├── StoreError             the archive of results
    ├── HardwareError          this machine is not what was asked for
    └── JobError               a job cannot be measured, by no fault of its child process
        ├── DataMissingError   the data set's files are not there
        └── UnsupportedError   this machine lacks what the job needs

Only the command line exits; everything below it raises one of these. A message says what happened,
where, what was received, what is accepted and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FarmError(Exception):
    """The farm could not do what was asked."""


class UsageError(FarmError):
    """The command or its input is wrong; nothing was done."""


class SuiteError(UsageError):
    """One or more mistakes in a suite file; `problems` holds one line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ImportFileError(UsageError):
    """One or more mistakes in files to import; `problems` holds one line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class UnknownNameError(UsageError):
    """A name that nothing here answers to."""

    def __init__(self, kind: str, received: str, accepted: Iterable[str], remedy: str = "") -> None:
        known = sorted(accepted)
        message = f"there is no {kind} {received!r}{did_you_mean(received, known)}"
        message += f"; there is: {', '.join(known)}" if known else "; there is none yet"
        super().__init__(message + (f"\n{remedy}" if remedy else ""))


class BrokerError(FarmError):
    """The farm's Redis could not be used."""


class NoBrokerError(BrokerError):
    """No Redis is named and none was started here.

    Type `farm up` to start one on this machine, or name one with --redis or FARM_REDIS_URL: @FILE,
    a file with its URL, as `farm up` writes, or redis://[user:password@]host:port/0 itself.
    """

    def __init__(self) -> None:
        super().__init__(" ".join(str(NoBrokerError.__doc__).split()))


class BrokerDownError(BrokerError):
    """The Redis that is named does not answer as it should."""


class ResultError(FarmError):
    """A worker's result is broken, of another job, or means harm; the message says what of it."""


class StoreError(FarmError):
    """The archive of results could not be opened, read or written."""


class HardwareError(FarmError):
    """This machine does not have the device that was asked for."""


class JobError(FarmError):
    """The job cannot be measured here; raised inside the child, it becomes the job's result."""


class DataMissingError(JobError):
    """A data set's files are neither here nor to be had."""


class UnsupportedError(JobError):
    """This machine lacks what the job needs."""


def did_you_mean(received: str, accepted: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest of the accepted names, or an empty string."""
    close = difflib.get_close_matches(received, list(accepted), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
