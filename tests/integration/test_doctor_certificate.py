"""How long the certificate of a Redis will do, on a real Redis behind real TLS."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.doctor import certificate, examination
from farm.redis import broker
from farm.redis.certificate import generated
from farm.redis.server import LOOPBACK
from tests import ports
from tests.needs import missing
from workers.client import connect


@pytest.fixture
def encrypted_url(redis_url: str, tmp_path: Path) -> Iterator[str]:
    if shutil.which("openssl") is None:
        missing("there is no openssl, which makes the certificate; install it")
    server = broker.running()
    assert server is not None
    with ports.encrypting(server, generated(tmp_path / "tls", [LOOPBACK])) as encrypted:
        yield encrypted.local_url


def test_the_certificate_that_redis_shows(encrypted_url: str) -> None:
    checks = {check.check: check for check in examination.broker_checks(encrypted_url)}
    found = checks["redis certificate"]
    assert found.ok
    assert "valid until" in found.detail
    assert [check for check in checks.values() if not check.ok] == []


def test_without_tls_there_is_none(redis_url: str) -> None:
    with connect(redis_url) as client:
        assert certificate.shown_by(client) == {}
    names = [check.check for check in examination.broker_checks(redis_url)]
    assert "redis certificate" not in names
