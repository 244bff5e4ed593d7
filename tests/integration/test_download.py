"""Missing data files: the download, and what is said when there is no network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jobs.datasets import fashion_mnist as data
from jobs.datasets import fashion_mnist_files
from jobs.errors import DataMissingError


def test_missing_files_without_a_network_name_file_folder_and_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setattr(fashion_mnist_files, "ORIGIN", "http://127.0.0.1:1/")
    with pytest.raises(DataMissingError) as caught:
        data.fashion_mnist("real", train=100, validation=20, test=30, seed=1)
    said = str(caught.value)
    assert "t10k-labels-idx1-ubyte.gz is not in" in said
    assert str(folder) in said
    assert "data: synthetic" in said
    assert "Copy the four files" in said
    assert sorted(path.name for path in folder.iterdir()) == [
        "t10k-images-idx3-ubyte.gz",
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]


NAME = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move one of the files to where downloads come from (a folder); return where it lies now."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / NAME).rename(elsewhere / NAME)
    monkeypatch.setattr(fashion_mnist_files, "ORIGIN", f"file://{elsewhere}/")
    return elsewhere / NAME


def test_a_download_that_is_not_the_published_file_is_refused(folder: Path, server: Path) -> None:
    with pytest.raises(DataMissingError, match=NAME):
        data.fashion_mnist("real", train=100, validation=20, test=30, seed=1)
    # Nothing of it is where the real file belongs.
    assert not (folder / NAME).exists()


def test_a_download_with_the_published_checksum_is_kept(
    folder: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum = hashlib.sha256(server.read_bytes()).hexdigest()
    monkeypatch.setitem(fashion_mnist_files.CHECKSUMS, NAME, checksum)
    dataset = data.fashion_mnist("real", train=100, validation=20, test=30, seed=1)
    assert len(dataset.test) == 30
    assert (folder / NAME).exists()
