"""Examination: all checks at the same time, each within bounds; what does not end is said to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from farm.doctor import backends, datasets, machine, video
from farm.doctor.check import Check
from jobs.errors import BrokerError, FarmError, HardwareError, NoBrokerError, UsageError
from workers.app import visibility_seconds
from workers.hardware import Hardware, detect

if TYPE_CHECKING:
    from farm.redis.broker import Server

SECONDS = 18.0  # for all checks together
MARGIN_SECONDS = 2.5  # that a part has for saying what did not end, before it is given up itself
MEASURING = "a job is being measured here (or another doctor is at it), and would be disturbed"


@dataclass
class Part:
    """Some checks, one after the other, in a thread of their own."""

    name: str  # of the check that says that they did not end
    make: Callable[[], Iterable[Check]]
    found: list[Check] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    mistake: UsageError | None = None  # of whoever asked

    def start(self) -> None:
        """Begin; nobody waits for the thread when the process ends."""
        threading.Thread(target=self._run, name=f"doctor-{self.name}", daemon=True).start()

    def checks(self, deadline: float) -> list[Check]:
        """Return what was found until `deadline` (monotonic), or until they ended.

        Raises UsageError where they could not be made as asked.
        """
        if self.ended.wait(max(0.0, deadline - time.monotonic())):
            if self.mistake is not None:
                raise self.mistake
            return self.found
        late = Check.wrong(
            self.name,
            "no answer in time: these checks had not ended when the others had",
            "ask again; a disk, a network folder or a server that hangs is the usual cause",
        )
        return [*self.found, late]

    def _run(self) -> None:
        try:
            for check in self.make():
                self.found.append(check)
        except UsageError as error:
            self.mistake = error
        except Exception as error:  # noqa: BLE001 - said as any other fault
            failed = error if isinstance(error, FarmError) else FarmError(f"{error!r}")
            self.found.append(Check.failed(self.name, failed))
        finally:
            self.ended.set()


def examine(
    redis_url: str | None, device: str | None = None, seconds: float = SECONDS
) -> list[Check]:
    """Return everything that was looked at, within so many seconds.

    Raises UsageError for a device that is none.
    """
    deadline = time.monotonic() + seconds
    inner = deadline - MARGIN_SECONDS
    parts = [
        Part("redis", lambda: broker_checks(redis_url)),
        Part("python", machine.checks),
        Part("gpu", lambda: device_checks(device, inner)),
        Part("data sets", datasets.checks),
    ]
    for part in parts:
        part.start()
    return [check for part in parts for check in part.checks(deadline)]


def broker_checks(redis_url: str | None) -> Iterator[Check]:
    """Yield what there is to say of Redis, and of the workers and jobs in it."""
    from farm.doctor import broker as server_checks
    from farm.doctor import jobs, workers
    from farm.redis import broker
    from workers.client import connect

    try:
        visibility = visibility_seconds()
        url = broker.resolve(redis_url)
    except NoBrokerError:
        yield Check.skipped("redis", "none is named, and `farm up` has started none here")
        return
    except FarmError as error:
        yield Check.failed("redis", error)
        return
    try:
        client = connect(url)
    except BrokerError as error:
        yield Check.failed("redis", error)
        return
    with client:
        yield from server_checks.checks(url, client, own_server(url), visibility)
        yield from workers.checks(url, client, visibility)
        yield from jobs.checks(url, client)


def own_server(url: str) -> Server | None:
    """Return the server that `farm up` started here, if it is the one at that URL."""
    from urllib.parse import urlsplit

    from farm.redis import broker

    server = broker.running()
    if server is None:
        return None
    named, own = urlsplit(url), urlsplit(server.local_url)
    return server if (named.hostname, named.port) == (own.hostname, own.port) else None


def device_checks(device: str | None, deadline: float) -> Iterator[Check]:
    """Yield what there is to say of the device, and of what computes on it.

    Imports and trials take every CPU for some seconds: no job of this machine is measured
    meanwhile, and where one is being measured they are left out.
    """
    try:
        hardware = detect(device=device)
    except HardwareError as error:
        yield Check.failed("gpu", error)
        return
    yield machine.gpu_here(hardware, device)
    with quiet() as free:
        if free:
            yield from backend_checks(hardware, deadline)
        else:
            yield Check.skipped("backends", MEASURING)


def backend_checks(hardware: Hardware, deadline: float) -> Iterator[Check]:
    """Import every backend that is installed, and try the encoders of ffmpeg, all at once."""
    from workers.service import child_environment

    versions, refused = backends.installed(hardware)
    environment = child_environment(hardware)
    yield from (Check.failed(each, FarmError(why), ": ") for each, why in refused.items())
    if not versions and not refused:
        yield Check.skipped(
            "backends", 'none is installed, so no worker can measure here: "benchfarm[tensorflow]"'
        )
    parts = []
    for backend, version in versions.items():
        probe = partial(backends.probed, backend, version, hardware, environment, deadline)
        parts.append(Part(backend, probe))
    parts.append(Part("ffmpeg", lambda: [video.check(deadline - time.monotonic())]))
    for part in parts:
        part.start()
    for part in parts:
        yield from part.checks(deadline + MARGIN_SECONDS)


@contextlib.contextmanager
def quiet() -> Iterator[bool]:
    """Hold the machine as a measurement does, and say True; False where a job is measured now."""
    from workers.host_lock import lock_path, opened

    try:
        fd = opened(lock_path())
    except HardwareError:  # its own check says so
        yield True
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def all_well(checks: Sequence[Check]) -> bool:
    """Return whether nothing is wrong."""
    return all(check.ok for check in checks)
