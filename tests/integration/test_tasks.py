"""The Celery task, with a real worker and a real Redis: a task that raises loses no job."""

from __future__ import annotations

import subprocess
import sys
import time

from tests import ledgers
from tests.conftest import make_cell, make_job
from workers.app import make_app, queue_of
from workers.client import connect
from workers.ledger import Ledger
from workers.message_check import TASK

# A worker whose first look into the ledger fails, as it would when Redis restarts at that moment.
WORKER = """
import sys
from pathlib import Path
from workers import tasks
from workers.client import connect
from workers.column import Column
from workers.service import Service

url, home = sys.argv[1:]
tasks.REQUEUE_SECONDS = 0.2
service = Service(url, connect(url), home=Path(home), device="cpu", cpus=None, name="p100", tags=(),
                  isolation=None, share_host=True)
begin, failures = Column.begin, [RuntimeError("told to fail")]
def fail_once(column, job):
    if failures:
        raise failures.pop()
    return begin(column, job)
Column.begin = fail_once
service.join()
service.serve()
"""


def test_a_task_that_raises_is_put_back_and_done(
    redis_url: str, noop_workload: None, tmp_path: object
) -> None:
    ledger, job = (
        Ledger(connect(redis_url)),
        make_job(make_cell(backend="ffmpeg")),
    )  # imports nothing
    ledger.column(job.run, job.hardware).add([job.hardware], [job])
    app = make_app(redis_url)
    app.send_task(TASK, args=[job.model_dump(mode="json")], queue=queue_of(job.hardware))
    app.close()
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, redis_url, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 90
    while not ledgers.entries(ledger, job.run, "0") and time.monotonic() < deadline:
        ledger.wait_for_result(job.run, {}, 2.0)
    worker.terminate()
    _, said = worker.communicate(timeout=30)
    assert "told to fail" in said
    assert ledgers.states(ledger, job.run) == {job.id: "succeeded"}
    assert len(ledgers.entries(ledger, job.run, "0")) == 1
