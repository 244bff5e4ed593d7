"""Messages that somebody with the queue's password could write, and one that the farm writes."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

from jobs.spec import JobSpec
from workers.message_check import TASK


def envelope(job: JobSpec) -> dict[str, Any]:
    """Return the message that Celery makes of a job."""
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return {
        "body": encoded([[job.model_dump(mode="json")], {}, embedded]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": TASK, "id": job.id, "eta": None, "expires": None}
        | {"retries": 0, "timelimit": [None, None], "root_id": job.id, "origin": "gen1@host"},
        "properties": {
            "correlation_id": job.id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": f"hardware.{job.hardware}"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": "67618069-80fc-4209-936c-70fb1bf27f21",
        },
    }


def encoded(body: object) -> str:
    """Return a body as a message has it."""
    return base64.b64encode(json.dumps(body).encode()).decode()


def refused(job: JobSpec) -> Iterator[tuple[str, bytes]]:
    """Yield messages that hold no job, each with a part of the reason."""
    task: Any
    yield "is not JSON", b""
    yield "is not JSON", b"\xff\xfe\x00"
    yield "is not JSON", b"\x1b[2J\x1b]0;owned\x07"
    yield "is not JSON", b"9" * 5000
    yield "is not JSON", b'{"headers":' + b"[" * 900_000
    yield "is larger than", b" " * (3 << 20)
    for text in (b"null", b"[]", b"{}", b'"headers"', b'{"headers": 1, "properties": {}}'):
        yield "it has no headers", text
    for key in ("headers", "properties", "body"):
        yield f"it has no {key}", changed(job, **{key: None})
    for kind in ("application/x-python-serialize", "application/x-yaml", "\x1b[31m", ["a"], None):
        yield "its content-type is", changed(job, content_type=kind)
    yield "its content-encoding is 'zip'", changed(job, content_encoding="zip")
    for task in ("os.system", "celery.chord", "\x1b[2J", ["farm.run_job"], {}, None, "x" * 9000):
        yield "it is for the task", in_part(job, "headers", task=task)
    for encoding in ("quopri", None, ["base64"]):
        yield "its body_encoding is", in_part(job, "properties", body_encoding=encoding)
    yield "its body is not base64", changed(job, body="\u00e9 no")
    yield "its body is not JSON", changed(job, body=base64.b64encode(b"\x80\x04K\x01.").decode())
    spec = job.model_dump(mode="json")
    body: Any
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    for body in (None, {}, [], [[spec]], [[spec], {}], [[], {}, {}], [[spec, spec], {}, {}]):
        yield "its body is", changed(job, body=encoded(body))
    yield "its body is", changed(job, body=encoded([[spec], {"spec": spec}, {}]))
    for wrong in ({}, None, "job", deep, {**spec, "run": "../x"}, {**spec, "extra": 1}):
        yield "its job cannot be read", changed(job, body=encoded([[wrong], {}, {}]))
    for name, value in (
        *(("repeat", 10**30), ("seed", -1), ("timeout_seconds", 1e300), ("hardware", "x" * 65)),
        *(("timeout_seconds", float("nan")), ("retry", 10**9), ("effort", {"lap_seconds": 1e9})),
    ):
        yield (
            "its job cannot be read",
            changed(job, body=encoded([[{**spec, name: value}], {}, {}])),
        )
    for parameters in ({"n": 10**400}, {"x": "y" * 5000}, {str(n): 1 for n in range(100)}):
        yield "its job cannot be read", of_cell(job, parameters=parameters)
    for cell in ({"batch_size": 10**18}, {"epochs": 10**9}, {"workload": "os.system"[:2] + "/.."}):
        yield "its job cannot be read", of_cell(job, **cell)
    yield "'__type__'", of_cell(job, parameters={"__type__": "uuid", "__value__": "no"})


def harmless(job: JobSpec) -> Iterator[bytes]:
    """Yield messages of which nothing is left but their job."""
    signature = {"task": "os.system", "args": ["id"], "kwargs": {}, "options": {"queue": "x"}}
    spec = job.model_dump(mode="json")
    header: dict[str, Any]
    properties: dict[str, Any]
    for embedded in ({"callbacks": [signature]}, {"chain": [signature]}, {"chord": signature}, 3):
        yield changed(job, body=encoded([[spec], {}, embedded]))
    for header in (
        {"eta": "2999-01-01T00:00:00+00:00"},
        {"eta": "never"},
        {"expires": "2000-01-01T00:00:00+00:00"},
        {"expires": {}},
        {"timelimit": "x"},
        {"timelimit": [0.001, 0.001]},
        {"retries": "x"},
        {"stamps": [1], "stamped_headers": 3},
        {"id": "../../etc"},
        {"id": ["a"]},
        {"compression": "application/x-bz2"},
    ):
        yield in_part(job, "headers", **header)
    elsewhere = {"exchange": "x", "routing_key": "hardware.other"}
    for properties in (
        {"delivery_tag": ["x"]},
        {"delivery_tag": None},
        {"delivery_info": elsewhere},
        {"delivery_info": 3},
        {"priority": "x"},
        {"reply_to": {"a": 1}},
    ):
        yield in_part(job, "properties", **properties)


def changed(job: JobSpec, **parts: object) -> bytes:
    """Return the job's message with other parts; None leaves one out."""
    message = envelope(job) | {name.replace("content_", "content-"): v for name, v in parts.items()}
    return json.dumps({name: part for name, part in message.items() if part is not None}).encode()


def in_part(job: JobSpec, part: str, **values: object) -> bytes:
    """Return the job's message with other values in its headers or properties."""
    message = copy.deepcopy(envelope(job))
    message[part].update(values)
    return json.dumps(message).encode()


def of_cell(job: JobSpec, **values: object) -> bytes:
    """Return a message whose job has other values in its cell."""
    spec = job.model_dump(mode="json")
    spec["cell"].update(values)
    return changed(job, body=encoded([[spec], {}, {}]))
