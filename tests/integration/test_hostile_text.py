"""Whatever workers write: no command prints what steers a terminal, and no job is made up."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
import redis

from farm.choices import METRICS
from farm.matrix.matrix import build
from farm.render import FORMATS, render
from farm.run import Run
from farm.runs.collector import collect
from farm.store.store import Store
from farm.suite.plan import PlannedCell
from farm.suite.selector import Selector
from jobs.result import Result
from jobs.spec import Cell
from tests import ledgers
from tests.conftest import make_cell, make_job, make_result
from tests.fuzz.inputs import HOSTILE
from tests.fuzz.shown import check_format, check_plain
from workers import keys
from workers.ledger import Ledger
from workers.registry import WorkerRecord

EVIL = "\x1b[2J\x9b31m\u202e<script>alert(1)</script>\n=HYPERLINK(1)|*_`$\\input{x}\0"
KEY = EVIL[:60]
CELL = make_cell(parameters={KEY: EVIL, "n": "=1+1"})


def hostile(cell: Cell, hardware: str, repeat: int, status: str = "succeeded") -> Result:
    """Return a result with such a text wherever there can be one."""
    job = make_job(cell, hardware=hardware, repeat=repeat)
    plain = make_result(job)
    said = json.loads(plain.model_dump_json())
    said |= {
        "worker": f"{hardware}@{EVIL}",
        "facts": {KEY: EVIL, "device_name": f"={hardware}{EVIL}", "device": "cpu"},
        "environment": {KEY: f"{EVIL}{hardware}", "tensorflow": f"@{hardware}"},
        "unit": EVIL,
        "noise": [*HOSTILE[:30], EVIL],
        "telemetry": {
            "seconds": 1,
            "samples": 0,
            "energy": [
                {"part": "cpu", "kind": "nominal", "source": EVIL, "joules": 1, "seconds": 1},
                {"part": EVIL, "kind": "nominal", "source": "x", "joules": 1, "seconds": 1},
            ],
            "throttle_reasons": [EVIL],
        },
    }
    said["measurement"] |= {"item": EVIL, "items_per_sample": 2, "floors": {KEY: 1.0}}
    said["measurement"]["history"] |= {KEY: [1.0]}
    said["measurement"]["test"] |= {KEY: 0.5}
    if status != "succeeded":
        error = {"kind": "exception", "message": EVIL, "exception": EVIL, "traceback": EVIL}
        said |= {"measurement": None, "status": status}
        said["error"] = {**error, "signal": EVIL, "stderr_tail": "\n".join(HOSTILE[:30])}
    return Result.model_validate_json(json.dumps(said))


def farm(*arguments: str) -> str:
    """Run a command; return all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "farm", *arguments], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def results(client: redis.Redis) -> list[Result]:
    """Put a run with hostile results, jobs, states, columns and workers into a real Redis."""
    other = make_cell(batch_size=64, parameters={KEY: EVIL, "n": "+1"})
    run = Run(
        id="run-1",
        suite="quick",
        description=EVIL,
        created_at=1.0,
        selector=Selector(("all",)),
        seed=42,
        cells=tuple(
            PlannedCell(cell=each, repeats=2, timeout_seconds=30.0) for each in (CELL, other)
        ),
    )
    found = [
        hostile(cell, hardware, repeat, "failed" if cell is other and repeat == 2 else "succeeded")
        for cell in (CELL, other)
        for hardware in ("p100", "t4")
        for repeat in (1, 2)
    ]
    ledger = Ledger(client)
    ledger.create(run.id, run.suite, run.created_at, run.model_dump_json())
    for hardware in ("p100", "t4"):
        jobs = [each.job for each in found if each.job.hardware == hardware]
        ledger.column(run.id, hardware).add([hardware], jobs)
    for each in found:
        ledgers.finish(ledger, each)
    client.xadd("farm:run:run-1:p100:results", {"job": EVIL, "result": EVIL})
    client.xadd("farm:run:run-1:p100:results", {EVIL: EVIL})
    client.hset("farm:run:run-1:p100:jobs", EVIL, EVIL)
    client.hset("farm:run:run-1:p100:jobs", "1" * 16, make_job(CELL).model_dump_json())
    for name, tags in {EVIL: EVIL, "x": "[" * 9, "y": "[3]"}.items():
        client.sadd(keys.HARDWARE, name)
        client.set(keys.column("run-1", name, "tags"), tags)
    client.hset("farm:run:run-1:p100:states", mapping={EVIL: EVIL, "0" * 16: EVIL})
    client.zadd("farm:runs", {EVIL: 2.0, "run-0": 0.5})
    client.set("farm:run:run-0", run.model_dump_json())  # which says that it is run-1
    client.hset("farm:suites", EVIL, EVIL)
    record = WorkerRecord(
        name=f"t4@{EVIL}",
        host=EVIL,
        hardware="t4",
        tags=(EVIL,),
        state="running",
        job=EVIL,
        declared=False,
        facts={"device_name": EVIL, KEY: EVIL},
        fingerprint=EVIL,
        version=EVIL,
        beat_seconds=86_400.0,
        joined_at=1.0,
        seen_at=time.time(),
    )
    client.hset(keys.workers("t4"), record.name, record.model_dump_json())
    client.hset(keys.workers("t4"), EVIL, EVIL)
    return found


OFTEN = ("status", "workers", "show", "show FAILED", "diff p100 t4 --all", "matrix --baseline EVIL")
SELDOM = (
    *("workers --json", "show JOB", "show JOB --json", "show EVIL", "diff p100 t4 --json"),
    *("doctor", "watch run-1", "matrix --run EVIL", "close run-1"),
)


@pytest.mark.parametrize(
    "commands", [OFTEN, pytest.param(SELDOM, marks=pytest.mark.exhaustive)], ids=["often", "seldom"]
)
def test_no_command_prints_what_steers_a_terminal(
    results: list[Result], commands: tuple[str, ...]
) -> None:
    failed = next(each for each in results if each.error)
    words = {"JOB": results[0].job.id, "FAILED": failed.job.id, "EVIL": EVIL.replace("\0", "")}
    for command in commands:
        printed = farm(*(words.get(word, word) for word in command.split()))
        assert printed.strip(), command
        for line in printed.split("\n"):
            check_plain(line, f"{command}: {line!r}")


def test_no_matrix_holds_markup_of_others(client: redis.Redis, results: list[Result]) -> None:
    with Store() as store:
        collect(Ledger(client), store)
        [run] = store.runs()
        entries = store.entries([run])
    assert len(entries) >= 8
    for metric in METRICS:
        matrix = build(entries, baseline="p100", metric=metric)
        for style in FORMATS:
            check_format(style, render(matrix, style, title="run", width=80))


def test_a_job_that_its_run_does_not_ask_for_is_not_counted(
    client: redis.Redis, results: list[Result]
) -> None:
    # Given jobs that a worker has recorded by itself: a further repeat, another seed, another cell
    forged = [
        hostile(CELL, "p100", 3),
        hostile(make_cell(batch_size=1), "p100", 1),
        make_result(make_job(CELL, seed=1)),
    ]
    for each in forged:
        client.hset("farm:run:run-1:p100:jobs", each.job.id, each.job.model_dump_json())
        client.hset("farm:run:run-1:p100:states", each.job.id, "queued")
        ledgers.finish(Ledger(client), each)
    # When the run is collected
    with Store() as store:
        collect(Ledger(client), store)
        known = {row.id for row in store.job_rows("run-1")}
        measured = {each.job.id for each in store.results("run-1")}
    # Then it has the jobs that were asked for, and their results
    assert known == measured == {each.job.id for each in results}
