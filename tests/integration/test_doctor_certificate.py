"""How long the certificate of a Redis will do, on a real Redis behind real TLS."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.doctor import certificate, examination
from farm.redis.certificate import generated
from farm.redis.server import LOOPBACK
from workers.client import connect


class Encrypting:
    """Speaks TLS to whoever comes, and plainly to the Redis behind it."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port = 0
        self._behind = port
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Encrypting:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, LOOPBACK, 0, ssl=self._context)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection(LOOPBACK, self._behind)

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            finally:
                sink.close()

        await asyncio.gather(pass_on(reader, before), pass_on(behind, writer))


@pytest.fixture
def encrypted_url(redis_url: str, tmp_path: Path) -> Iterator[str]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    made = generated(tmp_path / "tls", [LOOPBACK])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.file, made.key)
    credentials, _, place = redis_url.removeprefix("redis://").rpartition("@")
    port = int(place.partition(":")[2].partition("/")[0])
    with Encrypting(port, context) as proxy:
        yield f"rediss://{credentials}@{LOOPBACK}:{proxy.port}/0?ssl_ca_certs={made.authority}"


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
