"""Suite: files made to take a reader's time and memory take neither."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from farm.suite.file import MAX_BYTES
from farm.suite.suite import MOST_MISTAKES
from farm.suite.yaml import MAX_NODES

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory used")

# The limits are a second and 200 MB; the first is given slack for a busy machine.
SECONDS, MEGABYTES = 4.0, 200

CHILD = """
import json, sys, time
from farm.suite.suite import load
from jobs.errors import SuiteError
for path in sys.argv[1:]:
    started = time.process_time()
    try:
        load(path)
        problems = []
    except SuiteError as error:
        problems = [text[-300:] for text in error.problems]
    took = time.process_time() - started
    said = open("/proc/self/status").read()
    peak = int(said.partition("VmHWM:")[2].split()[0]) / 1024  # of its own, without its parent
    print(json.dumps([path, took, peak, problems[:3], len(problems), problems[-1:]]))
"""
JOB = "jobs:\n- workload: mlp\n  batch_size: 1\n  "
NODES = MAX_NODES - 100
MANY = range(NODES)


def listed(item: str, count: int = NODES) -> str:
    return "[" + ",".join([item] * count) + "]"


def doubled(item: str) -> str:
    levels = [f"a{n}: &a{n} {item.format(f'*a{n - 1}')}" for n in range(1, 5_000)]
    return "\n".join(["a0: &a0 {x: 1}", *levels])


BOMBS = {
    "nested lists": "[" * (MAX_BYTES - 9),
    "nested mappings": "{a: " * (MAX_BYTES // 4 - 9),
    "nested items": "- " * (MAX_BYTES // 2 - 9),
    "nested keys": "? " * (MAX_BYTES // 2 - 9),
    "many aliases": f"a: &a [x]\nb: {listed('*a', 60_000)}",
    "laughs": "\n".join(
        ["a0: &a0 [lol]", *(f"a{n}: &a{n} {listed(f'*a{n - 1}', 9)}" for n in range(1, 12))]
    ),
    "doubled merges": doubled("{{<<: [{0}, {0}]}}"),
    "many documents": "---\n" * (MAX_BYTES // 4 - 9),
    "quotes": "'" * (MAX_BYTES - 9),
    "escapes": '"' + "\\U0001f600" * (MAX_BYTES // 10 - 9) + '"',
    "a folded text": "a: >\n" + "  x\n\n" * (MAX_BYTES // 5 - 9),
    "comments": "#\n" * (MAX_BYTES // 2 - 9),
    "blanks": " " * (MAX_BYTES - 9),
    "a huge number": f"{JOB}epochs: {'9' * 200_000}",
    "a huge exponent": f"{JOB}epochs: 1e{'9' * 200_000}",
    "a long name": f"{JOB}\nname: {'a' * 200_000}",
    "a long tag": f'{JOB}\nhardware: "{"a" * 200_000}"',
    "a long selector": f'{JOB}\nhardware: "{"a & " * 50_000}"',
    "a long duration": f'{JOB}timeout: "{" " * 200_000}x"',
    "a long workload": f"jobs:\n- workload: {'m' * 200_000}\n  batch_size: 1",
    "a long key": f"{JOB}'{'x' * 900}': 1",
    "a long description": f'{JOB}\ndescription: "{"a" * 200_000}"',
    "many wrong values": f"{JOB}epochs: {listed('x')}",
    "many wrong parameters": f"{JOB}train_samples: {listed('x')}",
    "many wrong names": f"jobs:\n- workload: {listed('mpl')}\n  batch_size: 1",
    "many duplicates": "a: 1\n" * (NODES // 2),
    "many wrong jobs": "jobs:\n" + "- {}\n" * NODES,
    "many exclusions": f"{JOB}exclude: {listed('{epochs: 1}', NODES // 3)}",
    "a wide sweep": f"{JOB}epochs: {[*MANY[1:150]]}\n  train_samples: {[*MANY[1:150]]}",
    "many jobs": f"{JOB}epochs: {[*MANY[1 : NODES // 2]]}\n  repeats: 1000",
}


@linux
def test_nothing_takes_long_or_much(tmp_path: Path) -> None:
    # Given files that would take an unguarded reader minutes and gigabytes
    paths = []
    for name, text in BOMBS.items():
        paths.append(tmp_path / f"{name.replace(' ', '-')}.yaml")
        paths[-1].write_text(text)
    # When one process reads them all
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, check=False
    )
    # Then each is refused in little time, little memory, and few words
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(BOMBS)
    for path, took, peak, problems, count, last in found:
        assert problems, path
        assert took < SECONDS, path
        assert peak < MEGABYTES, path
        assert count <= MOST_MISTAKES + 1, path
        assert all(text.isprintable() for text in (*problems, *last)), path
        if count > MOST_MISTAKES:
            assert last[0].endswith(": there are more mistakes than these")


@linux
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given things that can be named like a file, and would never end or never begin
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    kinds = ("zero", "stdin", "pipe", "folder", "socket", "loop", "tty")
    zero, stdin, pipe, folder, bound, loop, tty = (tmp_path / f"{kind}.yaml" for kind in kinds)
    zero.symlink_to("/dev/zero")
    stdin.symlink_to("/dev/stdin")
    tty.symlink_to("/dev/tty")
    os.mkfifo(pipe)
    folder.mkdir()
    loop.symlink_to(loop)
    with socket.socket(socket.AF_UNIX) as named:
        named.bind(bound.name)
    paths = (zero, stdin, pipe, folder, bound, loop, tty)
    # When a process reads them, whose standard input nobody ends
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            found = [json.loads(child.stdout.readline()) for _ in paths]
        finally:
            child.kill()
    # Then each is one plain line
    accepted = ("is no regular file", "is a folder", "cannot be read", "there is no file")
    for path, took, peak, problems, count, _ in found:
        assert count == 1, path
        assert took < SECONDS, path
        assert peak < MEGABYTES, path
        assert any(text in problems[0] for text in accepted), problems
