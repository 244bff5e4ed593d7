"""The Celery application: JSON only, a queue a hardware, one job at a time, acknowledged late."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from jobs.errors import UsageError
from workers import keys

if TYPE_CHECKING:
    from kombu.entity import Queue

    from workers.transport import Listener

VISIBILITY_SECONDS = 60.0
CONNECT_SECONDS = 4.0
REPLY_SECONDS = 10.0  # a Redis that is silent for longer is connected to anew

# By their own names, and not as Celery's broker_transport, so that messages show a plain URL.
TRANSPORT_ALIASES.update(redis="workers.transport:Transport", rediss="workers.transport:Transport")


def visibility_seconds() -> float:
    """Return how long a silent worker keeps its job: FARM_VISIBILITY_TIMEOUT, else a minute."""
    text = os.environ.get("FARM_VISIBILITY_TIMEOUT", str(VISIBILITY_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise UsageError(
            f"FARM_VISIBILITY_TIMEOUT is {text!r}; accepted: seconds, from 1 to 86400, "
            f"the same on every machine"
        )
    return seconds


def make_app(url: str, hardware: str | None = None, listener: Listener | None = None) -> Celery:
    """Return the application that talks to the Redis at `url`.

    With hardware it is that of a worker, whose listener hears how it goes; without, it sends only.
    """
    from workers.transport import Connection

    visibility = visibility_seconds()
    app = Celery("farm", broker=url, set_as_current=False)
    app.amqp.Connection = Connection
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_track_started=False,
        worker_prefetch_multiplier=1,
        # After a reconnect too: a job that waits for another to end has no lease.
        worker_disable_prefetch=True,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A Redis that answers with errors (full, read-only, loading) is one to try again.
        broker_channel_error_retry=True,
        broker_transport_options={
            "global_keyprefix": keys.QUEUES,
            **({} if hardware is None else _hands_of(hardware)),
            "visibility_timeout": visibility,
            # Look for dead workers' jobs some times per timeout, not every 100 seconds.
            "unacked_restore_interval": max(1.0, visibility / 10),
            "unacked_restore_throttle": 1,
            "priority_steps": [0],  # one list a queue
            "socket_keepalive": True,
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": REPLY_SECONDS,
            "listener": listener,
        },
    )
    if url.startswith("rediss:") and "ssl_cert_reqs" not in url:
        # Kombu, unlike redis-py, does not verify the server's certificate unless told to.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    return app


def queue_of(hardware: str) -> Queue:
    """Return the queue of a hardware's name."""
    from kombu.entity import Queue

    name = keys.queue_name(hardware)
    return Queue(name, routing_key=name)  # type: ignore[no-untyped-call]


def _hands_of(hardware: str) -> dict[str, str]:
    """Return where the deliveries in the hardware's hands are kept: nobody else writes there."""
    return {
        "own_queue": keys.queue_name(hardware),
        "unacked_key": keys.unacked(hardware).removeprefix(keys.QUEUES),
        "unacked_index_key": keys.unacked_index(hardware).removeprefix(keys.QUEUES),
    }
