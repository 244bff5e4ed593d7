"""The pictures of triangles: the published ones byte for byte, and their cache."""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
from pathlib import Path

import numpy as np
import pytest

from jobs.dataset import in_memory
from jobs.datasets import triangles as subject
from jobs.errors import UnsupportedError

pytest.importorskip("cv2")

# Of 3 pictures and their masks, as the definition draws them: a change here changes what every
# machine trains on.
GREYS = [138, 154, 181]
AREAS = [44871, 22753, 2340]  # pixels of the masks
SHA256 = "0859d42fa28e0bbea16159888bdd91d4f3b9138c9eda9237e76255e5f1e1a08b"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FARM_HOME", str(tmp_path))
    return tmp_path / "cache"


def file_of(cache: Path, count: int) -> Path:
    return cache / f"triangles-{count}.bin"


def must_not_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(count: int) -> subject.Triangles:
        raise AssertionError(f"{count} pictures are drawn again")

    monkeypatch.setattr(subject, "draw", draw)


def test_a_few_pictures_are_those_of_the_definition() -> None:
    drawn = subject.draw(3)
    assert drawn.greys.tolist() == GREYS
    assert drawn.masks().sum(axis=(1, 2, 3)).tolist() == AREAS
    assert hashlib.sha256(drawn.content).hexdigest() == SHA256


def test_all_six_hundred_are_those_that_were_published() -> None:
    drawn = subject.draw(subject.PUBLISHED)
    assert hashlib.sha256(drawn.content).hexdigest() == subject.PUBLISHED_SHA256


def test_a_picture_is_its_mask_in_one_grey() -> None:
    drawn = subject.draw(3)
    images, masks = drawn.images(), drawn.masks()
    assert images.shape == masks.shape == (3, 512, 512, 1)
    assert images.dtype == masks.dtype == np.uint8
    for image, mask, grey in zip(images, masks, drawn.greys, strict=True):
        assert set(np.unique(image)) == {0, grey}
        assert 128 <= grey <= 255
        assert np.array_equal(image > subject.THRESHOLD, mask == 1)
        rows, columns, _ = np.nonzero(mask)
        assert min(rows.min(), columns.min()) >= 20
        assert max(rows.max(), columns.max()) < 492


def test_the_last_pictures_validate_and_test() -> None:
    dataset = subject.triangles(train=3, validation=2)
    drawn = subject.draw(5)
    assert np.array_equal(in_memory(dataset.train).inputs, drawn.images()[:3])
    assert np.array_equal(in_memory(dataset.test).inputs, drawn.images()[3:])
    assert np.array_equal(in_memory(dataset.validation).targets, drawn.masks()[3:])


@pytest.mark.parametrize(("expected", "verified"), [("ours", True), ("others", False)])
def test_only_as_many_as_were_published_can_be_verified(
    monkeypatch: pytest.MonkeyPatch, expected: str, verified: bool
) -> None:
    few = subject.draw(5)
    digest = hashlib.sha256(few.content).hexdigest() if expected == "ours" else "0" * 64
    monkeypatch.setattr(subject, "PUBLISHED", 5)
    monkeypatch.setattr(subject, "PUBLISHED_SHA256", digest)
    assert subject.triangles(train=3, validation=2).verified is verified
    assert subject.triangles(train=3, validation=1).verified is None


def test_what_was_drawn_once_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = subject.cached(4)
    assert [path.name for path in cache.iterdir()] == ["triangles-4.bin"]
    must_not_draw(monkeypatch)
    assert subject.cached(4).content == first.content


@pytest.mark.parametrize("damage", ["a bit", "cut short", "empty", "of another count"])
def test_a_damaged_file_is_drawn_again_and_replaced(cache: Path, damage: str) -> None:
    whole = subject.cached(4).content
    path = file_of(cache, 4)
    raw = bytearray(path.read_bytes())
    if damage == "a bit":
        raw[-1000] ^= 1
    elif damage == "of another count":
        subject.cached(3)
        raw = bytearray(file_of(cache, 3).read_bytes())
    else:
        del raw[-1000 if damage == "cut short" else 0 :]
    path.write_bytes(raw)
    assert subject.cached(4).content == whole
    assert path.read_bytes()[32:] == whole


def test_without_a_folder_to_write_to_they_are_drawn_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FARM_HOME", str(tmp_path / "file"))
    assert subject.cached(2).content == subject.draw(2).content


def test_a_file_that_cannot_be_written_or_read_is_no_fault(cache: Path) -> None:
    file_of(cache, 2).mkdir(parents=True)  # nothing replaces a folder, whoever runs the test
    assert subject.cached(2).content == subject.draw(2).content
    assert [path.name for path in cache.iterdir()] == ["triangles-2.bin"]  # nothing is left over


def test_processes_at_once_all_have_the_same_pictures(cache: Path) -> None:
    cache.mkdir()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        contents = pool.map(_content, [6] * 6, chunksize=1)
    assert set(contents) == {subject.draw(6).content}
    assert file_of(cache, 6).read_bytes()[32:] == contents[0]
    assert len(list(cache.iterdir())) == 1


def _content(count: int) -> bytes:
    return subject.cached(count).content


def test_without_opencv_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    subject.cached(2)
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert len(subject.cached(2).greys) == 2  # nothing has to be drawn
    with pytest.raises(UnsupportedError, match=r'OpenCV.*pip install "benchfarm\[workloads\]"'):
        subject.triangles(train=2, validation=1)
