"""Missing data files: the download, and what is said when there is no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import data, fashion_mnist_files
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


def test_a_download_with_a_wrong_checksum_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a server (here a folder) whose file is not the published one
    name = "t10k-labels-idx1-ubyte.gz"
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / name).rename(elsewhere / name)
    monkeypatch.setattr(fashion_mnist_files, "ORIGIN", f"file://{elsewhere}/")
    # When it is fetched
    with pytest.raises(DataMissingError, match=name):
        data.fashion_mnist("real", train=100, validation=20, test=30, seed=1)
    # Then nothing of it is where the real file belongs
    assert not (folder / name).exists()


def test_a_download_with_the_right_checksum_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    name = "t10k-labels-idx1-ubyte.gz"
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / name).rename(elsewhere / name)
    checksum = hashlib.sha256((elsewhere / name).read_bytes()).hexdigest()
    monkeypatch.setitem(fashion_mnist_files.CHECKSUMS, name, checksum)
    monkeypatch.setattr(fashion_mnist_files, "ORIGIN", f"file://{elsewhere}/")
    dataset = data.fashion_mnist("real", train=100, validation=20, test=30, seed=1)
    assert len(dataset.test) == 30
    assert (folder / name).exists()
