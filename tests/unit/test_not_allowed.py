"""What somebody is told whose line to Redis does not let them do what they asked for."""

from __future__ import annotations

import pytest
from redis.exceptions import NoPermissionError

from jobs.errors import BrokerDownError
from workers.client import explained

SAID = "User has no permissions to run the 'flushall' command"


def refused(url: str) -> str:
    with pytest.raises(BrokerDownError) as caught, explained(url):
        raise NoPermissionError(SAID)
    return str(caught.value)


def test_a_workers_line_is_called_one_before_redis_is_quoted() -> None:
    said = refused("redis://worker:secret@10.0.0.1:6399/0")
    assert said.startswith("this line is a worker's, for `farm worker` and for reading: ")
    assert "use coordinator.url" in said
    assert said.endswith(f"Redis at redis://worker:***@10.0.0.1:6399/0 said: {SAID}")
    assert "secret" not in said


def test_the_line_of_one_hardware_names_it() -> None:
    said = refused("redis://worker.p100:secret@10.0.0.1:6399/0")
    assert said.startswith("this line is a worker's (of p100 alone), for `farm worker`: ")
    assert "use coordinator.url" in said


@pytest.mark.parametrize("user", ["", "somebody:secret@", "workers:secret@"])
def test_of_any_other_line_nothing_is_claimed(user: str) -> None:
    said = refused(f"redis://{user}10.0.0.1:6399/0")
    assert said.startswith("Redis does not let this user do that; use coordinator.url")
    assert said.endswith(SAID)
    assert "worker's" not in said
    assert "secret" not in said
