"""Broker: the farm's own Redis, started, found again, protected and stopped."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest
import redis

from farm import broker, redis_server
from jobs.errors import BrokerDownError, BrokerError, NoBrokerError
from workers.client import connect, without_password


def test_without_a_redis_the_error_says_what_to_type(farm_home: Path) -> None:
    with pytest.raises(NoBrokerError, match=r"`farm up`.*--redis URL or FARM_REDIS_URL"):
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
    finally:
        broker.stop()
    assert broker.stop() is None


def test_beyond_the_loopback_there_is_a_password(farm_home: Path) -> None:
    server = broker.start("0.0.0.0")
    try:
        assert server.password
        assert server.url_for_others is not None
        assert server.password in server.url_for_others
        assert connect(server.local_url).ping()
        with pytest.raises(BrokerDownError, match="refuses the user or password"):
            connect(f"redis://127.0.0.1:{server.port}/0")
        with pytest.raises(BrokerDownError, match="refuses the user or password") as wrong:
            connect(f"redis://:wrong@127.0.0.1:{server.port}/0")
        assert "wrong" not in str(wrong.value).replace("wrong user", "").replace("WRONGPASS", "")
        for name in ("server.conf", "server.json", "password"):
            assert stat.S_IMODE((farm_home / "redis" / name).stat().st_mode) == 0o600
    finally:
        broker.stop()


def test_a_second_server_elsewhere_is_refused(redis_url: str) -> None:
    with pytest.raises(BrokerError, match="runs already"):
        broker.start("0.0.0.0")


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


def test_an_address_that_is_not_ours_is_refused(farm_home: Path) -> None:
    with pytest.raises(BrokerDownError, match=r"cannot listen on 192\.0\.2\.1"):
        broker.start("192.0.2.1")


@pytest.mark.parametrize("url", ["http://x", "localhost:6379", "redis://", "redis://h:99999/0", ""])
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(BrokerDownError, match="accepted: redis://"):
        connect(url)


def test_nobody_listening_is_one_clear_line() -> None:
    with pytest.raises(BrokerDownError, match="cannot be reached") as caught:
        connect("redis://:secret@127.0.0.1:1/0")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:1/0", "redis://:***@host:1/0"),
        ("rediss://user:se@cret@host:1/0", "rediss://user:***@host:1/0"),
        ("redis://host:1/0", "redis://host:1/0"),
        ("user:secret@host", "host"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
