"""The generated footage: the same everywhere, whole in its file, and without a seam."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from jobs.errors import JobError
from jobs.video import footage
from jobs.video.footage import FRAME_BYTES, HEIGHT, PERIOD, WIDTH, Content

CONTENTS: tuple[Content, ...] = ("screen", "camera")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FARM_HOME", str(tmp_path))
    return tmp_path / "cache"


@pytest.mark.parametrize("content", CONTENTS)
def test_the_footage_is_the_published_one_and_has_no_seam(content: Content) -> None:
    digest, size, changes = hashlib.sha256(), 0, []
    first = before = None
    for planes in footage.frames(content):
        assert [plane.shape for plane in planes] == [(HEIGHT, WIDTH), *[(540, 960)] * 2]
        assert {plane.dtype for plane in planes} == {np.dtype(np.uint8)}
        for plane in planes:
            digest.update(plane.tobytes())
            size += plane.nbytes
        small = planes[0][::7, ::7].astype(np.int16)
        if before is None:
            first = small
        else:
            changes.append(np.abs(small - before).mean())
        before = small
    assert digest.hexdigest() == footage.SHA256[content]
    assert size == PERIOD * FRAME_BYTES
    assert first is not None
    assert before is not None
    assert 0 < np.abs(first - before).mean() <= max(changes)  # from the last to the first
    assert min(changes) > 0  # something moves in every frame


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Make a period two frames of the screen; return their bytes."""
    planes = list(islice(footage._screen(), 2))
    whole = b"".join(plane.tobytes() for frame in planes for plane in frame)
    monkeypatch.setattr(footage, "frames", lambda content: iter(planes))
    monkeypatch.setitem(footage.SHA256, "screen", hashlib.sha256(whole).hexdigest())
    return whole


def test_it_is_made_once_and_made_again_when_it_is_damaged(
    home: Path, short: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = footage.cached("screen")
    assert path.parent == home
    assert path.read_bytes() == short
    made = path.stat().st_mtime_ns
    assert footage.cached("screen") == path
    assert path.stat().st_mtime_ns == made
    path.write_bytes(short[:-1])
    assert footage.cached("screen").read_bytes() == short


def test_footage_that_is_not_that_of_other_machines_is_refused(
    home: Path, short: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(footage.SHA256, "screen", "0" * 64)
    with pytest.raises(JobError, match="is not that of other machines: its SHA-256 is"):
        footage.cached("screen")
    assert list(home.rglob("*.yuv")) == []
