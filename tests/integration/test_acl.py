"""Access: what the user `worker` of a real Redis may do, and that nobody else gets in."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

import workers
from farm.redis import broker
from farm.redis.access import COMMANDS, COORDINATOR, WORKER, users
from farm.redis.server import Server
from farm.runs.coordinator import Coordinator
from jobs.errors import BrokerDownError
from tests import ledgers
from tests.conftest import make_job, make_result
from workers.client import connect
from workers.column import Taken
from workers.keys import CANCELLED_CHANNEL
from workers.ledger import Ledger
from workers.registry import Registry

Command = tuple[str | int, ...]

# By users, keys and channels that are not a worker's business. Each is refused as NOPERM.
REFUSED: dict[str, Command] = {
    "reading the configuration": ("CONFIG", "GET", "dir"),
    "changing the configuration": ("CONFIG", "SET", "dir", "/tmp"),
    "rewriting the configuration": ("CONFIG", "REWRITE"),
    "emptying everything": ("FLUSHALL",),
    "emptying the database": ("FLUSHDB",),
    "listing keys": ("KEYS", "farm:*"),
    "walking keys": ("SCAN", 0),
    "stopping Redis": ("SHUTDOWN", "NOSAVE"),
    "reading users": ("ACL", "LIST"),
    "making a user": ("ACL", "SETUSER", "me", "on", "nopass", "~*", "+@all"),
    "listening to everybody": ("MONITOR",),
    "listing clients": ("CLIENT", "LIST"),
    "throwing out clients": ("CLIENT", "KILL", "TYPE", "normal"),
    "halting clients": ("CLIENT", "PAUSE", 1000),
    "following another Redis": ("REPLICAOF", "127.0.0.1", 1),
    "taking a copy of all": ("SYNC",),
    "writing the data to disk": ("SAVE",),
    "listing modules": ("MODULE", "LIST"),
    "stopping others' scripts": ("SCRIPT", "KILL"),
    "handing keys to another Redis": ("MIGRATE", "127.0.0.1", 1, "farm:workers:p100", 0, 10),
    "another database": ("SELECT", 1),
    "telling workers of a cancellation": ("PUBLISH", CANCELLED_CHANNEL, "x"),
    "listening to channels of others": ("SUBSCRIBE", "elsewhere"),
    "listening to all channels": ("PSUBSCRIBE", "*"),
    "reading keys of others": ("GET", "elsewhere"),
    "writing keys of others": ("SET", "elsewhere", "1"),
    "deleting keys of others": ("DEL", "elsewhere"),
    "cutting a log of results": ("XTRIM", "farm:run:r:p100:results", "MAXLEN", 0),
    "removing a result": ("XDEL", "farm:run:r:p100:results", "0-1"),
    "renaming a key": ("RENAME", "farm:run:r:p100:results", "farm:run:r:gone"),
}
# The same of keys that a worker reads and does not write; Redis 6 does not tell these apart.
READ_ONLY: dict[str, Command] = {
    "changing a run's manifest": ("SET", "farm:run:r", "{}"),
    "deleting a run": ("DEL", "farm:run:r"),
    "recording a run": ("ZADD", "farm:runs", 1, "r"),
    "naming a suite's newest run": ("HSET", "farm:suites", "quick", "r"),
    "opening a closed run": ("SREM", "farm:closed", "r"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_HOME", str(tmp_path_factory.mktemp("farm")))
        patch.delenv("FARM_REDIS_URL", raising=False)
        yield broker.start()
        broker.stop()


@pytest.fixture
def worker(server: Server) -> Iterator[redis.Redis]:
    with connect(server.url_here(WORKER)) as client:
        yield client


@pytest.fixture
def coordinator(server: Server) -> Iterator[redis.Redis]:
    with connect(server.local_url) as client:
        yield client
        client.flushall()


def test_both_users_are_themselves_and_there_is_no_other(
    server: Server, coordinator: redis.Redis
) -> None:
    said = {str(line).split()[1]: str(line).split() for line in coordinator.acl_list()}
    assert set(said) == {"default", COORDINATOR, WORKER}
    assert "off" in said["default"]
    assert coordinator.acl_whoami() == COORDINATOR
    for user in ("", "default", "elsewhere"):
        with pytest.raises(BrokerDownError, match="refuses the user or password"):
            connect(f"redis://{user}:{server.password}@127.0.0.1:{server.port}/0")
    with pytest.raises(BrokerDownError, match="refuses the user or password"):
        connect(f"redis://{COORDINATOR}:{server.worker_password}@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize("what", REFUSED)
def test_a_worker_is_refused(worker: redis.Redis, what: str) -> None:
    with pytest.raises(NoPermissionError):
        worker.execute_command(*REFUSED[what])


@pytest.mark.parametrize("what", READ_ONLY)
def test_a_worker_only_reads(worker: redis.Redis, coordinator: redis.Redis, what: str) -> None:
    if int(str(worker.info("server")["redis_version"]).partition(".")[0]) < 7:
        pytest.skip("this Redis does not tell reading from writing")
    with pytest.raises(NoPermissionError):
        worker.execute_command(*READ_ONLY[what])


@pytest.mark.parametrize(
    "script",
    [
        "return redis.call('GET', 'elsewhere')",
        "return redis.call('FLUSHALL')",
        "return redis.call('CONFIG', 'GET', 'dir')",
        "return redis.call('PUBLISH', 'farm:cancelled', 'x')",
    ],
)
def test_a_script_gets_a_worker_no_further(worker: redis.Redis, script: str) -> None:
    with pytest.raises(redis.ResponseError, match=r"(?i)permission|not allowed|can't (run|access)"):
        worker.eval(script, 0)


@pytest.mark.parametrize("command", [("DEBUG", "SLEEP", 0), ("MODULE", "LOAD", "/tmp/x.so")])
def test_what_redis_refuses_to_everybody_stays_so(worker: redis.Redis, command: Command) -> None:
    with pytest.raises(redis.ResponseError, match=r"not allowed|permission"):
        worker.execute_command(*command)


def test_a_worker_may_do_its_work(
    server: Server, worker: redis.Redis, coordinator: redis.Redis
) -> None:
    # Given a run with a job of this worker's
    job = make_job()
    Ledger(coordinator).create(job.run, "suite", 1.0, "{}")
    # When it does all that a worker does
    ledger, registry = Ledger(worker), Registry(worker)
    assert ledger.open_runs() == [job.run]
    assert ledger.manifest(job.run) == "{}"
    assert ledger.column(job.run, job.hardware).add(("cpu",), [job], open_only=True)
    assert ledgers.begin(ledger, job) == 1
    assert ledger.column_of(job).release(job)
    assert ledgers.begin(ledger, job) == 1
    assert ledgers.finish(ledger, make_result(job)) is Taken.YES
    assert registry.present() == []
    with worker.pubsub() as channel:
        channel.subscribe(CANCELLED_CHANNEL)
        assert channel.get_message(timeout=5)
    # Then the farm has it, and Redis has refused nothing
    assert ledgers.state(Ledger(coordinator), job) == "succeeded"
    assert len(ledgers.entries(Ledger(coordinator), job.run)) == 1


# What is said in workers/, and only by those with the coordinator's line.
COORDINATORS = {"publish", "unlink"}


def test_whatever_the_queue_side_says_a_worker_may_say(coordinator: redis.Redis) -> None:
    if int(str(coordinator.info("server")["redis_version"]).partition(".")[0]) < 7:
        pytest.skip("this Redis does not list its commands")
    known = {str(name) for name in coordinator.command_list()}
    allowed = {command.partition("|")[0] for group in COMMANDS for command in group.split()}
    said = set()
    for path in Path(workers.__file__).parent.glob("*.py"):
        text = path.read_text()
        said |= set(re.findall(r"redis\.call\('(\w+)'", text))
        said |= set(re.findall(r"\b(?:client|pipe|p)\.(\w+)\(", text))
    assert len(said) > 30
    assert {each.lower() for each in said} & known - allowed - COORDINATORS == set()


def test_with_a_workers_line_nothing_can_be_submitted_and_the_message_says_why(
    server: Server, worker: redis.Redis
) -> None:
    if int(str(worker.info("server")["redis_version"]).partition(".")[0]) < 7:
        pytest.skip("this Redis does not tell reading from writing")
    from farm.suite.suite import load

    with pytest.raises(BrokerDownError, match=r"does not let this user.*coordinator\.url"):
        Coordinator(server.url_here(WORKER)).submit(load("quick"))


def test_passwords_are_not_in_the_configuration(server: Server) -> None:
    assert server.password
    assert server.worker_password
    assert server.password != server.worker_password
    for version in ((6, 2), (7, 0), (9, 1)):
        told = "\n".join(users(version, {COORDINATOR: server.password, WORKER: "w" * 32}))
        assert server.password not in told
        assert "nopass" not in told


def test_the_data_are_in_a_folder_that_nobody_else_enters(server: Server) -> None:
    folder = Path(os.environ["FARM_HOME"]) / "redis"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
