"""Message check: what of a queue reaches Celery is jobs of the farm, and nothing else.

Whoever has the queue's password can write anything into it. Celery would stop at a message without
headers, hold one with an `eta` back, drop one that `expires`, and send on what `link`, `chain` and
`chord` name. So a message is taken apart here, and one is made anew that holds the same job.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from typing import Any

from pydantic import ValidationError

from jobs.problem import first_problem, quote
from jobs.spec import NAME_PATTERN, JobSpec

TASK = "farm.run_job"  # the only one that there is
MAX_BYTES = 2 << 20  # of a message; a job of the longest parameters takes half of it
_EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class NoJobError(Exception):
    """A message is none of the farm's; why, in one line that is safe to print."""


class UnreadableJobError(NoJobError):
    """A message holds something that may be a job of another version of farm."""

    def __init__(self, why: str, run: str, job: str, content: dict[str, Any]) -> None:
        super().__init__(why)
        self.run = run
        self.job = job  # its id
        self.content = content


def admitted(text: bytes, queue: str) -> dict[str, Any]:
    """Return a text from that queue as a message with its job alone, under a new delivery tag.

    Raises NoJobError.
    """
    if len(text) > MAX_BYTES:
        raise NoJobError(f"it is larger than {MAX_BYTES >> 10} KiB")
    message = _decoded(text, "it")
    headers, properties = (_part(message, name, dict) for name in ("headers", "properties"))
    if (task := headers.get("task")) != TASK:
        raise NoJobError(f"it is for the task {quote(task)}; accepted: {TASK}")
    for name, accepted in (("content-type", "application/json"), ("content-encoding", "utf-8")):
        if (received := message.get(name)) != accepted:
            raise NoJobError(f"its {name} is {quote(received)}; accepted: {accepted}")
    body = _decoded(_plain(message, properties.get("body_encoding")), "its body")
    if not isinstance(body, list) or len(body) != 3 or not isinstance(body[0], list):
        raise NoJobError("its body is no call of the task")
    if len(body[0]) != 1 or body[1] != {}:
        raise NoJobError("its body is not one job")
    try:
        job = JobSpec.model_validate(body[0][0])
    except ValidationError as error:
        raise _unreadable(first_problem(error), body[0][0], headers.get("id")) from None
    if "__type__" in job.cell.parameters:  # which kombu would take for a value of its own
        raise NoJobError("its job has a parameter '__type__'")
    return _message(job, queue)


def restorable(entry: bytes, queue: str) -> bool:
    """Tell whether an entry of the queue's unacknowledged deliveries can go back into it."""
    try:
        message, _, routing_key = json.loads(entry)
        if routing_key != queue:
            return False
        admitted(json.dumps(message).encode(), queue)
    except UnreadableJobError:
        return True  # of a worker of a later version, which has died: refused when it is taken
    except (ValueError, TypeError, RecursionError, NoJobError):
        return False
    return True


def _unreadable(problem: str, job: object, id_: object) -> NoJobError:
    why = f"its job cannot be read: {problem}"
    if isinstance(job, dict) and isinstance(id_, str):
        run = job.get("run")
        if isinstance(run, str) and re.fullmatch(NAME_PATTERN, run):
            return UnreadableJobError(why, run, id_, job)
    return NoJobError(why)


def _message(job: JobSpec, queue: str) -> dict[str, Any]:
    body = json.dumps([[job.model_dump(mode="json")], {}, _EMBEDDED]).encode()
    return {
        "body": base64.b64encode(body).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"lang": "py", "task": TASK, "id": job.id, "root_id": job.id, "retries": 0},
        "properties": {
            "correlation_id": job.id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def _decoded(text: bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoJobError(f"{what} is not JSON") from None


def _part(message: Any, name: str, kind: type) -> Any:
    found = message.get(name) if isinstance(message, dict) else None
    if not isinstance(found, kind):
        raise NoJobError(f"it has no {name}")
    return found


def _plain(message: Any, encoding: object) -> bytes:
    if encoding != "base64":
        raise NoJobError(f"its body_encoding is {quote(encoding)}; accepted: base64")
    try:
        return base64.b64decode(_part(message, "body", str), validate=True)
    except (binascii.Error, ValueError):
        raise NoJobError("its body is not base64") from None
