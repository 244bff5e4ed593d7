"""docker/: what must hold of the images and of compose.yaml, read without an engine."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
GUIDE = " ".join((ROOT / "docs" / "docker.md").read_text().split())
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
COMPOSE_FILE = ROOT / "docker" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = ["worker-cpu", "worker-cuda"]
BUILT = ["coordinator", *WORKERS]
PASSWORDS = {"FARM_REDIS_PASSWORD": "PASSWORD", "FARM_WORKER_PASSWORD": "WORKERS-PASSWORD"}

# A service without a health check, and the words with which docs/docker.md says why.
UNCHECKED = {"coordinator": "The coordinator has no health check: it is one command"}


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continuation lines joined."""

    keyword: str
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments in exec form, as `CMD ["worker"]`, else nothing."""
        return list(json.loads(self.text)) if self.text.startswith("[") else []


class Stage(list[Instruction]):
    """The instructions from one FROM to the next."""

    def texts(self, keyword: str) -> list[str]:
        return [one.text for one in self if one.keyword == keyword]

    def words(self, keyword: str) -> list[str]:
        (only,) = (one for one in self if one.keyword == keyword)
        return only.words

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in " ".join(self.texts("ENV")).split())

    @property
    def copied(self) -> list[str]:
        """What is copied from the repository, not from another stage."""
        local = [text.split() for text in self.texts("COPY") if not text.startswith("--from=")]
        return [source for words in local for source in words[:-1]]


def stages(name: str) -> list[Stage]:
    """Return the stages of a Dockerfile; the last is the image."""
    text = (ROOT / "docker" / f"{name}.Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    found: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            found.append(Stage())
        found[-1].append(Instruction(keyword, rest.strip()))
    return found


def by_default(text: str) -> str:
    """Return the text as compose reads it when only the passwords are set."""
    for name, value in PASSWORDS.items():
        text = re.sub(rf"\$\{{{name}:\?[^}}]+\}}", value, text)
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def is_sent_to_the_build(path: str) -> bool:
    """Whether .dockerignore lets the path through: of the patterns that match, the last counts."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if any(fnmatch.fnmatchcase(one, pattern) for one in (path, Path(path).name)):
            sent = line.startswith("!")
    return sent


# The images


def test_each_service_that_is_built_has_its_dockerfile_and_there_is_no_other() -> None:
    builds = {name: one["build"] for name, one in SERVICES.items() if "build" in one}
    assert {name: build["dockerfile"] for name, build in builds.items()} == {
        name: f"docker/{name}.Dockerfile" for name in BUILT
    }
    assert {(COMPOSE_FILE.parent / build["context"]).resolve() for build in builds.values()} == {
        ROOT
    }
    assert [path.name for path in DOCKERFILES] == [f"{name}.Dockerfile" for name in BUILT]


@pytest.mark.parametrize("name", BUILT)
def test_what_is_copied_is_the_wheel_s_and_is_sent_to_the_build(name: str) -> None:
    copied = [source for stage in stages(name) for source in stage.copied]
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(copied) == sorted(["pyproject.toml", PYPROJECT["project"]["readme"], *packages])
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert [source for source in copied if not is_sent_to_the_build(source)] == []


def test_nothing_but_the_sources_is_sent_to_the_build() -> None:
    for path in (".git", ".env", "docker/.env", ".venv", "tests", "docs", "farm/__pycache__"):
        assert not is_sent_to_the_build(path), path


@pytest.mark.parametrize("name", BUILT)
def test_dependencies_are_a_layer_of_a_named_base_that_the_source_does_not_touch(name: str) -> None:
    dependencies, wheel, image = stages(name)
    assert dependencies.texts("FROM") == ["python:3.12-slim AS dependencies"]
    assert dependencies.copied == ["pyproject.toml"]
    assert wheel.texts("FROM") == ["dependencies AS wheel"]
    assert image.texts("FROM") == ["python:3.12-slim"]
    assert image.texts("COPY") == ["--from=dependencies /opt/farm /opt/farm"]


@pytest.mark.parametrize(
    ("name", "extras"),
    [("coordinator", []), ("worker-cpu", ["tensorflow"]), ("worker-cuda", ["cuda"])],
)
def test_extras_are_those_of_the_project(name: str, extras: list[str]) -> None:
    dependencies = stages(name)[0]
    arguments = dict(text.split("=") for text in dependencies.texts("ARG"))
    asked = re.findall(r'--extra "?(\S+?)"?(?=\s|$)', " ".join(dependencies.texts("RUN")))
    assert [arguments[one[1:]] if one.startswith("$") else one for one in asked] == extras
    assert {*extras, "cuda-pascal"} <= set(PYPROJECT["project"]["optional-dependencies"])


def test_the_cuda_worker_gets_a_gpu_its_driver_libraries_and_the_extra_that_fits() -> None:
    service = SERVICES["worker-cuda"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert service["profiles"] == ["cuda"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert by_default(device["device_ids"][0]) == "0"
    dependencies, _, image = stages("worker-cuda")
    assert image.environment["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert f"EXTRA={by_default(service['build']['args']['EXTRA'])}" in dependencies.texts("ARG")


@pytest.mark.parametrize("name", BUILT)
def test_an_image_starts_farm_as_a_plain_user_on_folders_of_its_own(name: str) -> None:
    image = stages(name)[-1]
    folders, keywords = image.words("VOLUME"), [one.keyword for one in image]
    assert image.words("ENTRYPOINT") == ["farm"]
    assert image.words("CMD")
    assert image.texts("STOPSIGNAL") == ["SIGTERM"]
    assert image.texts("USER") == ["10001"]
    assert "RUN" not in keywords[keywords.index("USER") :]
    assert image.texts("RUN")[0] == (
        "useradd --uid 10001 --create-home farm && install -d -o farm -g farm " + " ".join(folders)
    )
    variables = image.environment
    assert variables["PYTHONUNBUFFERED"] == "1"
    assert folders == [variables[key] for key in ("FARM_HOME", "FARM_LOCK_DIR") if key in variables]
    assert "farm" in PYPROJECT["project"]["scripts"]


@pytest.mark.parametrize("path", [*DOCKERFILES, COMPOSE_FILE], ids=lambda path: str(path.name))
def test_no_secret_is_baked_in(path: Path) -> None:
    text = path.read_text()
    for name in PASSWORDS:
        text = re.sub(rf"\$\{{{name}:\?[^}}]+\}}", "", text)
    secrets = (
        r"(?i)((password|secret|token|auth|api_?key)[ ]*[=:]|requirepass) *[^\s\]].*|://\w*:\w+@"
    )
    assert re.search(secrets, text.replace("# password: REDISCLI_AUTH", "")) is None
    assert re.search(r"user .* [>#]\S", text) is None


# The services


def test_the_image_that_is_not_built_has_a_version() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert re.fullmatch(r"\['valkey/valkey:\d+(\.\d+)*(-\w+)?'\]", str(images))


def test_every_service_has_a_health_check_or_a_reason() -> None:
    assert {name for name, one in SERVICES.items() if "healthcheck" not in one} == set(UNCHECKED)
    assert [reason for reason in UNCHECKED.values() if reason not in GUIDE] == []


def test_up_starts_redis_and_the_cpu_worker() -> None:
    always = {name for name, service in SERVICES.items() if not service.get("profiles")}
    assert always == {"redis", "worker-cpu"}


@pytest.mark.parametrize("name", BUILT)
def test_a_service_waits_for_its_redis_and_keeps_its_home(name: str) -> None:
    service = SERVICES[name]
    variables = service["environment"]
    assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}
    user = "worker:WORKERS-PASSWORD" if name in WORKERS else "coordinator:PASSWORD"
    assert by_default(variables["FARM_REDIS_URL"]) == f"redis://{user}@redis:6379/0"
    assert f"{name}:{variables['FARM_HOME']}" in service["volumes"]
    assert service["init"] is True


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_starts_as_its_image_does_and_takes_turns_with_the_others(name: str) -> None:
    service, image = SERVICES[name], stages(name)[-1]
    assert by_default(service["command"]).split() == image.words("CMD")
    assert service["environment"]["FARM_LOCK_DIR"] == image.environment["FARM_LOCK_DIR"] == "/locks"
    assert "locks:/locks" in [by_default(mount) for mount in service["volumes"]]
    assert COMPOSE["volumes"]["locks"]["name"] == "farm-locks", "one a host, not one a project"


def test_every_named_volume_is_declared_and_used() -> None:
    mounts = [by_default(mount) for service in SERVICES.values() for mount in service["volumes"]]
    assert {mount.split(":")[0] for mount in mounts} == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", WORKERS)
@pytest.mark.parametrize(
    ("worker", "state", "exit_code"),
    [
        ("xeon@{host}", "idle", 0),
        ("xeon@{host}-2", "running", 0),
        ("xeon@{host}", "lost", 1),
        ("xeon@{host}", "left", 1),
        ("xeon@another", "idle", 1),
    ],
)
def test_a_worker_is_healthy_while_the_farm_sees_it(
    tmp_path: Path, name: str, worker: str, state: str, exit_code: int
) -> None:
    """The health check itself is run, with a `farm` that answers as told."""
    answer = json.dumps([{"name": worker.format(host=socket.gethostname()), "state": state}])
    farm = tmp_path / "farm"
    farm.write_text(f"#!/bin/sh\n[ \"$*\" = 'workers --json' ] && echo '{answer}'\n")
    farm.chmod(0o755)
    kind, python, *arguments = SERVICES[name]["healthcheck"]["test"]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run([sys.executable, *arguments], {**os.environ, "PATH": path})
    assert (kind, python) == ("CMD", "python")
    assert (done.returncode, done.stderr) == (exit_code, "")


# The guide, and compose itself where it is installed


def test_the_guide_names_every_service_and_every_variable() -> None:
    variables = set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text()))
    assert [name for name in sorted({*SERVICES, *variables}) if f"`{name}`" not in GUIDE] == []


def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


if shutil.which("docker") and run(["docker", "compose", "version"], {**os.environ}).returncode == 0:

    @pytest.mark.parametrize("missing", PASSWORDS)
    def test_compose_accepts_the_file_and_refuses_it_without_a_password(missing: str) -> None:
        command = ["docker", "compose", "--env-file", os.devnull, "--file", str(COMPOSE_FILE)]
        command += ["--profile", "cuda", "--profile", "cli", "config", "--quiet"]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("FARM_")}
        accepted = run(command, {**clean, **PASSWORDS})
        refused = run(command, {**clean, **{k: v for k, v in PASSWORDS.items() if k != missing}})
        assert (accepted.returncode, accepted.stderr) == (0, "")
        assert refused.returncode != 0
        assert missing in refused.stderr
