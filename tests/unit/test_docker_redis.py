"""docker/compose.yaml: the Redis in it, its passwords and its users, read without an engine."""

from __future__ import annotations

import hashlib

from farm.redis.access import COORDINATOR, WORKER, users
from tests.unit.test_docker import (
    COMPOSE,
    COMPOSE_FILE,
    PASSWORDS,
    SERVICES,
    WORKERS,
    by_default,
)


def test_the_password_is_required_and_on_no_command_line() -> None:
    text = COMPOSE_FILE.read_text()
    for name in PASSWORDS:
        assert text.count(f"${{{name}:?") == text.count(name)
        for service in SERVICES.values():
            assert name not in f"{service.get('command')} {service.get('healthcheck')}"
    for name in WORKERS:
        assert "FARM_REDIS_PASSWORD" not in str(SERVICES[name]), "a worker needs its own alone"
    assert by_default(SERVICES["redis"]["environment"]["REDISCLI_AUTH"]) == "PASSWORD"
    kind, program, *asked = SERVICES["redis"]["healthcheck"]["test"]
    assert (kind, program, asked) == ("CMD", "valkey-cli", ["--user", "coordinator", "-e", "ping"])


def test_redis_knows_the_users_that_farm_up_makes() -> None:
    (config,) = SERVICES["redis"]["configs"]
    content = by_default(COMPOSE["configs"][config["source"]]["content"])
    passwords = {COORDINATOR: "PASSWORD", WORKER: "WORKERS-PASSWORD"}
    expected = users((8, 0), passwords)
    for password in passwords.values():
        hashed = "#" + hashlib.sha256(password.encode()).hexdigest()
        expected = [line.replace(hashed, f">{password}") for line in expected]
    assert [line for line in content.splitlines() if line.startswith("user ")] == expected


def test_redis_keeps_its_data_and_answers_this_machine_alone_by_default() -> None:
    redis = SERVICES["redis"]
    (config,) = redis["configs"]
    content = by_default(COMPOSE["configs"][config["source"]]["content"])
    directives = dict(line.split(" ", 1) for line in content.splitlines())
    assert redis["command"] == ["valkey-server", config["target"]]
    assert directives["appendonly"] == "yes"
    assert directives["maxmemory-policy"] == "noeviction"
    assert f"redis:{directives['dir']}" in redis["volumes"]
    assert [by_default(port) for port in redis["ports"]] == ["127.0.0.1:6399:6379"]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["redis"]
