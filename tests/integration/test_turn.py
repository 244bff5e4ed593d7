"""Turn, on a real Redis: one at a time, and whoever dies or sleeps loses it."""

from __future__ import annotations

import time

import pytest
import redis

from workers.turn import Turn


@pytest.fixture
def mine(client: redis.Redis) -> Turn:
    return Turn(client, "run-1", "p100")


@pytest.fixture
def theirs(client: redis.Redis) -> Turn:
    return Turn(client, "run-1", "p100")


def test_one_has_it_until_it_is_ended(mine: Turn, theirs: Turn) -> None:
    assert mine.take()
    assert mine.keep()
    assert not theirs.take()
    assert not theirs.keep()
    assert not theirs.end(all_enqueued=True)
    assert not mine.done_before()
    assert mine.end(all_enqueued=True)
    assert theirs.done_before()
    assert theirs.take()
    assert not mine.end()


def test_whoever_sleeps_loses_it(mine: Turn, theirs: Turn) -> None:
    mine.seconds = 0.4
    assert mine.take()
    time.sleep(0.2)
    assert mine.keep()
    # When it is over, and the next has had it
    assert theirs.take(patience_seconds=10.0)
    theirs.end()
    # Then the first notices, even though nobody has it now
    assert mine.keep(when_due=True) is False
    assert not mine.end(all_enqueued=True)
    assert not theirs.done_before()


def test_it_is_asked_after_when_due_only(mine: Turn, theirs: Turn) -> None:
    assert mine.take()
    theirs.take_over()
    assert mine.keep(when_due=True)
    assert not mine.keep()
    assert theirs.end()


def test_every_hardware_of_every_run_has_its_own(client: redis.Redis, mine: Turn) -> None:
    assert mine.take()
    assert Turn(client, "run-1", "t4").take()
    assert Turn(client, "run-2", "p100").take()
