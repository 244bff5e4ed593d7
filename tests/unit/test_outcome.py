"""What the way a child ended comes to."""

from __future__ import annotations

import errno
import signal

import pytest

from jobs.result import ChildReport, JobFailure, Status
from jobs.spec import Cell
from tests.conftest import make_cell
from workers.nursery import Ending, Refused
from workers.outcome import failed, read_report, with_peak

BAD_ALLOC = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  bad_alloc"


def ending(status: int | None, **changes: object) -> Ending:
    said = {"report": b"", "stderr_tail": "", "timed_out": False, "oversized": False, **changes}
    return Ending(status=status, **said)  # type: ignore[arg-type]


def read(end: Ending, *, killed: bool = False, limited: bool = False) -> ChildReport:
    return read_report(end, 1.0, memory_killed=killed, under_limit=limited)


def message(report: ChildReport) -> str:
    assert report.error is not None
    return report.error.message


def test_a_memory_kill_is_told_from_another() -> None:
    killed = read(ending(signal.SIGKILL), killed=True)
    assert killed.status is Status.OUT_OF_MEMORY
    assert "the kernel killed the process" in message(killed)
    other = read(ending(signal.SIGKILL, stderr_tail=BAD_ALLOC))
    assert other.status is Status.FAILED
    assert "somebody's memory limit" in message(other)


@pytest.mark.parametrize("status", [signal.SIGABRT, signal.SIGSEGV, 1 << 8])
def test_last_words_of_missing_memory_count_however_it_died(status: int) -> None:
    report = read(ending(status, stderr_tail=f"hello\n{BAD_ALLOC}\n"))
    assert report.status is Status.OUT_OF_MEMORY
    assert report.error is not None
    assert report.error.kind == "memory"
    assert report.error.signal == (signal.Signals(status).name if status < 256 else None)
    assert "std::bad_alloc" in report.error.message


@pytest.mark.parametrize(
    ("tail", "status"),
    [("allocate of <4> failed.\n", Status.OUT_OF_MEMORY), ("hello", Status.FAILED)],
)
def test_an_internal_error_of_xla_is_missing_memory_where_stderr_says_so(
    tail: str, status: Status
) -> None:
    # Seen: JAX 0.10 on a CPU, under `ulimit -d`.
    said = "jax.errors.JaxRuntimeError: INTERNAL: YNNPACK operation failed: error"
    error = JobFailure(kind="exception", message=said, traceback="Traceback")
    left = ChildReport(status=Status.FAILED, error=error, environment={"jax": "0.10"})
    report = read(ending(0, report=left.model_dump_json().encode(), stderr_tail=tail))
    assert report.status is status
    assert said in message(report)
    assert report.environment == {"jax": "0.10"}
    assert report.error is not None
    assert report.error.traceback == "Traceback"
    assert report.error.stderr_tail == tail


def test_a_crash_under_a_limit_says_that_the_limit_can_be_why() -> None:
    assert "(ulimit), which can be why" in message(read(ending(signal.SIGSEGV), limited=True))
    assert message(read(ending(signal.SIGSEGV))) == "the child process was killed by SIGSEGV"


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (errno.ENOMEM, Status.OUT_OF_MEMORY, "out of host memory: no process could be started"),
        (errno.EAGAIN, Status.FAILED, "ulimit -u"),
    ],
)
def test_a_child_that_could_not_be_started_is_an_outcome(
    number: int, status: Status, said: str
) -> None:
    report = read(ending(None, refused=Refused(error=number, said="the system's words")))
    assert report.status is status
    assert said in message(report)
    assert "the system's words" in message(report)


@pytest.mark.parametrize("left", [b"\x00\xff", b'{"status": "succeeded"}', b"[]"])
def test_a_report_that_is_garbage_is_a_failure_that_says_so(left: bytes) -> None:
    report = read(ending(0, report=left, stderr_tail="tail"))
    assert report.status is Status.FAILED
    assert report.error is not None
    assert report.error.kind == "garbage"


@pytest.mark.parametrize(
    ("cell", "host", "device", "said"),
    [
        (make_cell(), 3_330_000_000, None, "it held 3.1 GiB of the host's at its peak; take a sm"),
        (make_cell(), 50 << 20, 16 << 30, "16.0 GiB of the device's and 50 MiB of the host's at"),
        (make_cell(), None, None, "its peak is not known; take a smaller batch or less data, or a"),
        (make_cell(batch_size=1), None, None, "take less data or a smaller network, or a machine"),
        (make_cell(batch_size=None), None, None, "take less data or a smaller network"),
    ],
)
def test_the_peak_and_the_remedy_are_named(
    cell: Cell, host: int | None, device: int | None, said: str
) -> None:
    report = failed(Status.OUT_OF_MEMORY, kind="memory", message="out of device memory: CUDA: no")
    told = message(with_peak(report, cell, host_bytes=host, device_bytes=device))
    assert told.startswith("out of device memory: ")
    assert said in told
    assert told.endswith("(CUDA: no)")


def test_other_reports_are_left_as_they_are() -> None:
    error = JobFailure(kind="exception", message="out of ideas: all")
    report = ChildReport(status=Status.FAILED, error=error, environment={})
    assert with_peak(report, make_cell(), host_bytes=1, device_bytes=1) is report
