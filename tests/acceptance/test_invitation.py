"""A machine that was invited, by the real command line: it measures until it is revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from farm.redis import broker
from tests.live_farm import Farm
from tests.processes import until
from workers.client import connect

NOOP = """
name: noop
jobs:
  - {workload: noop, backend: ffmpeg, batch_size: [1], data: synthetic, repeats: 2}
"""


@pytest.mark.slow
def test_an_invited_machine_measures_beside_others_until_it_is_revoked(
    farm: Farm, tmp_path: Path
) -> None:
    # Given one machine with the line for all workers, and one that was invited
    assert farm("invite").startswith("nobody was invited")
    said = farm("invite", "lab")
    file = next(Path(line.split()[1]) for line in said.splitlines() if "scp" in line)
    assert f"farm worker --redis @{file.name}" in said
    assert farm("invite") == f"lab: {file}\n"
    elsewhere = {"FARM_HOME": str(tmp_path / "elsewhere")}
    farm.worker("own", "--hardware", "own")
    farm.worker("lab", "--redis", f"@{file}", **elsewhere)
    farm.present("own", "lab")
    # Then it measures under the invited name, whatever the order of things
    run = farm.json("submit", farm.suite(NOOP), "--json")["run"]
    until(lambda: farm.json("status", run, "--json").get("succeeded") == 4)
    # And goes on when Redis comes back, which has refused it nothing
    server = broker.running()
    assert server is not None
    with connect(server.local_url) as client:
        assert client.execute_command("ACL", "LOG") == []
    farm("down")
    farm("up", "--port", str(server.port))
    second = farm.json("submit", farm.suite(NOOP), "--json")["run"]
    until(lambda: farm.json("status", second, "--json").get("succeeded") == 4)
    # And cannot take another name
    told = farm("worker", "--redis", f"@{file}", "--hardware", "own", code=2)
    assert "this line to Redis is for lab alone, and --hardware says own" in told
    # When it is revoked
    line = file.read_text().splitlines()[2]
    assert "lab is let in no more" in farm("invite", "--revoke", "lab")
    # Then it is out, says so in its log, and the others go on
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(line).ping()
    until(lambda: "invalid username-password pair" in farm.log("lab"))
    third = farm.json("submit", farm.suite(NOOP.replace("1", "2")), "--json")["run"]
    until(lambda: farm.json("status", third, "--json").get("succeeded", 0) >= 2)
    assert "Traceback" not in farm.log("lab")
