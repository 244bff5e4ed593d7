"""The transport, on a real Redis: a message is always in one of two places, and leases are fair."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
import redis
from celery import Celery

from tests.conftest import make_job
from workers import keys
from workers.app import make_app, queue_of
from workers.message_check import TASK
from workers.registry import Registry
from workers.transport import Channel

VISIBILITY_SECONDS = 2
JOB = make_job()
QUEUE = f"hardware.{JOB.hardware}"
KEY = keys.queue("p100")


@pytest.fixture
def app(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    monkeypatch.setenv("FARM_VISIBILITY_TIMEOUT", str(VISIBILITY_SECONDS))
    app = make_app(redis_url, JOB.hardware)
    app.send_task(
        TASK, args=[JOB.model_dump(mode="json")], task_id=JOB.id, queue=queue_of(JOB.hardware)
    )
    yield app
    app.close()


@pytest.fixture
def channel(app: Celery) -> Iterator[Channel]:
    with app.connection_for_read() as connection:
        yield connection.default_channel


@pytest.fixture
def taken(channel: Channel) -> list[Any]:
    """Consume the queue, one message at a time; what was taken is in the list."""
    taken: list[Any] = []
    channel.basic_qos(0, 1, False)
    channel.basic_consume(QUEUE, False, taken.append, "one")
    return taken


def listen(channel: Channel, seconds: float = 0.5) -> None:
    """Do what the worker's loop does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            channel.connection.cycle.get(channel.connection._deliver, timeout=0.1)
        except Empty:
            continue


def held(client: redis.Redis) -> int:
    assert client.hlen(keys.unacked("p100")) == client.zcard(keys.unacked_index("p100"))
    return int(client.zcard(keys.unacked_index("p100")))


def tag_of(client: redis.Redis) -> str:
    [tag] = client.zrange(keys.unacked_index("p100"), 0, -1)
    return str(tag)


def test_a_message_is_in_the_queue_or_in_hands_and_nowhere_else(
    client: redis.Redis, channel: Channel, taken: list[Any]
) -> None:
    assert (client.llen(KEY), held(client)) == (1, 0)
    listen(channel)
    assert (client.llen(KEY), held(client), len(taken)) == (0, 1, 1)
    # By Redis's clock, not by this machine's
    score = client.zscore(keys.unacked_index("p100"), tag_of(client))
    assert score is not None
    assert abs(score - Registry(client).now()) < 2
    taken[0].ack()
    assert (client.llen(KEY), held(client)) == (0, 0)


def test_a_full_redis_hands_nothing_out_and_loses_nothing(
    client: redis.Redis, channel: Channel, taken: list[Any]
) -> None:
    client.config_set("maxmemory", 1)
    listen(channel, 1.2)
    assert (client.llen(KEY), held(client), len(taken)) == (1, 0, 0)
    client.config_set("maxmemory", 0)
    listen(channel, 1.2)
    assert (client.llen(KEY), held(client), len(taken)) == (0, 1, 1)


def test_a_receipt_that_is_refused_stops_nobody(
    client: redis.Redis, channel: Channel, taken: list[Any]
) -> None:
    listen(channel)
    client.config_set("min-replicas-to-write", 3)
    taken[0].ack()
    client.config_set("min-replicas-to-write", 0)
    assert (held(client), channel.qos.can_consume()) == (1, True)


def test_a_lease_is_judged_only_by_who_has_heard_redis_for_a_while(
    client: redis.Redis, channel: Channel, taken: list[Any]
) -> None:
    listen(channel)
    # Given a lease that ran out, and a consumer that has just come
    client.zadd(keys.unacked_index("p100"), {tag_of(client): 1.0})
    with channel.connection.client.clone() as connection:
        qos = connection.default_channel.qos
        qos.restore_visible()
        assert (client.llen(KEY), held(client)) == (0, 1)
        # When Redis takes no writes, so that nobody can renew a lease
        client.config_set("min-replicas-to-write", 3)
        time.sleep(3.1)
        qos.restore_visible()
        client.config_set("min-replicas-to-write", 0)
        # Then it waits as long again, and the message goes back after that
        qos.restore_visible()
        assert (client.llen(KEY), held(client)) == (0, 1)
        time.sleep(VISIBILITY_SECONDS / 2)
        qos.restore_visible()
        assert (client.llen(KEY), held(client)) == (1, 0)


def test_a_delivery_can_be_acknowledged_when_its_channel_has_been_closed(
    client: redis.Redis, channel: Channel, taken: list[Any]
) -> None:
    listen(channel)
    channel.close()
    assert held(client) == 1  # a job runs for it: it is not put back
    taken[0].ack()
    assert held(client) == 0
