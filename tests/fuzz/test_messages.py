"""Messages of a queue: a job, or refused in one line."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.json import loads  # type: ignore[import-untyped,unused-ignore]

from jobs.spec import JobSpec
from tests.conftest import make_cell, make_job
from tests.fuzz.effort import fuzzing, in_time, note
from tests.fuzz.inputs import as_json, changed, damaged
from tests.fuzz.shown import check_message
from tests.hostile_messages import encoded, envelope
from workers.message_check import NoJobError, admitted, restorable

JOB = make_job(make_cell(parameters={"train_samples": 512, "kind": "x", "on": True}))
QUEUE = "hardware.p100"
RIGHT = envelope(JOB)
BODY = [[JOB.model_dump(mode="json")], {}, {"callbacks": None, "chain": None, "chord": None}]


def tried(text: bytes) -> JobSpec | None:
    with in_time():
        try:
            message = admitted(text, QUEUE)
        except NoJobError as error:
            note("refused")
            check_message(str(error))
            return None
        note("taken")
        # Celery reads it as it was meant, its own kinds of values included.
        args, kwargs, embedded = loads(  # type: ignore[no-untyped-call,unused-ignore]
            base64.b64decode(message["body"])
        )
        job = JobSpec.model_validate(args[0])
        assert message["headers"]["id"] == job.id
        assert not kwargs
        assert not any(embedded.values())
        assert message["properties"]["delivery_info"]["routing_key"] == QUEUE
    return job


def test_the_right_message_passes() -> None:
    assert tried(as_json(RIGHT)) == JOB


@fuzzing(120)
@given(changed(RIGHT))
def test_changed_envelopes(message: Any) -> None:
    tried(as_json(message))
    restorable(as_json([message, "", QUEUE]), QUEUE)


@fuzzing(120)
@given(changed(BODY))
def test_changed_bodies(body: Any) -> None:
    tried(json.dumps({**RIGHT, "body": encoded(body)}).encode())


@fuzzing(100)
@given(damaged(as_json(RIGHT)) | st.binary(max_size=60))
def test_damaged_texts(text: bytes) -> None:
    tried(text)
    restorable(text, QUEUE)
