"""The job in hand, and who may end it; the brake that does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.conftest import make_job
from workers.brake import Brake, Stopped, Why
from workers.job_in_hand import JobInHand

JOB = make_job()


def pulled(brake: Brake) -> Why | None:
    """Why the brake was pulled; None when it was not."""
    try:
        brake.check()
    except Stopped as stopped:
        return stopped.why
    return None


def within_seconds(seconds: float, happens: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()


def test_a_brake_wakes_who_sleeps_and_gives_the_first_reason() -> None:
    brake = Brake()
    brake.sleep(0.01)
    timer = threading.Timer(0.05, brake.pull, [Why.OVER])
    timer.start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        brake.sleep(60.0)
    assert time.monotonic() - began < 30
    brake.pull(Why.HANDED_BACK)
    assert pulled(brake) is Why.OVER
    timer.join()


def test_a_released_brake_can_be_pulled_again() -> None:
    brake = Brake()
    for why in Why:
        brake.pull(why)
        with pytest.raises(Stopped):
            brake.sleep(60.0)
        brake.release()
        brake.sleep(0.0)
        assert pulled(brake) is None


def test_only_the_job_in_hand_is_dropped() -> None:
    hand = JobInHand(Brake())
    hand.drop(JOB.id)
    with hand.take(JOB):
        assert hand.job is JOB
        hand.drop(make_job(repeat=2).id)
        assert pulled(hand.brake) is None
        hand.drop(JOB.id)
        assert pulled(hand.brake) is Why.OVER
    # And the next job does not suffer for it
    with hand.take(make_job(repeat=2)):
        assert pulled(hand.brake) is None
    assert hand.job is None


def test_a_job_that_is_measured_may_come_to_its_end() -> None:
    hand = JobInHand(Brake())
    with hand.take(JOB):
        hand.begin()
        assert hand.stop_soon() == JOB.label
        assert pulled(hand.brake) is None
        hand.stop_now()
        assert pulled(hand.brake) is Why.HANDED_BACK
    with pytest.raises(Stopped), hand.take(JOB):
        pass


def test_a_job_that_waits_for_the_machine_is_handed_back_at_once() -> None:
    hand = JobInHand(Brake())
    with hand.take(JOB):
        assert hand.stop_soon() is None
        assert pulled(hand.brake) is Why.HANDED_BACK


def test_when_the_grace_is_over_the_job_is_handed_back() -> None:
    hand = JobInHand(Brake(), grace_seconds=0.05)
    with hand.take(JOB):
        hand.begin()
        hand.stop_soon()
        assert within_seconds(30, lambda: pulled(hand.brake) is Why.HANDED_BACK)


def test_without_grace_the_job_is_handed_back_at_once() -> None:
    hand = JobInHand(Brake(), grace_seconds=0.0)
    with hand.take(JOB):
        hand.begin()
        assert hand.stop_soon() is None
        assert pulled(hand.brake) is Why.HANDED_BACK


def test_an_idle_worker_has_nothing_to_finish() -> None:
    hand = JobInHand(Brake())
    assert hand.stop_soon() is None
    hand.stop_now()
    assert pulled(hand.brake) is None
