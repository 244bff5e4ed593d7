"""Invitations, at a real Redis: made, remembered, revoked."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from farm.redis import broker, connection_file, invitation, passwords
from farm.redis.access import WORKER, users
from farm.redis.server import Server
from farm.redis.server_program import version_in
from jobs.errors import BrokerDownError, BrokerError, UnknownNameError, UsageError
from tests import ports
from tests.integration.doctor_samples import present
from workers import keys
from workers.client import connect
from workers.registry import Registry

MINE, THEIRS = "t4", "p100"


@pytest.fixture
def server(farm_home: Path) -> Iterator[Server]:
    yield broker.start(port=ports.free())  # nobody takes it while Redis is away
    broker.stop()


@pytest.fixture
def elsewhere(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A line to a Redis that this FARM_HOME has not started; it has no file for its users."""
    monkeypatch.setenv("FARM_HOME", str(tmp_path / "elsewhere"))
    yield server.local_url
    broker.stop()
    monkeypatch.setenv("FARM_HOME", str(tmp_path / "farm"))


def farm(*arguments: str, code: int = 0) -> str:
    """Run a command; return all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "farm", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_invitation_outlives_redis_until_it_is_revoked(server: Server) -> None:
    file, _ = invitation.invite(MINE, server.local_url)
    text = file.read_text()
    assert invitation.invite(MINE, server.local_url)[0].read_text() == text
    broker.stop()
    again = broker.start(port=server.port)
    connect(connection_file.read(f"@{file}")).close()
    # When it is revoked, who is connected is thrown out, and nobody gets in by the old line
    line = connection_file.read(f"@{file}")
    connected = redis.Redis.from_url(line)
    assert connected.ping()
    with pytest.raises(UnknownNameError, match="there is no invited hardware 'p100'"):
        invitation.revoke([MINE, THEIRS], again.local_url)
    invitation.revoke([MINE], again.local_url)
    with pytest.raises(redis.ConnectionError):  # which says so, or that it is not let in again
        connected.ping()
    with pytest.raises(BrokerDownError, match="refuses the user or password"):
        connect(line)
    assert passwords.invited() == []
    assert not file.exists()


def test_a_redis_of_ones_own_is_told_what_to_remember(elsewhere: str) -> None:
    file, remember = invitation.invite(MINE, elsewhere)
    text = file.read_text()
    connect(connection_file.read(f"@{file}")).close()
    assert remember is not None
    assert remember.startswith(f"user {WORKER}.{MINE} on #")
    password = connection_file.read(f"@{file}").split(":")[2].split("@")[0]
    assert password not in remember
    assert invitation.invite(MINE, elsewhere) == (file, remember)
    assert file.read_text() == text


def test_what_is_invited_elsewhere_is_revoked_there_alone(elsewhere: str) -> None:
    place = elsewhere.split("@")[1].removesuffix("/0")
    file, _ = invitation.invite(MINE, elsewhere)
    line = connection_file.read(f"@{file}")
    assert farm("invite") == f"{MINE}: {file} (to the Redis at {place})\n"
    # When no Redis is named, or another one, and one runs here
    ours = broker.start(port=ports.free())
    invitation.invite(THEIRS, ours.local_url)
    for named in (None, ours.local_url):
        with pytest.raises(BrokerError, match=f"{MINE} was invited to the Redis at {place}.*--red"):
            invitation.revoke([THEIRS, MINE], named)
    with pytest.raises(BrokerError, match="and this is about the Redis at nowhere:6379; name that"):
        invitation.revoke([MINE], "redis://nowhere/0")
    with pytest.raises(BrokerError, match=f"{THEIRS} was invited to the Redis that `farm up` sta"):
        invitation.revoke([THEIRS], elsewhere)
    for name, url in ((MINE, ours.local_url), (THEIRS, elsewhere)):
        with pytest.raises(BrokerError, match="was invited to the Redis"):
            invitation.invite(name, url)
    # Then nothing was revoked, and `farm up` leaves it as it is
    broker.stop()
    again = broker.start(port=ours.port)
    connect(line).close()
    assert connection_file.read(f"@{file}") == line
    assert passwords.invited() == [THEIRS, MINE]
    with connect(again.local_url) as client:
        assert f"{WORKER}.{MINE}" not in client.acl_users()
        assert f"{WORKER}.{THEIRS}" in client.acl_users()
    # And where it was invited it is revoked, and what that Redis would forget is told
    said = farm("invite", "--revoke", MINE, "--redis", elsewhere)
    assert f"{MINE} is let in no more" in said
    assert said.endswith(f"remove it there:\n  user {WORKER}.{MINE} \n")
    with pytest.raises(BrokerDownError, match="refuses the user or password"):
        connect(line)
    assert not file.exists()


def test_who_is_unknown_where_it_is_revoked_keeps_its_file(elsewhere: str) -> None:
    file, _ = invitation.invite(MINE, elsewhere)
    with connect(elsewhere) as client:
        client.acl_deluser(f"{WORKER}.{MINE}")
    said = farm("invite", "--revoke", MINE, "--redis", elsewhere, code=1)
    assert f"knows no user {WORKER}.{MINE}, so nobody was thrown out" in said
    assert str(file) in said
    assert file.exists()


def test_our_own_redis_has_several_addresses(server: Server) -> None:
    # Given the line for other machines, which is not the one that commands here find
    line = server.local_url.replace("127.0.0.1", "localhost")
    assert invitation.invite(MINE, line)[1] is None
    assert passwords.invited_here() == [MINE]
    # And whose password is removed by hand is invited anew
    (passwords.folder() / f"{WORKER}.{MINE}.password").unlink()
    connect(connection_file.read(f"@{invitation.invite(MINE, line)[0]}")).close()
    assert invitation.revoke([MINE], line)
    assert passwords.invited() == []


def test_who_is_revoked_is_not_here(server: Server) -> None:
    invitation.invite(MINE, server.local_url)
    with connect(server.local_url) as client:
        for name in (MINE, THEIRS):
            present(client, hardware=name)
        invitation.revoke([MINE], server.local_url)
        assert [each.hardware for each in Registry(client).present()] == [THEIRS]
        assert Registry(client).unreadable() == []


def test_invited_hardware_is_known_when_redis_has_lost_its_data(server: Server) -> None:
    invitation.invite(MINE, server.local_url)
    with connect(server.local_url) as client:
        client.flushall()
    broker.stop()
    again = broker.start(port=server.port)
    with connect(again.local_url) as client:
        assert client.smembers(keys.HARDWARE) == {MINE}


def test_nobody_is_invited_or_revoked_while_redis_is_started(server: Server) -> None:
    def both() -> None:
        invitation.invite(MINE, server.local_url)
        invitation.revoke([MINE], server.local_url)
        done.set()

    done = threading.Event()
    with connect(server.local_url) as client:
        with broker.one_at_a_time():
            thread = threading.Thread(target=both)
            thread.start()
            assert not done.wait(1.0)
            assert passwords.invited() == []
            assert f"{WORKER}.{MINE}" not in client.acl_users()
        assert done.wait(30.0)
        invitation.invite(MINE, server.local_url)
        with broker.one_at_a_time():
            thread = threading.Thread(target=invitation.revoke, args=([MINE], server.local_url))
            thread.start()
            thread.join(0.5)
            assert f"{WORKER}.{MINE}" in client.acl_users()
        thread.join(30.0)
        assert f"{WORKER}.{MINE}" not in client.acl_users()


def test_names_that_differ_by_case_alone_would_share_a_file(server: Server) -> None:
    invitation.invite(MINE, server.local_url)
    with pytest.raises(UsageError, match=r"T4 differs from t4.*by case alone"):
        invitation.invite("T4", server.local_url)
    assert passwords.invited() == [MINE]


@pytest.mark.parametrize(
    ("said", "version"),
    [("7.2.4", (7, 2, 4)), ("7.2.0-rc1", (7, 2, 0)), ("8", (8,)), ("unstable", (0,))],
)
def test_a_version_is_its_numbers(said: str, version: tuple[int, ...]) -> None:
    assert version_in(said) == version


def test_who_was_not_let_in_after_all_is_not_invited(server: Server) -> None:
    broker.stop()
    with pytest.raises(BrokerDownError):
        invitation.invite(MINE, server.local_url)
    assert passwords.invited() == []
    broker.start()


def test_a_redis_that_cannot_keep_it_to_its_own_is_refused() -> None:
    with pytest.raises(BrokerError, match=r"Redis 6\.2\.14.*Redis 7 or later, or any Valkey"):
        users((6, 2, 14), {f"{WORKER}.{MINE}": "x" * 32})
