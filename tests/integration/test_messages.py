"""Messages from outside, with a real worker and a real Redis: each is dropped, and work goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from tests import ledgers
from tests.conftest import make_cell, make_job
from tests.hostile_messages import envelope, harmless, refused
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
