"""`farm status`, `farm watch` and `farm submit` on a real Redis: who is missed, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from farm.redis import broker
from farm.run import Run
from farm.runs.coordinator import Coordinator
from farm.runs.withdrawal import withdraw
from farm.suite.suite import load
from tests.conftest import environment
from tests.terminal import Terminal
from tests.unit.test_capabilities import worker
from workers.registry import WorkerRecord

P100 = worker(None).model_copy(update={"beat_seconds": 1_000.0})
SUITE = "{{hardware: {}, jobs: [{{workload: mlp, batch_size: [32, 64], data: synthetic}}]}}"
MISSED = "p100: 0 of 6 done, 6 wait: no worker of p100 is here"
START = "start one there: `farm worker`"


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    return Coordinator(redis_url)


def submitted(coordinator: Coordinator, folder: Path, hardware: str = "all") -> Run:
    path = folder / "night.yaml"
    path.write_text(SUITE.format(hardware))
    return coordinator.submit(load(str(path)))


@pytest.fixture
def run(coordinator: Coordinator, tmp_path: Path) -> Run:
    """A run of six jobs on p100, which is not here."""
    run = submitted(coordinator, tmp_path)
    coordinator.enlist("p100", ["p100"])
    return run


def arrives(coordinator: Coordinator, record: WorkerRecord = P100) -> None:
    coordinator.registry.beat(record)


def leaves(coordinator: Coordinator, record: WorkerRecord = P100) -> None:
    coordinator.registry.beat(record.model_copy(update={"state": "left"}))


def farm(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "farm", *arguments],
        env={key: value for key, value in environment().items() if key != "COLUMNS"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def told() -> dict[str, object]:
    found = json.loads(farm("status", "--json"))
    assert isinstance(found, dict)
    return found


def test_status_tells_which_jobs_wait_for_nobody_who_is_here(
    coordinator: Coordinator, run: Run
) -> None:
    # When nobody at all is here
    lines = farm("status").splitlines()
    assert lines == [
        f"run {run.id}: suite night, 2 cells",
        f"{MISSED}; {START}",
        "no worker at all is here; `farm workers` lists who was",
    ]
    # When somebody else is here
    arrives(coordinator, P100.model_copy(update={"hardware": "t4", "name": "t4@host-2"}))
    coordinator.ledger.close(run.id)
    assert farm("status").splitlines()[1:] == [f"{MISSED}; {START}"]
    told_of = told()
    assert told_of["unserved"] == {"p100": 6}
    assert (told_of["jobs"], told_of["queued"]) == (6, 6)
    # When a worker of it is here
    arrives(coordinator)
    assert farm("status").splitlines()[1:] == ["p100: 0 of 6 done"]
    assert "unserved" not in told()
    # When it has left again
    leaves(coordinator)
    [line] = farm("status").splitlines()[1:]
    assert re.fullmatch(rf"{MISSED} \(the last one left \d+ s ago\); {START}", line)


def test_without_a_redis_nothing_is_said_of_workers(coordinator: Coordinator, run: Run) -> None:
    # Given what was collected before
    farm("status")
    coordinator.client.close()
    broker.stop()
    # Then the store alone answers
    assert farm("status").splitlines()[1:] == ["p100: 0 of 6 done"]
    assert "unserved" not in told()


def test_of_a_run_that_this_redis_does_not_have_nothing_is_said_of_workers(
    coordinator: Coordinator, run: Run
) -> None:
    farm("status")
    coordinator.client.flushall()
    assert farm("status").splitlines()[1:] == ["p100: 0 of 6 done"]
    assert "unserved" not in told()


def test_who_never_came_is_told_beside_who_did(coordinator: Coordinator, tmp_path: Path) -> None:
    # Given a suite for two, of whom nobody, then somebody else, then one is here
    submitted(coordinator, tmp_path, "[p100, m2]")
    waits = "waiting for p100, m2"
    assert farm("status").splitlines()[1:] == [
        f"{waits}, and no worker at all is here: type `farm worker` there"
    ]
    arrives(coordinator, P100.model_copy(update={"hardware": "t4", "name": "t4@host-2"}))
    assert farm("status").splitlines()[1:] == [f"{waits} (here: t4): type `farm worker` there"]
    arrives(coordinator)
    coordinator.enlist("p100", ["p100"])
    assert farm("status").splitlines()[1:] == [
        "p100: 0 of 6 done",
        "waiting for m2: type `farm worker` there",
    ]


def test_submit_tells_that_nobody_is_here(coordinator: Coordinator, tmp_path: Path) -> None:
    path = tmp_path / "late.yaml"
    path.write_text(SUITE.format("p100"))
    first, second = farm("submit", str(path)).splitlines()
    assert re.fullmatch(r"submitted run late-\S+: no jobs yet", first)
    assert second == "it waits for p100, and no such worker is here: type `farm worker` there"


def test_watch_into_a_file_is_lines_that_can_be_read(
    coordinator: Coordinator, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "log"

    def until(said: str) -> None:
        deadline = time.monotonic() + 60
        while said not in path.read_text():
            assert time.monotonic() < deadline, path.read_text()
            time.sleep(0.1)

    # Given somebody who watches into a file
    with path.open("wb") as file:
        watching = subprocess.Popen(
            [sys.executable, "-m", "farm", "watch"],
            env={**environment(), "TERM": "xterm"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    # When a worker is missed, comes, is missed again, and the run is cancelled
    until("no worker at all")
    arrives(coordinator)
    until("p100: 0 of 6 done\n")
    leaves(coordinator)
    until("the last one left")
    withdraw(coordinator, run)
    assert watching.wait(60) == 3
    # Then the file names the run, has a line for each news, and ends with how it went
    text = path.read_text()
    assert text.endswith("\n")
    assert all(character.isprintable() or character == "\n" for character in text)
    assert [re.sub(r"\d+ s ago", "", line) for line in text.splitlines()] == [
        f"run {run.id}: suite night, 2 cells",
        f"{MISSED}; {START}",
        "no worker at all is here; `farm workers` lists who was",
        "p100: 0 of 6 done",
        f"{MISSED} (the last one left ); {START}",
        "no worker at all is here; `farm workers` lists who was",
        "p100: 6 of 6 done, 6 cancelled",
        f"run {run.id} has ended: 0 jobs succeeded, 6 jobs did not succeed; "
        f"`farm matrix --run {run.id}` says why",
    ]


def test_watch_on_a_terminal_tells_who_is_missed_and_that_the_run_goes_on(
    coordinator: Coordinator, run: Run
) -> None:
    # Given somebody who watches on a terminal
    terminal = Terminal("watch", columns=80)
    shown = terminal.until(lambda text: "no worker at all" in text)
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in shown.splitlines()]
    assert lines[0] == f"run {run.id}: suite night, 2 cells"
    assert any(line.startswith("p100 ") and "no worker is here" in line for line in lines)
    assert any("start one there" in line for line in lines)
    assert "`farm worker`" in shown
    assert all(len(line) <= 80 for line in lines)
    # When they have seen enough
    terminal.process.send_signal(signal.SIGINT)
    # Then they are told that only the watching ends
    shown = terminal.end()
    assert f"run {run.id} goes on:" in shown
    assert f"`farm watch {run.id}`" in shown
    assert f"`farm cancel {run.id}`" in shown
    assert shown.rstrip().endswith("farm: interrupted")
    assert terminal.process.returncode == 130


def test_the_end_is_told_on_a_terminal_with_its_command_whole(
    coordinator: Coordinator, run: Run
) -> None:
    withdraw(coordinator, run)
    shown = Terminal("watch", columns=80).end()
    assert f"run {run.id} has ended: 0 jobs succeeded, 6 jobs" in shown
    assert f"`farm matrix --run {run.id}` says why" in shown


def test_a_workers_line_may_not_submit_and_is_told_so_in_plain_words(
    client: redis.Redis,
) -> None:
    if int(str(client.info("server")["redis_version"]).partition(".")[0]) < 7:
        pytest.skip("this Redis does not tell reading from writing")
    server = broker.running()
    assert server is not None
    done = subprocess.run(
        [sys.executable, "-m", "farm", "submit", "quick", "--redis", server.url_here("worker")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("farm: this line is a worker's, for `farm worker`")
    assert "use coordinator.url" in done.stderr.partition("ermission")[0]
