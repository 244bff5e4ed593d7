"""The Celery application: JSON only, a queue a hardware, one job at a time, acknowledged late."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from celery import Celery

from jobs.errors import UsageError

if TYPE_CHECKING:
    from kombu.entity import Queue

TASK = "farm.run_job"
KEY_PREFIX = "farm:queue:"
UNACKED_INDEX = f"{KEY_PREFIX}unacked_index"
VISIBILITY_SECONDS = 60.0


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


def make_app(url: str) -> Celery:
    """Return the application that talks to the Redis at `url`."""
    visibility = visibility_seconds()
    app = Celery("farm", broker=url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_track_started=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": KEY_PREFIX,
            "visibility_timeout": visibility,
            # Look for dead workers' jobs some times per timeout, not every 100 seconds.
            "unacked_restore_interval": max(1.0, visibility / 10),
            "unacked_restore_throttle": 1,
            # A worker that dies while it looks must not keep the others from looking for long.
            "unacked_mutex_expire": max(2, int(visibility / 4)),
            "socket_keepalive": True,
        },
    )
    if url.startswith("rediss:") and "ssl_cert_reqs" not in url:
        # Kombu, unlike redis-py, does not verify the server's certificate unless told to.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    return app


def queue_of(hardware: str) -> Queue:
    """Return the queue of a hardware's name."""
    from kombu.entity import Queue

    name = f"hardware.{hardware}"
    return Queue(name, routing_key=name)  # type: ignore[no-untyped-call]
