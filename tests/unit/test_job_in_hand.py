"""The job in hand, and who may end it; the stop token that does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.conftest import make_job
from workers.job_in_hand import JobInHand
from workers.stop_token import Stopped, StopToken, Why

JOB = make_job()


def requested(stop_token: StopToken) -> Why | None:
    """Why a stop was requested; None when none was."""
    try:
        stop_token.check()
    except Stopped as stopped:
        return stopped.why
    return None


def within_seconds(seconds: float, happens: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()


def test_a_brake_wakes_who_sleeps_and_gives_the_first_reason() -> None:
    stop_token = StopToken()
    stop_token.sleep(0.01)
    timer = threading.Timer(0.05, stop_token.request_stop, [Why.OVER])
    timer.start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        stop_token.sleep(60.0)
    assert time.monotonic() - began < 30
    stop_token.request_stop(Why.HANDED_BACK)
    assert requested(stop_token) is Why.OVER
    timer.join()


def test_a_released_brake_can_be_pulled_again() -> None:
    stop_token = StopToken()
    for why in Why:
        stop_token.request_stop(why)
        with pytest.raises(Stopped):
            stop_token.sleep(60.0)
        stop_token.reset()
        stop_token.sleep(0.0)
        assert requested(stop_token) is None


def test_only_the_job_in_hand_is_dropped() -> None:
    hand = JobInHand(StopToken())
    hand.drop(JOB.id)
    with hand.take(JOB):
        assert hand.job is JOB
        hand.drop(make_job(repeat=2).id)
        assert requested(hand.stop_token) is None
        hand.drop(JOB.id)
        assert requested(hand.stop_token) is Why.OVER
    # And the next job does not suffer for it
    with hand.take(make_job(repeat=2)):
        assert requested(hand.stop_token) is None
    assert hand.job is None


def test_a_job_that_is_measured_may_come_to_its_end() -> None:
    hand = JobInHand(StopToken())
    with hand.take(JOB):
        hand.begin()
        assert hand.stop_soon() == JOB.label
        assert requested(hand.stop_token) is None
        hand.stop_now()
        assert requested(hand.stop_token) is Why.HANDED_BACK
    with pytest.raises(Stopped), hand.take(JOB):
        pass


def test_a_job_that_waits_for_the_machine_is_handed_back_at_once() -> None:
    hand = JobInHand(StopToken())
    with hand.take(JOB):
        assert hand.stop_soon() is None
        assert requested(hand.stop_token) is Why.HANDED_BACK


def test_when_the_grace_is_over_the_job_is_handed_back() -> None:
    hand = JobInHand(StopToken(), grace_seconds=0.05)
    with hand.take(JOB):
        hand.begin()
        hand.stop_soon()
        assert within_seconds(30, lambda: requested(hand.stop_token) is Why.HANDED_BACK)


def test_without_grace_the_job_is_handed_back_at_once() -> None:
    hand = JobInHand(StopToken(), grace_seconds=0.0)
    with hand.take(JOB):
        hand.begin()
        assert hand.stop_soon() is None
        assert requested(hand.stop_token) is Why.HANDED_BACK


def test_an_idle_worker_has_nothing_to_finish() -> None:
    hand = JobInHand(StopToken())
    assert hand.stop_soon() is None
    hand.stop_now()
    assert requested(hand.stop_token) is None
