"""Messages from outside, with a real worker and a real Redis: each is dropped, and work goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from farm.runs.collector import collect
from farm.runs.coordinator import Coordinator
from farm.store.store import Store
from tests import ledgers
from tests.conftest import make_cell, make_job
from tests.hostile_messages import encoded, envelope, harmless, refused
from tests.integration.benches import until
from tests.integration.doctor_samples import submitted
from workers import keys
from workers.client import connect
from workers.ledger import Ledger

WORKER = """
import logging, sys
from pathlib import Path
from farm import log_format
from workers.client import connect
from workers.service import Service

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
log_format.use_everywhere()
url, home = sys.argv[1:]
service = Service(url, connect(url), home=Path(home), device="cpu", cpus=None, name="p100", tags=(),
                  isolation=None, share_host=True)
service.join()
service.serve()
"""


def test_a_worker_drops_what_is_no_job_and_goes_on(
    redis_url: str,
    client: redis.Redis,
    noop_workload: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FARM_VISIBILITY_TIMEOUT", "4")
    # Given a queue full of messages that somebody else has written, and two jobs, one behind them
    ledger = Ledger(connect(redis_url))
    first, last = make_job(make_cell()), make_job(make_cell(), repeat=2)
    ledger.column(first.run, first.hardware).add([first.hardware], [first, last])
    queue = keys.queue("p100")
    wrong = [text for _, text in refused(first)]
    again = [*harmless(first)]
    for text in (*wrong, *again, json.dumps(envelope(last)).encode()):
        client.lpush(queue, text)
    # And deliveries that look like those of a worker that has died
    for tag, entry in (("a", b"\xff"), ("b", b"[]"), ("c", b"[" * 100_000), ("d", b"[{},1,2]")):
        client.hset(keys.unacked("p100"), tag, entry)
        client.zadd(keys.unacked_index("p100"), {tag: 1.0})
    # When a worker serves that queue
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, redis_url, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while ledgers.state(ledger, last) != "succeeded" and time.monotonic() < deadline:
        time.sleep(0.2)
    while client.zcard(keys.unacked_index("p100")) and time.monotonic() < deadline:
        time.sleep(0.2)
    alive = worker.poll() is None
    worker.terminate()
    _, said = worker.communicate(timeout=30)
    # Then both jobs are measured, once, and nothing is left of the rest but a line each
    assert alive, said
    assert ledgers.states(ledger, first.run) == {first.id: "succeeded", last.id: "succeeded"}
    assert len(ledgers.entries(ledger, first.run, "0")) == 2
    lines = said.splitlines()
    assert len([line for line in lines if "dropped a message" in line]) == len(wrong)
    assert len([line for line in lines if "dropped a delivery" in line]) == 4
    assert all(line.isprintable() and len(line) < 500 for line in lines)
    assert "Traceback" not in said
    assert client.llen(queue) == client.hlen(keys.unacked("p100")) == 0
    # And nobody was sent anything: no link, chain or chord, to no other queue
    assert {*client.scan_iter(f"{keys.QUEUES}*")} <= {f"{keys.QUEUES}_kombu.binding.hardware.p100"}


def test_a_job_of_a_later_version_fails_and_says_so(
    redis_url: str, client: redis.Redis, noop_workload: None, tmp_path: Path
) -> None:
    # Given a job with a field that this version does not know, and one that it does
    run = submitted(Coordinator(redis_url), tmp_path, "p100")
    ledger = Ledger(client)
    assert ledger.column(run.id, "p100").add(["p100"], run.jobs("p100"))
    later, job = run.jobs("p100")[:2]
    content = {**later.model_dump(mode="json"), "energy_budget_joules": 1}
    client.hset(ledger.column_of(later).key("jobs"), later.id, json.dumps(content))
    for id_, said in ((later.id, content), (job.id, {**job.model_dump(mode="json"), "x": 1})):
        text = envelope(job)
        text["headers"]["id"], text["body"] = id_, encoded([[said], {}, {}])
        client.lpush(keys.queue("p100"), json.dumps(text))
    # When a worker of this version serves the queue
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, redis_url, str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    until(lambda: ledgers.state(ledger, later) == "failed", 120)
    until(lambda: not client.llen(keys.queue("p100")))
    worker.terminate()
    _, said_there = worker.communicate(timeout=30)
    # Then the first has failed, with what to do; what was never recorded ended none
    assert "Traceback" not in said_there
    assert ledgers.state(ledger, job) == "queued"
    # (The collector is of the submitter's version, which can read the job.)
    client.hset(ledger.column_of(later).key("jobs"), later.id, later.model_dump_json())
    with Store() as store:
        collect(ledger, store)
        [result] = store.results(run.id)
    assert result.error is not None
    assert result.error.kind == "refused"
    assert "energy_budget_joules" in result.error.message
    assert f"upgrade it there (pip install --upgrade benchfarm), then `farm retry {run.id}" in (
        result.error.message
    )
