"""Outcome: what the way a child ended comes to: its own report, or why there is none."""

from __future__ import annotations

import errno
import os
import signal

from pydantic import ValidationError

from jobs.limits import MAX_REPORT_BYTES
from jobs.memory import last_words
from jobs.result import ChildReport, JobFailure, Status
from jobs.spec import Cell
from workers.nursery import Ending, Refused

# Of a process that a signal ended under a limit: libraries die of refused memory in many ways.
PERHAPS_MEMORY = "the worker's memory is limited (ulimit), which can be why"
# By which others end a process; what it does wrong itself ends by other signals.
FROM_OUTSIDE = ("SIGKILL", "SIGTERM")
TEMPLATE_DIED = "its template died"


def read_report(
    ending: Ending, timeout_seconds: float, *, memory_killed: bool, under_limit: bool = False
) -> ChildReport:
    """Turn the way a child ended into a report, its own where it left one that can be read.

    `memory_killed`: the kernel has killed some process for memory meanwhile; `under_limit`: the
    child's memory was limited (see `jobs.memory`).
    """
    tail = ending.stderr_tail
    if ending.refused is not None:
        return _not_started(ending.refused)
    if ending.timed_out:
        message = (
            f"still running after its timeout of {timeout_seconds:g} s, and killed; "
            f"set a longer 'timeout' in the suite if it needs one"
        )
        return failed(Status.TIMED_OUT, kind="timeout", message=message, stderr_tail=tail)
    if ending.oversized:
        message = (
            f"wrote a report of more than {_size(MAX_REPORT_BYTES)}, and was killed for it; "
            f"a workload reports its laps and a few numbers for each epoch, no data"
        )
        return failed(Status.FAILED, kind="garbage", message=message, stderr_tail=tail)
    if ending.status is None:
        message = "the process that starts the jobs died during this one; `farm` started it again"
        return failed(Status.FAILED, kind="signal", message=message, stderr_tail=tail)
    code = os.waitstatus_to_exitcode(ending.status)
    if code != 0:
        return _died(code, tail, memory_killed=memory_killed, under_limit=under_limit)
    try:
        report = ChildReport.model_validate_json(ending.report)
    except ValidationError as error:
        what = (
            f"no readable report ({_first_line(error)})"
            if ending.report
            else "no report: something in it ended the process early, such as os._exit"
        )
        message = f"the child process ended without an error and left {what}"
        return failed(Status.FAILED, kind="garbage", message=message, stderr_tail=tail)
    if report.error is None:
        return report
    failure = report.error.model_copy(update={"stderr_tail": tail})
    # An 'internal' error of XLA's can be missing memory of which only its stderr tells.
    if "INTERNAL: " in failure.message and (gone := last_words(tail, under_limit=under_limit)):
        failure = failure.model_copy(
            update={"kind": "memory", "message": f"out of host memory: {gone}; {failure.message}"}
        )
        return report.model_copy(update={"status": Status.OUT_OF_MEMORY, "error": failure})
    return report.model_copy(update={"error": failure})


def killed_from_outside(error: JobFailure | None) -> str | None:
    """Return what ended the job's process, if it was nothing that the job did; or None.

    A signal that others send, or the death of the template that had started it.
    """
    if error is None or error.kind != "signal":
        return None
    if error.signal is None:
        return TEMPLATE_DIED
    return error.signal if error.signal in FROM_OUTSIDE else None


def failed(status: Status, **failure: object) -> ChildReport:
    """Return the report of a child that left none; `failure` are the fields of a JobFailure."""
    return ChildReport(status=status, error=JobFailure.model_validate(failure), environment={})


def with_peak(
    report: ChildReport, cell: Cell, *, host_bytes: int | None, device_bytes: int | None
) -> ChildReport:
    """Return a report of missing memory with the peaks seen, and what to do; others as they are."""
    if report.status is not Status.OUT_OF_MEMORY or report.error is None:
        return report
    head, _, said = report.error.message.partition(": ")
    peaks = [] if host_bytes is None else [f"{_size(host_bytes)} of the host's"]
    if device_bytes is not None:
        peaks.insert(0, f"{_size(device_bytes)} of the device's")
    held = f"it held {' and '.join(peaks)} at its peak" if peaks else "its peak is not known"
    batched = cell.batch_size is not None and cell.batch_size != 1
    take = "a smaller batch or less data" if batched else "less data or a smaller network"
    message = f"{head}: {held}; take {take}, or a machine with more memory ({said})"
    error = report.error.model_copy(update={"message": message})
    return report.model_copy(update={"error": error})


def _not_started(refused: Refused) -> ChildReport:
    if refused.error == errno.ENOMEM:
        message = f"out of host memory: no process could be started for this job: {refused.said}"
        return failed(Status.OUT_OF_MEMORY, kind="memory", message=message)
    message = (
        f"no process could be started for this job: {refused.said}; see how many processes and "
        f"open files the worker may have (ulimit -u, ulimit -n, the container's pids limit)"
    )
    return failed(Status.FAILED, kind="exit", message=message)


def _died(code: int, tail: str, *, memory_killed: bool, under_limit: bool) -> ChildReport:
    """Return the report of a child that ended with an exit code, or by a signal (below 0)."""
    number = max(0, -code)
    known = number in set(signal.Signals)
    by = {"signal": signal.Signals(number).name if known else str(number)} if number else {}
    more = {**by, "exit_code": code if code > 0 else None, "stderr_tail": tail}
    gone = last_words(tail, under_limit=under_limit)
    if number == signal.SIGKILL:
        gone = "the kernel killed the process" if memory_killed else None
    if gone is not None:
        message = f"out of host memory: {gone}"
        return failed(Status.OUT_OF_MEMORY, kind="memory", message=message, **more)
    if code > 0:
        words = tail.strip().splitlines()[-1:] or ["nothing"]
        message = f"the child process ended with exit code {code}; last it said: {words[0][:300]}"
        return failed(Status.FAILED, kind="exit", message=message, **more)
    message = f"the child process was killed by {by['signal']}"
    if number in {signal.SIGKILL, signal.SIGTERM}:
        message += ", not by the farm; often that is somebody's memory limit"
    elif number in {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS} and under_limit:
        message += f"; {PERHAPS_MEMORY}"
    return failed(Status.FAILED, kind="signal", message=message, **more)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.0f} MiB"


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'report'}: {first['msg']}"
