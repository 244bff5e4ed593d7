"""The host's lock: one at a time, and nobody has to wait who does not want to any more."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from workers.host_lock import host_lock, opened
from workers.stop_token import Stopped, StopToken, Why


def held(path: Path) -> bool:
    """Whether anybody holds the lock."""
    fd = opened(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def test_the_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path, seen = tmp_path / "lock", list[str]()

    def second() -> None:
        with host_lock(path, StopToken()):
            seen.append("second")

    with host_lock(path, StopToken()):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.1)
        seen.append("first")
    waiting.join(30)
    assert seen == ["first", "second"]
    assert not held(path)


@pytest.mark.parametrize("requested_before", [True, False])
def test_whoever_stops_waiting_does_not_get_the_lock_later(
    tmp_path: Path, requested_before: bool
) -> None:
    path, stop_token = tmp_path / "lock", StopToken()
    with host_lock(path, StopToken()):
        # Given somebody who waits for the lock, and is stopped
        timer = threading.Timer(
            0.0 if requested_before else 0.1, stop_token.request_stop, [Why.OVER]
        )
        timer.start()
        if requested_before:
            timer.join()
        with pytest.raises(Stopped), host_lock(path, stop_token):
            raise AssertionError("two hold the lock")
        timer.join()
    # Then the lock is free when it is let go of
    deadline = time.monotonic() + 30
    while held(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not held(path)
