"""A real worker that is killed, or goes deaf, at a chosen moment.

`python -m tests.acceptance.dying_worker URL HOME HARDWARE MOMENT`, where "never" is a moment too.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.result import Result
from workers import tasks, watchdog
from workers.client import connect
from workers.column import Column
from workers.outbox import Outbox
from workers.runner import Runner
from workers.service import Service
from workers.transport import Channel, QoS

SECOND_LIFE = "DYING_WORKER_SECOND_LIFE"


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # this thread may go on for a moment


def before(owner: type, name: str) -> None:
    """Die instead of the method."""

    def instead(*_: Any, **__: Any) -> None:
        die()

    setattr(owner, name, instead)


def after(owner: type, name: str) -> None:
    """Die when the method has done its work."""
    original = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if original(*arguments, **named):
            die()

    setattr(owner, name, wrapped)


def drafting() -> None:
    """Die with half a result on disk."""

    def keep(self: Outbox, result: Result) -> None:
        text = result.model_dump_json()
        name = f"{result.job.run}.{result.job.id}.{os.getpid()}.draft"
        (self.folder / name).write_text(text[: len(text) // 2])
        die()

    Outbox.keep = keep  # type: ignore[method-assign]


def keeping() -> None:
    """Die with the result on disk, and in Redis not yet."""
    original = Outbox.keep

    def keep(self: Outbox, result: Result) -> None:
        original(self, result)
        die()

    Outbox.keep = keep  # type: ignore[method-assign]


def measuring() -> None:
    """Die in the middle of the job."""
    original = Runner.run

    def run(self: Runner, *arguments: Any, **named: Any) -> Result:
        threading.Timer(1.0, die).start()
        return original(self, *arguments, **named)

    Runner.run = run  # type: ignore[method-assign]


def deaf() -> None:
    """Ask for no message after the first, until the process has been replaced."""
    watchdog.LEAST_SECONDS = 1.0
    if os.environ.get(SECOND_LIFE) is not None:
        return
    os.environ[SECOND_LIFE] = "1"
    listen, claim, taken = Channel._brpop_start, Channel._claim, threading.Event()

    def claim_once(self: Channel, text: bytes, message: dict[str, Any]) -> bool:
        taken.set()
        return claim(self, text, message)

    def listen_until_then(self: Channel, timeout: float | None = None) -> None:
        if not taken.is_set():
            listen(self, timeout)

    Channel._claim = claim_once  # type: ignore[method-assign]
    Channel._brpop_start = listen_until_then  # type: ignore[method-assign]


def crashed() -> None:
    """Have Celery end by itself at the first message, until the process has been replaced."""
    if os.environ.get(SECOND_LIFE) is None:
        os.environ[SECOND_LIFE] = "1"

        def claim(self: Channel, text: bytes, message: dict[str, Any]) -> bool:
            raise AttributeError("told to fail")

        Channel._claim = claim  # type: ignore[method-assign]


MOMENTS: dict[str, Callable[[], None]] = {
    "never": lambda: None,
    "before-taking": lambda: before(Channel, "_claim"),
    "taken": lambda: after(Channel, "_claim"),
    "begun": lambda: after(Column, "begin"),
    "measuring": measuring,
    "measured": lambda: before(Outbox, "keep"),
    "drafting": drafting,
    "kept": keeping,
    "delivered": lambda: after(Column, "finish"),
    "before-receipt": lambda: before(QoS, "ack"),
    "deaf": deaf,
    "crashed": crashed,
}


def main(url: str, home: str, hardware: str, moment: str) -> None:
    """Serve."""
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", level=logging.WARNING)
    logging.getLogger("workers").setLevel(logging.INFO)
    tasks.REQUEUE_SECONDS = 0.2
    MOMENTS[moment]()
    service = Service(
        url,
        connect(url),
        home=Path(home),
        device="cpu",
        cpus=None,
        name=hardware,
        tags=(),
        isolation="fork",
        share_host=True,
    )
    service.join()
    service.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
