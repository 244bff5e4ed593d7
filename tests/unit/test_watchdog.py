"""Watchdog, without a queue: when it restarts a worker, and when it lets one be."""

from __future__ import annotations

import time
from typing import Any

import pytest

from workers.transport import Listener
from workers.watchdog import Watchdog


class Site:
    """A worker as the watchdog sees it, and a clock that goes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.waiting = 1
        self.working = False
        self.restarts = 0
        self.listener = Listener()
        self.listener.received_at = self.now
        client: Any = self
        self.watchdog = Watchdog(
            client, "p100", self.listener, lambda: self.working, self.restart, seconds=60.0
        )

    def llen(self, key: str) -> int:
        assert key == "farm:queue:hardware.p100"
        return self.waiting

    def restart(self) -> None:
        self.restarts += 1

    def pass_(self, seconds: float) -> None:
        """Let time pass, and the watchdog look every ten seconds."""
        for _ in range(round(seconds / 10)):
            self.now += 10
            self.watchdog.look()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def test_a_worker_that_leaves_jobs_waiting_is_restarted_once_for_every_such_time(
    site: Site,
) -> None:
    site.pass_(50)
    assert site.restarts == 0
    site.pass_(10)
    assert site.restarts == 1
    site.pass_(50)
    assert site.restarts == 1
    site.pass_(10)
    assert site.restarts == 2


def test_no_worker_is_restarted_that_works_or_has_no_jobs_or_stops(site: Site) -> None:
    site.waiting = 0
    site.pass_(600)
    site.waiting, site.working = 1, True
    site.pass_(600)
    site.working, site.watchdog.stopped = False, True
    site.pass_(600)
    assert site.restarts == 0


def test_a_message_taken_starts_the_wait_anew(site: Site) -> None:
    site.pass_(50)
    site.listener.received_at = site.now
    site.pass_(50)
    assert site.restarts == 0


def test_a_redis_that_refuses_is_no_fault_of_the_workers(site: Site) -> None:
    for _ in range(60):
        site.listener.refused_at = site.now
        site.pass_(10)
    assert site.restarts == 0


def test_what_happened_while_nobody_looked_does_not_count(site: Site) -> None:
    site.pass_(50)
    site.now += 3600  # Redis was away, or the machine asleep
    site.watchdog.look()
    site.pass_(50)
    assert site.restarts == 0
    site.pass_(10)
    assert site.restarts == 1
