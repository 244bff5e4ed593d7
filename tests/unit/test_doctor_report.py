"""How `farm doctor` prints what it found, and that it ends in time whatever hangs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from farm.cli import doctor
from farm.cli.exit_code import ExitCode
from farm.doctor import examination, report
from farm.doctor.check import Check
from farm.doctor.examination import Part
from jobs.errors import BrokerDownError

WELL = Check.fine("python", "3.12.1")
WRONG = Check.wrong(
    "redis persistence",
    "the append-only file is off: jobs and results since the last snapshot are lost",
    "`redis-cli CONFIG SET appendonly yes`, and `appendonly yes` in its configuration file too",
)


def test_a_line_a_check_and_the_remedy_under_what_is_wrong() -> None:
    assert report.lines([WELL, WRONG], 80) == [
        "ok      python: 3.12.1",
        "NOT OK  redis persistence: the append-only file is off: jobs and results since",
        "        the last snapshot are lost",
        "        → `redis-cli CONFIG SET appendonly yes`, and `appendonly yes` in its",
        "          configuration file too",
        "",
        "2 checks: 1 ok, 1 not ok",
    ]


def test_nothing_is_wrapped_for_a_file() -> None:
    lines = report.lines([WELL, WRONG], None)
    assert len(lines) == 5
    assert lines[1] == f"NOT OK  {WRONG.check}: {WRONG.detail}"
    assert report.lines([WELL], None)[-1] == "1 check: all ok"


def test_what_could_not_be_looked_at_is_neither_ok_nor_wrong(found: list[Check]) -> None:
    # Given a check that nobody could make here
    found.append(Check.skipped("gpu", "there is none here"))
    # Then its line has a mark of its own, and the sum counts it by itself
    assert report.lines(found, 80) == [
        "ok      python: 3.12.1",
        "-       gpu: not checked: there is none here",
        "",
        "2 checks: 1 ok, 1 not checked",
    ]
    assert report.lines([*found, WRONG], None)[-1] == ("3 checks: 1 ok, 1 not ok, 1 not checked")
    # And it is no fault, and has no key of its own
    result = invoke("--json")
    assert result.return_value == ExitCode.DONE
    assert json.loads(result.output)[1] == {
        "check": "gpu",
        "ok": True,
        "detail": "not checked: there is none here",
        "remedy": "",
    }


def test_a_command_is_not_broken() -> None:
    remedy = "first wait for whoever measures there, then " + "`farm resume night-20260101-2359`"
    lines = report.lines([Check.wrong("lost jobs", "x", remedy)], 60)
    assert "          `farm resume night-20260101-2359`" in lines


def test_what_steers_a_terminal_is_made_visible() -> None:
    text = "\n".join(report.lines([Check.fine("workers", "p100@\x1b[31mevil\x07\nok  all")], 80))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "evil\\x07 ok all" in text


def test_what_hangs_is_given_up_and_what_was_found_before_is_kept() -> None:
    release = threading.Event()

    def hangs() -> Iterator[Check]:
        yield WELL
        release.wait(60)
        yield WRONG

    def fails() -> Iterator[Check]:
        yield WELL
        raise BrokerDownError("it is gone; start it")

    hanging, failing = Part("redis", hangs), Part("gpu", fails)
    began = time.monotonic()
    for part in (hanging, failing):
        part.start()
    found = hanging.checks(began + 0.3)
    assert time.monotonic() - began < 20
    assert found[0] == WELL
    assert found[1].check == "redis"
    assert not found[1].ok
    assert "no answer in time" in found[1].detail
    assert failing.checks(began + 20) == [WELL, Check.wrong("gpu", "it is gone", "start it")]
    release.set()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    checks: list[Check] = [WELL]
    monkeypatch.setattr(examination, "examine", lambda *_: checks)
    return checks


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(
        doctor.command, arguments, catch_exceptions=False, standalone_mode=False
    )


def test_json_has_four_keys_and_the_exit_code_says_whether_all_is_well(found: list[Check]) -> None:
    result = invoke("--json")
    assert result.return_value == ExitCode.DONE
    assert json.loads(result.output) == [
        {"check": "python", "ok": True, "detail": "3.12.1", "remedy": ""}
    ]
    found.append(WRONG)
    result = invoke("--json")
    assert result.return_value == ExitCode.FAILED
    assert [each["ok"] for each in json.loads(result.output)] == [True, False]
    result = invoke()
    assert result.return_value == ExitCode.FAILED
    assert result.output.endswith("2 checks: 1 ok, 1 not ok\n")


def test_json_is_of_the_checks_only() -> None:
    result = CliRunner().invoke(doctor.command, ["--json", "--sensors"])
    assert result.exit_code == 2
