"""Broker: the farm's own Redis, started, found again, protected and stopped."""

from __future__ import annotations

import logging
import socket
import stat
import time
from pathlib import Path

import pytest
import redis

from farm.redis import broker
from farm.redis import server_program as redis_server
from farm.redis.access import WORKER
from jobs.errors import BrokerDownError, BrokerError, NoBrokerError
from tests import ports
from workers import client as client_module
from workers.client import connect, without_password
from workers.redacted import masked, plain


def test_without_a_redis_the_error_says_what_to_type(farm_home: Path) -> None:
    with pytest.raises(NoBrokerError, match=r"`farm up`.*--redis or FARM_REDIS_URL"):
        broker.resolve(None)


def test_a_named_redis_wins_over_the_one_started_here(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broker.resolve(None) == redis_url
    monkeypatch.setenv("FARM_REDIS_URL", "redis://elsewhere:1/0")
    assert broker.resolve(None) == "redis://elsewhere:1/0"
    assert broker.resolve("redis://given:2/0") == "redis://given:2/0"


def test_what_was_written_is_there_after_a_restart(farm_home: Path) -> None:
    server = broker.start()
    try:
        connect(server.local_url).set("kept", "yes")
        assert broker.start().pid == server.pid
        broker.stop()
        assert broker.running() is None
        again = broker.start()
        assert connect(again.local_url).get("kept") == "yes"
        assert again.password == server.password
        assert again.worker_password == server.worker_password
    finally:
        broker.stop()
    assert broker.stop() is None


def _own_address() -> str:
    return socket.gethostbyname(socket.gethostname())


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0", "::", "own"])
def test_nobody_gets_in_without_a_password(farm_home: Path, bind: str) -> None:
    if bind == "::" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = broker.start(_own_address() if bind == "own" else bind)
    try:
        assert connect(server.local_url).ping()
        # By every address that it listens on, the loopback included
        hosts = {"0.0.0.0": ["127.0.0.1", _own_address()], "::": ["[::1]"]}
        for host in hosts.get(server.bind, [server.bind]):
            for credentials in (
                "",
                ":wrong-one@",
                "worker:wrong-one@",
                f"worker:{server.password}@",
            ):
                with pytest.raises(BrokerDownError, match="refuses the user or pass") as refused:
                    connect(f"redis://{credentials}{host}:{server.port}/0")
                assert "wrong-one" not in str(refused.value)
            with socket.create_connection((host.strip("[]"), server.port), 5) as plainly:
                plainly.sendall(b"INFO\r\nFLUSHALL\r\n")
                assert plainly.recv(1000).startswith(b"-NOAUTH")
    finally:
        broker.stop()


def test_beyond_the_loopback_there_is_a_file_for_workers(farm_home: Path) -> None:
    server = broker.start("0.0.0.0", host="localhost")
    try:
        folder = farm_home / "redis"
        line = broker.resolve(f"@{folder / 'worker.url'}")
        assert line == f"redis://worker:{server.worker_password}@localhost:{server.port}/0"
        assert line == server.url_for_others
        assert connect(line).ping()
        assert connect(broker.resolve(f"@{folder / 'coordinator.url'}")).config_get("dir")
        secrets = [str(server.password).encode(), str(server.worker_password).encode()]
        holding = [
            path
            for path in farm_home.rglob("*")
            if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
        ]
        assert {path.name for path in holding} == {
            *("server.json", "coordinator.password", "worker.password"),
            *("coordinator.url", "worker.url"),
        }
        assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
    finally:
        broker.stop()
    assert broker.start().url_for_others is None
    broker.stop()


def test_a_worker_here_is_given_a_workers_line(redis_url: str) -> None:
    line = broker.resolve(None, worker=True)
    with connect(line) as client, pytest.raises(redis.ResponseError, match="permission"):
        client.config_get("dir")


def test_a_second_server_elsewhere_is_refused(redis_url: str) -> None:
    with pytest.raises(BrokerError, match="runs already"):
        broker.start("0.0.0.0")
    with pytest.raises(BrokerError, match=r"runs already.*without TLS"):
        broker.start(tls=True)
    with pytest.raises(BrokerError, match="runs already"):
        broker.start(host="elsewhere")


def test_a_port_that_somebody_takes_first_is_left_to_them(
    farm_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given another program on the usual port, of which nobody knew when ports were looked for
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        real = redis_server.free_ports
        monkeypatch.setattr(redis_server, "free_ports", lambda bind: [port, *real(bind)])
        # When none is asked for, then another is taken
        server = broker.start()
        broker.stop()
        assert server.port != port
        # When it is asked for, then it is refused
        with pytest.raises(BrokerError, match=f"port {port} on 127.0.0.1 belongs to another"):
            broker.start(port=port)


def test_a_port_of_another_redis_is_refused(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = broker.running()
    assert running is not None
    with monkeypatch.context() as patch:
        patch.setenv("FARM_HOME", str(tmp_path / "other"))
        with pytest.raises(BrokerError, match=f"port {running.port} .* belongs to another"):
            broker.start(port=running.port)


def test_the_append_only_file_is_on(client: redis.Redis) -> None:
    assert client.config_get("appendonly") == {"appendonly": "yes"}


@pytest.mark.parametrize("bind", ["192.0.2.1", "no.such.name.invalid", "*", "", "127.0.0.1 ::1"])
def test_an_address_that_is_not_ours_is_refused(farm_home: Path, bind: str) -> None:
    with pytest.raises(BrokerDownError, match="cannot listen on"):
        broker.start(bind, port=6400)


def test_a_server_that_is_too_old_to_keep_workers_apart_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=0 malloc=libc bits=64'\n")
    old.chmod(0o755)
    with pytest.raises(BrokerError, match=r"v=5\.0\.7.*accepted: Redis 6\.2 or later"):
        redis_server.version_of(str(old))


@pytest.mark.parametrize(
    "url",
    ["http://x", "localhost:6379", "redis://", "redis://h:99999/0", "", "redis://h/0?bogus=1"],
)
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(BrokerDownError, match="accepted: redis://"):
        connect(url)


def test_nobody_listening_is_one_clear_line() -> None:
    with pytest.raises(BrokerDownError, match=r"cannot be reached.*nobody listens") as caught:
        connect("redis://:secret@127.0.0.1:1/0")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (ports.web_server, "is no Redis.*is the port right"),
        (ports.rude, "is no Redis|answered with an error"),
        (ports.silent, "does not answer in time.*redis:// and rediss://"),
        (
            lambda connection: None,
            "cannot be reached.*hangs up: perhaps it is no Redis, or one that speaks TLS",
        ),
        (ports.loading, "is reading its data: try again"),
    ],
    ids=["a web server", "an error with an escape", "silence", "hanging up", "loading"],
)
def test_what_is_no_redis_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, handler: ports.Handler, said: str
) -> None:
    monkeypatch.setattr(client_module, "FIRST_SECONDS", 0.5)
    began = time.monotonic()
    with ports.listening(handler) as port, pytest.raises(BrokerDownError, match=said) as caught:
        connect(f"redis://worker:secret@127.0.0.1:{port}/0")
    assert time.monotonic() - began < 5
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:1/0", "redis://:***@host:1/0"),
        ("rediss://user:se@cret@host:1/0", "rediss://user:***@host:1/0"),
        ("redis://host:1/0", "redis://host:1/0"),
        ("redis://user@[::1]:1/0", "redis://user@[::1]:1/0"),
        ("rediss://u:p@h/0?ssl_password=secret", "rediss://u:***@h/0"),
        ("redis://:secret", "redis://:***"),
        ("user:secret@host", "host"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_text_is_shown_without_passwords_and_without_what_steers_a_terminal() -> None:
    said = "--redis=redis://worker:se:c@ret@host:1/0"
    assert masked(said) == "--redis=redis://worker:***@host:1/0"
    assert masked(masked(said)) == masked(said)
    assert masked("redis://host:1/0") == "redis://host:1/0"
    assert plain("a\x1b[2J\n b") == "a?[2J b"
    assert len(plain("x" * 1000)) == 201


def test_a_file_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "line.url"
    path.write_text("\n# the lab's\n\n  redis://worker:secret@host:1/0  \n")
    path.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        assert broker.resolve(f"@{path}") == "redis://worker:secret@host:1/0"
    assert f"chmod 600 {path}" in caplog.text
    assert "secret" not in caplog.text
    caplog.clear()
    path.chmod(0o600)
    assert broker.resolve(f"@{path}")
    assert caplog.text == ""


@pytest.mark.parametrize("content", [None, "", "# nothing\n", "\xff"])
def test_a_file_without_a_line_is_one_clear_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "line.url"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BrokerDownError, match=f"file {path}.*accepted:"):
        broker.resolve(f"@{path}")
    with pytest.raises(BrokerDownError, match=r"no-such-user/line\.url: No such file"):
        broker.resolve("@~no-such-user/line.url")


def test_a_line_in_the_environment_may_be_a_file(
    redis_url: str, farm_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = broker.running()
    assert server is not None
    monkeypatch.setenv("FARM_REDIS_URL", f"@{farm_home / 'redis' / 'worker.url'}")
    assert broker.resolve(None) == server.url_here(WORKER)
