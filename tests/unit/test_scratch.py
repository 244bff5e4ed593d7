"""A job's own folder: gone at its end, and gone even when the job was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import scratch
from jobs.errors import JobError

HOLDS = """
import sys, pathlib
from jobs import scratch
with scratch.folder(pathlib.Path(sys.argv[1])) as made:
    (made / "big").write_text("x")
    print(made, flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_removed_at_its_end_and_after_an_error(tmp_path: Path) -> None:
    with scratch.folder(tmp_path / "new") as made:
        (made / "file").touch()
    assert not made.exists()
    with pytest.raises(ZeroDivisionError), scratch.folder(tmp_path) as made:
        raise ZeroDivisionError
    assert not made.exists()


def test_what_a_killed_process_left_is_removed_and_nothing_that_is_in_use(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        try:
            with scratch.folder(tmp_path) as other:
                assert left.exists()
                with scratch.folder(tmp_path) as another:
                    assert other.exists()
                    assert another != other
        finally:
            holder.kill()
    assert (left / "big").exists()
    with scratch.folder(tmp_path):
        assert not left.exists()


def test_the_cache_is_in_the_farms_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_HOME", str(tmp_path / "farm"))
    assert scratch.cache() == tmp_path / "farm" / "cache"
    assert scratch.cache().is_dir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("FARM_HOME", str(tmp_path / "file"))
    with pytest.raises(JobError, match="cannot be made"):
        scratch.cache()
    monkeypatch.delenv("FARM_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert tmp_path in scratch.cache().parents


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    scratch.require_space(tmp_path, 1, "a byte")
    free = os.statvfs(tmp_path)
    too_much = free.f_blocks * free.f_frsize + 1
    with pytest.raises(JobError, match=r"the export takes up to .* GB, and the disk of"):
        scratch.require_space(tmp_path, too_much, "the export")
