"""TLS: both libraries verify the server, and every mismatch is one clear line."""

from __future__ import annotations

import contextlib
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.redis import broker, certificate, connection_file
from farm.redis import server_program as redis_server
from farm.redis.certificate import Certificate
from farm.redis.server import Server
from jobs.errors import BrokerDownError, BrokerError
from tests import ports
from workers import client as client_module
from workers.app import make_app
from workers.client import connect

REQUIRED = "?ssl_cert_reqs=required"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for this machine, as `farm up --tls` makes it."""
    return certificate.generated(tmp_path_factory.mktemp("tls") / "own", ["farm.example.org"])


@pytest.fixture
def encrypted(redis_url: str, shown: Certificate) -> Iterator[Server]:
    """The farm's Redis behind a port that speaks TLS: the embedded one has none built in."""
    server = broker.running()
    assert server is not None
    with ports.encrypting(server, shown) as encrypted:
        yield encrypted


def queue_answers(url: str) -> bool:
    """Ask by Celery's way to Redis; return whether it was let in."""
    app = make_app(url)
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        connection.default_channel.client.ping()
        return True


def test_who_knows_the_authority_gets_in_by_both_libraries(encrypted: Server) -> None:
    assert encrypted.local_url.startswith("rediss://coordinator:")
    with connect(encrypted.local_url) as client:
        assert client.ping()
    assert queue_answers(encrypted.local_url)


def test_one_file_is_all_that_another_machine_needs(encrypted: Server, tmp_path: Path) -> None:
    for user in ("worker", "coordinator"):
        path = tmp_path / f"{user}.url"
        encrypted.write_line(path, user)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        url = connection_file.read(f"@{path}")
        with connect(url) as client:
            assert client.ping()
        assert queue_answers(url)


@pytest.mark.parametrize("options", ["", REQUIRED, "?ssl_cert_reqs=required&ssl_ca_certs={other}"])
def test_a_server_that_nobody_vouches_for_is_refused_by_both(
    encrypted: Server, tmp_path: Path, options: str
) -> None:
    other = certificate.generated(tmp_path / "other", []).authority
    url = encrypted.url().partition("?")[0] + options.format(other=other)
    with pytest.raises(BrokerDownError, match=r"certificate is not trusted.*worker\.url"):
        connect(url)
    with pytest.raises(Exception, match=r"(?i)certificate.verify.failed"):
        queue_answers(url)


def test_a_certificate_for_another_name_is_refused_by_both(
    encrypted: Server, tmp_path: Path
) -> None:
    files = certificate.generated(tmp_path / "own", [])
    alien = tmp_path / "alien.pem"
    # Given one that is signed by whom we trust, and is for another machine
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "own" / "names.json").unlink()
    config = (tmp_path / "own" / "openssl.cnf").read_text()
    names = config.index("subjectAltName = ")
    (tmp_path / "alien.cnf").write_text(config[:names] + "subjectAltName = DNS:elsewhere\n")
    subprocess.run(
        [
            *("openssl", "x509", "-req", "-in", tmp_path / "own" / "server.csr", "-days", "2"),
            *("-CA", str(files.authority), "-CAkey", tmp_path / "own" / "ca.key"),
            *("-set_serial", "7", "-extfile", tmp_path / "alien.cnf", "-extensions", "server"),
            *("-out", alien),
        ],
        check=True,
        capture_output=True,
    )
    running = broker.running()
    assert running is not None
    other = certificate.given(alien, files.key, files.authority)
    with ports.listening(ports.tls_before(running.port, other)) as port:
        url = f"rediss://worker:{running.worker_password}@127.0.0.1:{port}/0?ssl_ca_certs={files.authority}"
        with pytest.raises(BrokerDownError, match="certificate is for another name"):
            connect(url)
        with pytest.raises(Exception, match=r"(?i)mismatch"):
            queue_answers(url)
        # What `farm up --cert` uses here: the authority counts all the same
        assert connect(f"{url}&ssl_check_hostname=false").ping()


def test_speaking_plainly_to_tls_and_tls_to_a_plain_port_is_one_clear_line(
    encrypted: Server, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "FIRST_SECONDS", 1.0)
    plainly = encrypted.local_url.partition("?")[0].replace("rediss:", "redis:")
    with pytest.raises(BrokerDownError, match="one that speaks TLS") as caught:
        connect(plainly)
    assert str(encrypted.password) not in str(caught.value)
    with pytest.raises(BrokerDownError, match=r"speaks no TLS: use redis://|does not answer"):
        connect(redis_url.replace("redis:", "rediss:"))


def test_an_authority_that_is_not_there_is_named() -> None:
    with pytest.raises(
        BrokerDownError, match=r"no file /no/such\.pem, which the URL's ssl_ca_certs"
    ):
        connect("rediss://worker:secret@127.0.0.1:1/0?ssl_ca_certs=/no/such.pem")


def test_keys_are_private_and_the_authority_outlives_a_change_of_address(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = certificate.generated(folder, ["192.0.2.7"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("ca.key", "server.key")} == {
        0o600
    }
    assert certificate.generated(folder, ["192.0.2.7"]) == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    certificate.generated(folder, ["192.0.2.8", "host.example.org"])
    assert (folder / "ca.pem").read_bytes() == before["ca.pem"]
    assert (folder / "server.pem").read_bytes() != before["server.pem"]


def test_without_openssl_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match=r"no openssl program.*--cert FILE --key FILE"):
        certificate.generated(tmp_path / "tls", [])


@pytest.mark.parametrize(
    "log",
    ["# Failed finding TLS support.", ">>> 'tls-port 6400'\nBad directive or wrong number of args"],
)
def test_a_server_without_tls_is_told_in_one_line(
    farm_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    program = tmp_path / "redis-server"
    program.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'Redis server v=7.0.0' && exit\n"
        f'echo "{log}"\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(redis_server, "find_binary", lambda: str(program))
    with pytest.raises(BrokerError, match=r"built without TLS.*apt install redis-server"):
        broker.start(tls=True)
    assert broker.running() is None


def test_a_server_with_tls_speaks_nothing_else(tls_server: Server, farm_home: Path) -> None:
    assert broker.running() == tls_server
    for url in (
        broker.resolve(None),
        broker.resolve(None, worker=True),
        broker.resolve(f"@{farm_home / 'redis' / 'worker.url'}"),
    ):
        with connect(url) as client:
            assert client.ping()
        assert queue_answers(url)
    plain = f"redis://coordinator:{tls_server.password}@127.0.0.1:{tls_server.port}/0"
    with pytest.raises(BrokerDownError, match="one that speaks TLS"):
        connect(plain)
    with pytest.raises(BrokerDownError, match="refuses the user or password"):
        connect(tls_server.local_url.replace(str(tls_server.password), "wrong"))
    assert broker.start(tls=True).pid == tls_server.pid


def test_a_given_certificate_is_shown(tls_server: Server, tmp_path: Path) -> None:
    broker.stop()
    files = certificate.generated(tmp_path / "theirs", ["farm.example.org"])
    theirs = certificate.given(files.file, files.key, files.authority)
    server = broker.start(certificate=theirs, host="farm.example.org")
    assert "@farm.example.org:" in server.url(server.host_for_others)
    with connect(broker.resolve(None)) as client:
        assert client.ping()
    # When nobody was named who vouches for it, then that is said, and nothing is left running
    broker.stop()
    with pytest.raises(BrokerDownError, match="certificate is not trusted"):
        broker.start(certificate=certificate.given(files.file, files.key, None))
    assert broker.running() is None
