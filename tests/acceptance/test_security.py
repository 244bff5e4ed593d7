"""Passwords: they let workers in, nobody sees them, and without them nobody gets in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from secrets import token_hex

import psutil
import pytest
import redis

from farm.redis import broker, certificate
from farm.redis.access import WORKER
from farm.redis.server import Server
from tests import live_farm, ports
from tests.fake_ffmpeg import fake
from tests.live_farm import Farm
from tests.processes import FARM, until

NOOP = """
hardware: all
defaults: {data: synthetic, repeats: 1}
jobs:
  - {workload: noop, batch_size: [10, 20]}
"""
QUICK = NOOP.replace("data: synthetic", "data: synthetic, backend: ffmpeg")  # imports nothing
PRIVATE = {
    *("server.json", "coordinator.password", "coordinator.url", "worker.password", "worker.url"),
}
WAITING_SECONDS = 8.0  # three on a machine that does nothing else; without the bound, twenty


@pytest.fixture
def server(farm: Farm) -> Server:
    """The Redis that the farm has started."""
    started = broker.running()
    assert started is not None
    return started


def shown(secrets: tuple[str, ...]) -> list[str]:
    """Return the command lines of this machine that hold one of the secrets."""
    lines = []
    for process in psutil.process_iter(["cmdline", "name"]):
        line = " ".join([*(process.info["cmdline"] or []), process.info["name"] or ""])
        lines += [line] if any(secret in line for secret in secrets) else []
    return lines


def secrets_of(server: Server) -> tuple[str, ...]:
    assert server.password
    assert server.worker_password
    return server.password, server.worker_password


@pytest.fixture
def carried(server: Server, tmp_path: Path) -> Iterator[Path]:
    """The file for workers, on another machine; on the way to the farm's Redis there is TLS."""
    shown = certificate.generated(tmp_path / "tls", [])
    with ports.encrypting(server, shown) as encrypted:
        (tmp_path / "carried").mkdir()
        encrypted.write_line(tmp_path / "carried" / "worker.url", WORKER)
        yield tmp_path / "carried" / "worker.url"


@pytest.mark.slow
def test_a_worker_that_was_handed_a_file_measures_and_no_password_is_seen(
    farm: Farm, server: Server, carried: Path, tmp_path: Path
) -> None:
    secrets = secrets_of(server)
    # Given a run, and a worker that has the file for workers and nothing else of this machine's
    run = farm.json("submit", farm.suite(NOOP), "--json")["run"]
    # When it joins, enqueues what is for it, and measures
    elsewhere = {"FARM_HOME": str(tmp_path / "elsewhere")}
    farm.worker("w", "--hardware", "a", "--redis", f"@{carried}", "--verbose", **elsewhere)
    until(lambda: farm.json("status", run, "--json").get("succeeded") == 2)
    assert shown(secrets) == []
    # Then Redis has refused it nothing
    with redis.Redis.from_url(server.local_url, decode_responses=True) as client:
        refused = [(each["username"], each["object"]) for each in client.acl_log()]
    assert [each for each in refused if each[1] != "client|setinfo"] == []
    # And none of what people look at, or hand on, has a password, nor when Redis goes away
    said = [farm(verb) for verb in ("status", "matrix")]
    said += [farm("workers", "--json"), farm("matrix", "--format", "html")]
    farm("export", "--all", "-o", "results.jsonl")
    before = len(farm.log("w"))
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: "onnect" in farm.log("w")[before:])
    said.append(farm("status"))
    assert [text for text in said if any(secret in text for secret in secrets)] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    holding = {p.name for p in files if any(s.encode() in p.read_bytes() for s in secrets)}
    assert holding <= PRIVATE
    assert {"w.log", "results.jsonl", "farm.db"} <= {path.name for path in files}
    farm("up", "--port", str(server.port))


@pytest.mark.slow
def test_a_worker_measures_for_a_redis_that_speaks_tls_itself(
    tls_server: Server, farm_home: Path, tmp_path: Path
) -> None:
    # Given a farm that somebody started with TLS, and a run
    broker.stop()
    environment = live_farm.environment(FARM_FFMPEG=str(fake(tmp_path, "exit 1")))
    with live_farm.running(tmp_path, environment, "--tls") as farm:
        run = farm.json("submit", farm.suite(QUICK), "--json")["run"]
        # When a worker is handed the file for workers
        handed = farm_home / "redis" / "worker.url"
        assert "\nrediss://worker:" in handed.read_text()
        elsewhere = {"FARM_HOME": str(tmp_path / "elsewhere")}
        farm.worker("w", "--hardware", "a", "--redis", f"@{handed}", **elsewhere)
        # Then it measures
        until(lambda: farm.json("status", run, "--json").get("succeeded") == 2)
        assert "Traceback" not in farm.log("w")


def test_a_password_that_is_typed_all_the_same_is_hidden(farm_home: Path) -> None:
    # Given commands with a password that take a while: nothing answers them
    secret = token_hex()
    python, beside = sys.executable, Path(sys.executable).with_name("farm")
    programs = [[*FARM], [python, "-c", "from farm.cli.main import main; main()"]]
    programs += [[str(beside)]] if beside.exists() else []
    with ports.listening(ports.silent) as port:
        option = f"--redis=redis://worker:{secret}@127.0.0.1:{port}/0"
        processes = [
            subprocess.Popen([*program, "workers", option], stderr=subprocess.PIPE, text=True)
            for program in programs
        ]
        # Then each starts itself anew, once, before it does anything else
        until(lambda: all("***" in " ".join(psutil.Process(p.pid).cmdline()) for p in processes))
        assert shown((secret,)) == []
        # And has not forgotten what was typed
        for process in processes:
            said = process.communicate(timeout=30)[1]
            assert process.returncode == 1
            assert f"redis://worker:***@127.0.0.1:{port}/0 does not answer in time" in said


def test_what_was_typed_counts_where_it_is_hidden(farm: Farm, server: Server) -> None:
    typed = server.url_here(WORKER)
    assert farm.json("workers", "--json", "--redis", typed) == []
    farm("workers", "--redis", typed.replace("worker:", "worker:not"), code=1)


def test_a_mistake_beside_a_password_does_not_repeat_it(farm_home: Path, tmp_path: Path) -> None:
    farm = Farm(tmp_path, dict(os.environ))
    url = "redis://worker:topsecret@127.0.0.1:1/0"
    for mistake in ([url], ["workers", "--redis", url, "--bogus", url]):
        assert "topsecret" not in farm(*mistake, code=2)
    assert "topsecret" not in farm("workers", "--redis", f"http{url[5:]}", code=1)


ARGUMENTS = {"worker": ["--hardware", "a"], "submit": ["suite.yaml"], "status": []}


def check(farm: Farm, what: str, url: str, verbs: Iterable[str]) -> float:
    """Run the commands at once, with the URL, check what each says, and return how long it took."""
    farm.suite(NOOP)
    began = time.monotonic()
    processes = {verb: farm.begin(verb, *ARGUMENTS[verb], "--redis", url) for verb in verbs}
    for verb, process in processes.items():
        said = process.communicate(timeout=60)[0]
        assert process.returncode == 1, (verb, said)
        lines = [line for line in said.splitlines() if "edis" in line]
        assert len(lines) == 1, (verb, said)
        assert lines[0].startswith("farm: ")
        assert what in lines[0]
        assert "topsecret" not in said
    return time.monotonic() - began


@pytest.mark.slow
def test_without_the_right_line_there_is_one_clear_line_and_soon(
    farm: Farm, server: Server
) -> None:
    here = f"127.0.0.1:{server.port}/0"
    check(farm, "refuses the user or", f"redis://worker:topsecret@{here}", ARGUMENTS)
    check(farm, "refuses the user or password (none was given)", f"redis://{here}", ARGUMENTS)
    check(farm, "nobody listens", "redis://worker:topsecret@127.0.0.1:1/0", ARGUMENTS)
    with ports.listening(ports.web_server) as port:
        check(farm, "is no Redis", f"redis://worker:topsecret@127.0.0.1:{port}/0", ARGUMENTS)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("scheme", "verb"),
    [
        ("redis", "submit"),  # the one that loads most
        *(
            pytest.param(scheme, verb, marks=pytest.mark.exhaustive)
            for scheme in ("redis", "rediss")
            for verb in ARGUMENTS
        ),
    ],
)
def test_silence_is_one_clear_line_and_soon(farm: Farm, scheme: str, verb: str) -> None:
    # How long it takes to load is known from a port that refuses; the rest is waiting
    loading = check(farm, "nobody listens", "redis://worker:topsecret@127.0.0.1:1/0", [verb])
    with ports.listening(ports.silent) as port:
        url = f"{scheme}://worker:topsecret@127.0.0.1:{port}/0"
        waiting = check(farm, "does not answer in time", url, [verb]) - loading
    assert waiting < WAITING_SECONDS
