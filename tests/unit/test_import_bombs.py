"""Import: files made to take a reader's time, memory or patience take none of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from farm.exchange.source import MAX_LINE_BYTES, MAX_TABLE_BYTES
from farm.measurements.mistakes import MOST, SHOWN

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory used")
SECONDS, MEGABYTES = 8.0, 400

CHILD = """
import json, sys, time
from farm.exchange.importer import import_files
from farm.store.store import Store
from jobs.errors import ImportFileError
with Store() as store:
    for path in sys.argv[1:]:
        started = time.process_time()
        try:
            import_files(store, [path])
            problems = []
        except ImportFileError as error:
            problems = [text[:500] for text in error.problems]
        took = time.process_time() - started
        said = open("/proc/self/status").read()
        peak = int(said.partition("VmHWM:")[2].split()[0]) / 1024  # of its own, without its parent
        print(json.dumps([path, took, peak, problems]), flush=True)
    assert not store.runs()
"""
HEADER = '{"format":"farm-results","version":1,"benchfarm":"0"}\n'
RUN = HEADER + '{"run":{"id":"r","suite":"s","description":"","created_at":1,"selector":"all",'
TABLE = "hardware,workload,seconds\n"
MANY = 2_000_000


def tables() -> dict[str, str]:
    """Return tables, each with what is said of it."""
    wide = ",".join(f"facts.a{n}" for n in range(3_000))
    return {
        "received 3,003 columns; accepted: at most 1,000": f"{TABLE[:-1]},{wide}\na,b,1\n",
        "received 70 columns parameters.NAME": (
            TABLE[:-1] + "".join(f",parameters.a{n}" for n in range(70)) + "\na,b,1\n"
        ),
        "has a long name; accepted: up to 100 characters": f"{TABLE[:-1]},facts.{'x' * 999}\n",
        "unknown column 'x0'": ",".join(f"x{n}" for n in range(999)) + "\n",
        "unknown column 'xxx": f"{TABLE[:-1]},{'x' * 100_000}\n",
        "is not CSV: field larger than field limit": TABLE + "a" * 200_000,
        "samples: received '1e300' (more than 1e+18)": "samples," + TABLE + "1e300,a,b,1\n",
        "energy_joules: received '1e300' (more than 1e+30)": (
            "energy_kind,energy_joules," + TABLE + "counter,1e300,a,b,1\n"
        ),
        "workload_version: received '1e17'": "workload_version," + TABLE + "1e17,a,b,1\n",
        "parameters.x: received 'yyyy": f"parameters.x,{TABLE}{'y' * 1001},a,b,1\n",
        "comes to 2,000,000 repeats of all cells": (
            "parameters.x,repeat," + TABLE + "".join(f"{n},1000,a,b,1\n" for n in range(2_000))
        ),
        f"and at least {MOST + 1 - SHOWN:,} more; nothing was imported": TABLE + "a,b,\n" * 50_000,
        "is larger than 128 MiB": TABLE + "\n" * MAX_TABLE_BYTES,
        "rows of one process; accepted": TABLE + "a,b,1\n" * 520_000,
    }


def lines() -> dict[str, str]:
    """Return files of lines of JSON, each with what is said of it."""
    return {
        "its first line does not say so": "[" * 1_000_000,
        ":1: no farm export": "9" * 5_000,
        "format: received 'xxxx": '{"format":"' + "x" * 9_000 + '"}',
        "version: received 99999": '{"format":"farm-results","version":' + "9" * 4_000 + "}",
        "is not JSON: recursion limit exceeded": f"{HEADER}{'[' * 1_000_000}",
        "is not JSON: number out of range": f'{HEADER}{{"end":{{"runs":{"9" * 9_000}}}}}',
        "an object of more than 1,000 keys": (
            RUN + ",".join(f'"a{n}":0' for n in range(MANY)) + "}}"
        ),
        "run.cells[0]: received 1": RUN + '"seed":1,"cells":[' + "1," * MANY + "1]}}",
        "more than 1,500,000 values": f'{HEADER}{{"result":{{"noise":[{"1," * MANY}1]}}}}',
        "or 50,000 keys": (
            HEADER + '{"result":{' + ",".join(f'"a{n}":0' for n in range(60_000)) + "}}"
        ),
        "is longer than 64 MiB": HEADER + " " * MAX_LINE_BYTES + "{}",
        "and at least ": HEADER + "{}\n" * 50_000,
    }


@linux
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_nothing_takes_long_or_much_and_nothing_is_kept(
    tmp_path: Path, farm_home: Path, suffix: str
) -> None:
    # Given files that are refused for one thing each
    expected = tables() if suffix == "csv" else lines()
    paths = []
    for number, text in enumerate(expected.values()):
        paths.append(tmp_path / f"{number}.{suffix}")
        paths[-1].write_text(text)
    # When one process imports them all
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, check=False
    )
    # Then each is refused with that word, soon, and the store is as it was
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for (path, took, peak, problems), said in zip(found, expected, strict=True):
        assert any(said in problem for problem in problems), (said, problems)
        assert len(problems) <= SHOWN + 1
        assert all(problem.isprintable() for problem in problems)
        assert took < SECONDS, (path, took)
        assert peak < MEGABYTES, (path, peak)


@linux
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, farm_home: Path) -> None:
    # Given what would never end, or never begin
    kinds = ("zero", "pipe", "folder", "loop", "missing", "tty")
    zero, pipe, folder, loop, missing, tty = (tmp_path / f"{kind}.csv" for kind in kinds)
    zero.symlink_to("/dev/zero")
    tty.symlink_to("/dev/tty")
    os.mkfifo(pipe)
    folder.mkdir()
    loop.symlink_to(loop)
    paths = [*map(str, (zero, pipe, folder, loop, missing, tty)), "/dev/zero", "a\0b"]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *paths[:-1]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    for line in done.stdout.splitlines():
        path, _, peak, problems = json.loads(line)
        kinds_said = ("is no regular file", "is a folder", "cannot be read")
        assert any(said in problems[0] for said in kinds_said), (path, problems)
        assert peak < MEGABYTES


@linux
def test_an_endless_pipe_is_refused_and_one_that_ends_is_read(
    tmp_path: Path, farm_home: Path
) -> None:
    command = [sys.executable, "-m", "farm", "import", "-"]
    with Path("/dev/zero").open("rb") as zero:
        done = subprocess.run(command, stdin=zero, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("-: is not text: it holds the byte 0x00\n")
    table = f"{TABLE}a,b,1\n"
    done = subprocess.run(command, input=table, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 new result" in done.stdout
