"""Outbox, on a real Redis: a result stays on disk until it is known to be elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import redis

from tests import ledgers
from tests.conftest import make_job, make_result
from workers.ledger import Ledger
from workers.outbox import Outbox


def files(outbox: Outbox) -> list[str]:
    return sorted(path.name for path in outbox.folder.iterdir())


def test_a_result_waits_until_it_is_delivered(client: redis.Redis, tmp_path: Path) -> None:
    ledger, outbox, job = Ledger(client), Outbox(tmp_path / "outbox"), make_job()
    ledger.column(job.run, job.hardware).add([job.hardware], [job])
    outbox.keep(make_result(job))
    assert files(outbox) == [f"{job.run}.{job.id}.json"]
    outbox.deliver(ledger)
    assert files(outbox) == []
    assert len(ledgers.entries(ledger, job.run, "0")) == 1


def test_a_result_of_another_farm_is_kept(client: redis.Redis, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.keep(make_result())
    outbox.deliver(Ledger(client))
    assert len(files(outbox)) == 1


def test_a_file_that_cannot_be_read_is_set_aside_and_stops_nobody(
    client: redis.Redis, tmp_path: Path
) -> None:
    ledger, outbox, job = Ledger(client), Outbox(tmp_path / "outbox"), make_job()
    ledger.column(job.run, job.hardware).add([job.hardware], [job])
    (outbox.folder / "a.json").write_text("{")
    outbox.keep(make_result(job))
    outbox.deliver(ledger)
    assert files(outbox) == ["a.unreadable"]
    assert len(ledgers.entries(ledger, job.run, "0")) == 1


def test_what_a_dead_worker_left_half_written_is_removed_and_a_living_ones_is_not(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for draft in (f"run.1.{ended.pid}.draft", f"run.2.{os.getpid()}.draft", "run.old.draft"):
        (folder / draft).write_text("{")
    assert files(Outbox(folder)) == [f"run.2.{os.getpid()}.draft"]


def test_a_file_that_is_no_text_and_a_damaged_run_keep_no_other_result_waiting(
    tmp_path: Path, client: redis.Redis
) -> None:
    ledger = Ledger(client)
    outbox = Outbox(tmp_path / "outbox")
    bad, good = make_job(run="a-run"), make_job(run="b-run")
    for job in (bad, good):
        ledger.column(job.run, job.hardware).add([job.hardware], [job])
        outbox.keep(make_result(job))
    client.set("farm:run:a-run:p100:results", "x")
    torn = tmp_path / "outbox" / "a.json"
    torn.write_bytes(b"\xff\x00")
    outbox.deliver_once(ledger)
    assert ledgers.states(ledger, "b-run") == {good.id: "succeeded"}
    assert [path.name for path in sorted(outbox.folder.glob("*.json"))] == [f"a-run.{bad.id}.json"]
    assert torn.with_suffix(".unreadable").exists()
