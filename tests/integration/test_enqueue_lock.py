"""EnqueueLock, on a real Redis: one at a time, and whoever dies or sleeps loses it."""

from __future__ import annotations

import time

import pytest
import redis

from workers.enqueue_lock import EnqueueLock


@pytest.fixture
def mine(client: redis.Redis) -> EnqueueLock:
    return EnqueueLock(client, "run-1", "p100")


@pytest.fixture
def theirs(client: redis.Redis) -> EnqueueLock:
    return EnqueueLock(client, "run-1", "p100")


def test_one_has_it_until_it_is_ended(mine: EnqueueLock, theirs: EnqueueLock) -> None:
    assert mine.acquire()
    assert mine.extend()
    assert not theirs.acquire()
    assert not theirs.extend()
    assert not theirs.release(all_enqueued=True)
    assert not mine.done_before()
    assert mine.release(all_enqueued=True)
    assert theirs.done_before()
    assert theirs.acquire()
    assert not mine.release()


def test_whoever_sleeps_loses_it(mine: EnqueueLock, theirs: EnqueueLock) -> None:
    mine.seconds = 0.4
    assert mine.acquire()
    time.sleep(0.2)
    assert mine.extend()
    # When it is over, and the next has had it
    assert theirs.acquire(patience_seconds=10.0)
    theirs.release()
    # Then the first notices, even though nobody has it now
    assert mine.extend(when_due=True) is False
    assert not mine.release(all_enqueued=True)
    assert not theirs.done_before()


def test_it_is_asked_after_when_due_only(mine: EnqueueLock, theirs: EnqueueLock) -> None:
    assert mine.acquire()
    theirs.take_over()
    assert mine.extend(when_due=True)
    assert not mine.extend()
    assert theirs.release()


def test_every_hardware_of_every_run_has_its_own(client: redis.Redis, mine: EnqueueLock) -> None:
    assert mine.acquire()
    assert EnqueueLock(client, "run-1", "t4").acquire()
    assert EnqueueLock(client, "run-2", "p100").acquire()
