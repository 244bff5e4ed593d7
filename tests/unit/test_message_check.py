"""Gate: of a message nothing reaches Celery but a job of the farm's."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.spec import MAX_WORD
from tests.conftest import make_cell, make_job
from tests.hostile_messages import changed, encoded, envelope, harmless, in_part, refused
from workers.message_check import MAX_BYTES, NoJobError, admitted, restorable

JOB = make_job(make_cell(parameters={"n": 3, "kind": "x"}))
QUEUE = "hardware.p100"


def test_a_job_passes_and_nothing_else_of_its_message() -> None:
    message = admitted(json.dumps(envelope(JOB)).encode(), QUEUE)
    args, kwargs, embedded = json.loads(base64.b64decode(message["body"]))
    assert args == [JOB.model_dump(mode="json")]
    assert kwargs == {}
    assert not any(embedded.values())
    assert message["headers"]["id"] == JOB.id
    assert message["properties"]["delivery_info"] == {"exchange": "", "routing_key": QUEUE}
    # Each delivery has a tag of its own: nobody can take the place of another's.
    again = admitted(json.dumps(envelope(JOB)).encode(), QUEUE)
    assert message["properties"].pop("delivery_tag") != again["properties"].pop("delivery_tag")
    assert message == again


@pytest.mark.parametrize("text", [*harmless(JOB)])
def test_whatever_else_a_message_asks_is_left_out(text: bytes) -> None:
    plain, message = admitted(json.dumps(envelope(JOB)).encode(), QUEUE), admitted(text, QUEUE)
    for each in (plain, message):
        del each["properties"]["delivery_tag"]
    assert message == plain


@pytest.mark.parametrize(("reason", "text"), [*refused(JOB)])
def test_what_is_no_job_is_refused_in_one_printable_line(reason: str, text: bytes) -> None:
    with pytest.raises(NoJobError) as caught:
        admitted(text, QUEUE)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_the_longest_job_passes() -> None:
    # Of characters that take the most room in JSON: two escapes of six each.
    parameters = {f"{number:\U0001f600>100}": "\U0001f600" * MAX_WORD for number in range(64)}
    job = make_job(make_cell(parameters=parameters))
    text = json.dumps(envelope(job)).encode()
    assert MAX_BYTES / 2 < len(text) < MAX_BYTES
    assert admitted(text, QUEUE)["headers"]["id"] == job.id


def test_only_a_delivery_of_a_job_goes_back_into_its_queue() -> None:
    message = json.loads(changed(JOB))
    assert restorable(json.dumps([message, "", QUEUE]).encode(), QUEUE)
    # That of a worker of a later version, which has died, is refused when it is taken, not lost.
    later = {**JOB.model_dump(mode="json"), "energy_budget_joules": 1}
    message = json.loads(changed(JOB, body=encoded([[later], {}, {}])))
    assert restorable(json.dumps([message, "", QUEUE]).encode(), QUEUE)
    wrong = (
        [message],
        [message, "", None],
        [message, "", "hardware.t4"],
        [{}, "", QUEUE],
        [json.loads(in_part(JOB, "headers", task="os.system")), "", QUEUE],
        [json.loads(changed(JOB, body=encoded([[{}], {}, {}]))), "", QUEUE],
        None,
    )
    for entry in wrong:
        assert not restorable(json.dumps(entry).encode(), QUEUE)
    assert not restorable(b"\xff", QUEUE)
    assert not restorable(b"[" * 900_000, QUEUE)


def test_no_parameter_of_a_workload_is_a_number_without_limits() -> None:
    # A hostile job must not be able to ask for 10**18 images.
    for workload in catalogue.every():
        schema = workload.parameters.model_json_schema()["properties"]
        for name, said in schema.items():
            if said.get("type") in ("integer", "number"):
                assert {"minimum", "maximum"} <= said.keys(), f"{workload.name}: {name}"
            else:
                assert said.get("type") == "boolean" or "enum" in said or "maxLength" in said, name


def test_the_ready_workloads_are_what_the_package_has() -> None:
    folder = Path(catalogue.__file__).parent / "workloads"
    assert {path.stem for path in folder.glob("[a-z]*.py")} <= {*catalogue.names()}
