"""Suite: every mistake of a file, at once, with its place; never a traceback."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.suite.file import MAX_BYTES
from farm.suite.suite import MAX_COMBINATIONS, MAX_JOBS, Suite, load
from farm.suite.yaml import MAX_NODES
from jobs.errors import SuiteError
from tests.unit.suite_samples import problems_of, suite_of

WHOLE = "a whole number from 1 to 16777216, or max"


def job(text: str) -> str:
    """Return a suite with one job, right but for this."""
    return f"jobs:\n  - workload: mlp\n    batch_size: 1\n    {text}\n"


def test_all_mistakes_are_reported_at_once_by_line(tmp_path: Path) -> None:
    # Given a file with mistakes of every kind: YAML's, the models', the workloads', the sweep's
    text = """\
hardware: [gpu, 3]
defaults:
  repeat: 5
jobs:
  - workload: mlp
    batch_sizes: [32]
  - workload: [cnn, mpl]
    batch_size: [32, 64, -32, "32"]
    batch_size: 16
  - {workload: mlp, batch_size: 8, exclude: [{batch_size: 9}]}
seeds: 3
"""
    # When it is loaded
    problems = problems_of(tmp_path, text, "suite.yaml")
    # Then each is there with its line, its key, what was received and what is accepted
    starts = [
        "suite.yaml:1: hardware[1]: received 3; accepted: 'all', a name, a tag, or tags joined",
        "suite.yaml:3: defaults.repeat: unknown key (did you mean 'repeats'?); accepted: batch_siz",
        "suite.yaml:5: jobs[0]: needs the key 'batch_size', here or in defaults; accepted: a whole",
        "suite.yaml:6: jobs[0].batch_sizes: unknown key (did you mean 'batch_size'?); accepted: ba",
        "suite.yaml:7: jobs[1].workload[1]: received text 'mpl' (did you mean 'mlp'?); accepted: a",
        f"suite.yaml:8: jobs[1].batch_size[2]: received -32; accepted: {WHOLE}",
        f"suite.yaml:8: jobs[1].batch_size[3]: received text '32'; accepted: {WHOLE}",
        "suite.yaml:9: jobs[1].batch_size: duplicate key, first on line 8",
        "suite.yaml:11: seeds: unknown key (did you mean 'seed'?); accepted: name, description, ha",
    ]
    assert [
        problem[: len(start)] for problem, start in zip(problems, starts, strict=True)
    ] == starts


def test_a_job_without_mistakes_is_expanded_beside_one_with(tmp_path: Path) -> None:
    text = "jobs:\n- {workload: mlp, batch_size: 8, exclude: [{batch_size: 9}]}\n- {batch_size: 3}"
    first, second = problems_of(tmp_path, text)
    assert first == "test.yaml:2: jobs[0].exclude[0]: matches no combination of this job"
    assert second.startswith("test.yaml:3: jobs[1]: needs the key 'workload'; accepted: a name")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epochs: true", "epochs: received true; accepted: a whole number from 1 to 100000, or a"),
        ("epochs: 1.0", "epochs: received 1.0; accepted: a whole number"),
        ("epochs: 1e3", "epochs: received 1000.0; accepted: a whole number"),
        ("epochs:", "epochs: received nothing; accepted: a whole number"),
        ("epochs: {a: 1}", "epochs: received a mapping; accepted: a whole number"),
        ("epochs: []", "epochs: received an empty list; accepted: a whole number"),
        ("epochs: [[1]]", "epochs[0]: received a list; accepted: a whole number"),
        ("epochs: 100001", "epochs: received 100001; accepted: a whole number from 1 to 100000"),
        ("epochs: 1e999", "epochs: received '1e999'; accepted: a finite number"),
        ("epochs: !!int x", "epochs: 'x' does not go with the tag '!!int'"),
        ("epochs: !python/none 3", "epochs: the tag '!python/none' is not accepted"),
        ('epochs: "\\ud800"', "epochs: received '\\ud800', which is not Unicode text"),
        ("repeats: [3, 5]", "repeats: received a list; accepted: a whole number from 1 to 1000"),
        (
            "timeout: 8d",
            "timeout: received text '8d'; accepted: a number above 0 up to 604800, "
            "or as many seconds written like '90s', '15m' or '2h'",
        ),
        ("timeout: 200h", "timeout: received text '200h'; accepted: a number above 0 up to 604800"),
        ("timeout: true", "timeout: received true; accepted: a number above 0 up to 604800, or as"),
        ("timeout: 0", "timeout: received 0; accepted: a number above 0 up to 604800, or as man"),
        ("backend: keras", "backend: received text 'keras'; accepted: tensorflow, torch, jax, sk"),
        ("data: reel", "data: received text 'reel' (did you mean 'real'?); accepted: real, synth"),
        ("train_samples: [1, 0]", "train_samples[1]: received 0; accepted: a whole number from 1"),
        ("train_samples: yes", "train_samples: received text 'yes'; accepted: a whole number from"),
        ("train_samples: true", "train_samples: received true; accepted: a whole number from 1 to"),
        ("train_samples: []", "train_samples: received an empty list; accepted: a whole number fr"),
        ("? [1]\n    : 2", ": received the key a list; accepted: keys of Unicode text"),
        ("3: 4", ": received the key 3; accepted: keys of Unicode text"),
        ('"a b\\n": 4', ".'a b\\n': unknown key; accepted: batch_size, epochs"),
        ("<<: 4", ": received 4 after '<<'; accepted: a mapping"),
        ("include: []", "include: received an empty list; accepted: a list, each item a mapping"),
        ("include: [{}]", "include[0]: received an empty mapping; accepted: at least one key"),
        ("include: [{epoch: 1}]", "include[0].epoch: unknown key (did you mean 'epochs'?)"),
        ("include: [{include: 1}]", "include[0].include: unknown key; accepted: batch"),
        ("exclude: [3]", "exclude[0]: received 3; accepted: a mapping"),
        ("exclude: [{test_samples: x}]", "exclude[0].test_samples: received text 'x'; accepted: a"),
        ("exclude: [{protocol: steady}]", "exclude: leaves nothing of this job"),
        ("epochs: 3\n    protocol: steady", "epochs: means nothing under the protocol steady; acc"),
        (
            "data_pipeline: staged\n    protocol: train",
            "data_pipeline: received text 'staged', which the protocol train does not support",
        ),
        ("lap_precision: 2", "lap_precision: received 2; accepted: a number above 0 below 1"),
        ("warmup: -1", "warmup: received -1; accepted: a number from 0 to 604800, or as many sec"),
        ("cooldown: 2h", "cooldown: received text '2h'; accepted: a number from 0 to 3600"),
        ("exclude: [{epochs: 11}]", "exclude[0]: matches no combination of this job"),
    ],
)
def test_one_mistake_is_one_plain_line(tmp_path: Path, text: str, problem: str) -> None:
    (line,) = problems_of(tmp_path, job(text))
    dot = "" if problem[0] in ".:" else "."
    assert line.startswith(f"test.yaml:4: jobs[0]{dot}{problem}"), line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "test.yaml:1: the file is empty; accepted: a mapping with the key 'jobs'"),
        ("# jobs\n", "test.yaml:1: the file is empty"),
        ("3", "test.yaml:1: received 3; accepted: a mapping"),
        ("[]", "test.yaml:1: received an empty list; accepted: a mapping"),
        ("name: x", "test.yaml:1: needs the key 'jobs'; accepted: a list, each item a mapping"),
        ("\njobs: []", "test.yaml:2: jobs: received an empty list; accepted: a list, each item"),
        ("jobs: {}", "test.yaml:1: jobs: received a mapping; accepted: a list, each item a mapp"),
        ("jobs: [1]", "test.yaml:1: jobs[0]: received 1; accepted: a mapping"),
        ("jobs: 1\n- 2", "test.yaml:2: not valid YAML: "),
        ("jobs: [", "test.yaml:1: not valid YAML: while parsing a flow node"),
        ("jobs: *a", "test.yaml:1: not valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 2", "test.yaml:2: not valid YAML: expected a single document"),
        ('\n"\\UFFFFFFFF"', "test.yaml:2: not valid YAML: "),
        ("\n%YAML 999.9\n---", "test.yaml:2: not valid YAML: found incompatible YAML document"),
        ("jobs:\n- \x07", "test.yaml:2: not text: it has the character '\\x07'"),
        ("jobs: &a [*a]", "test.yaml:1: an alias refers to what contains it"),
        ("&a\njobs: 1\n<<: *a", "test.yaml:1: an alias refers to what contains it"),
        ("[" * 100_000, "test.yaml:1: nested too deeply; accepted: up to 20 levels"),
        ("- " * 100_000, "test.yaml:1: nested too deeply; accepted: up to 20 levels"),
    ],
)
def test_what_is_no_suite_at_all_is_one_plain_line(tmp_path: Path, text: str, problem: str) -> None:
    (line,) = problems_of(tmp_path, text)
    assert line.startswith(problem), line
    assert "\n" not in line


@pytest.mark.parametrize("item", ["[{}]", "{{<<: [{}]}}"])
def test_aliases_do_not_explode(tmp_path: Path, item: str) -> None:
    lines = ["a0: &a0 {}"]
    for level in range(1, 10):
        aliases = ",".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} {item.format(aliases)}")
    (line,) = problems_of(tmp_path, "\n".join(lines))
    assert f"too many values, aliases expanded; accepted: up to {MAX_NODES}" in line


def test_sweeps_do_not_explode(tmp_path: Path) -> None:
    many = list(range(1, 1001))
    text = job(f"epochs: {many}\n    train_samples: {many}\n    test_samples: {many}")
    assert problems_of(tmp_path, text) == [
        f"test.yaml:2: jobs[0]: the suite comes to {10**9} combinations; "
        f"accepted: up to {MAX_COMBINATIONS}"
    ]
    text = job(f"epochs: {many[:101]}\n    repeats: 1000")
    assert problems_of(tmp_path, text) == [
        "test.yaml:1: jobs: the suite comes to 101000 jobs per hardware; "
        f"accepted: up to {MAX_JOBS}"
    ]


def test_a_file_name_that_is_no_suite_name_needs_the_key(tmp_path: Path) -> None:
    text = job("")
    (line,) = problems_of(tmp_path, text, "my suite.yaml")
    assert line.startswith("my suite.yaml:1: name: the file's name gives text 'my suite'; accept")
    assert line.endswith("; add the key 'name'")
    assert suite_of(tmp_path, f"name: mine\n{text}", "my suite.yaml").name == "mine"


def test_what_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given things that are no readable text files
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"jobs:\n\xff\xfe\x00")
    (tmp_path / "large.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, expected in {
        "folder.yaml": "folder.yaml: is a folder; accepted: a suite file",
        "binary.yaml": "binary.yaml:2: not text: byte 0xff is not UTF-8",
        "large.yaml": f"large.yaml: is larger than {MAX_BYTES} bytes, the most a suite may have",
        "pipe.yaml": "pipe.yaml: is no regular file; accepted: a suite file",
    }.items():
        # Then each is refused by its name
        with pytest.raises(SuiteError) as caught:
            load(str(tmp_path / name))
        assert str(caught.value) == f"{tmp_path}/{expected}"

    # And a file that may not be opened gives the system's reason
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "secret.yaml").write_text("jobs: []")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SuiteError, match=r"secret\.yaml: cannot be read: Permission denied"):
        load(str(tmp_path / "secret.yaml"))


@pytest.mark.parametrize("name", ["", " ", "\0", "a\0.yaml", "x" * 5000, "\ud800", ".", "/", "~"])
def test_odd_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load(name)
    assert len(caught.value.problems) == 1


KEYS = [
    *("name", "description", "hardware", "seed", "defaults", "jobs", "workload", "batch_size"),
    *("epochs", "repeats", "precision", "backend", "data", "optimizer", "timeout", "mode"),
    *("include", "exclude", "train_samples", "batch_sizes", "<<"),
]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 600),
    st.integers(),
    st.floats(),
    st.sampled_from([*KEYS, "mlp", "cnn", "all", "gpu & linux", "real", "adam", "90s", "train"]),
    st.text(max_size=5),
    st.dates(),
)
anything: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | leaves, inner, max_size=5)
    ),
    max_leaves=25,
)
mappings = st.dictionaries(st.sampled_from(KEYS), anything, max_size=6)
job_mappings = st.builds(
    lambda more, right: {**more, **right},
    mappings,
    st.fixed_dictionaries({"workload": st.just("mlp"), "batch_size": st.integers(1, 9)}),
)
suites = st.builds(
    lambda more, jobs: {**more, "jobs": jobs},
    mappings,
    st.lists(mappings | job_mappings, max_size=3),
)
never_a_traceback = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def outcome(path: Path) -> Suite | tuple[str, ...]:
    """Load a suite, or return the lines that say why not; whatever else is raised passes."""
    try:
        return load(str(path))
    except SuiteError as error:
        return error.problems


def check_bytes(folder: Path, content: bytes) -> None:
    path = folder / "fuzz.yaml"
    path.write_bytes(content)
    found = outcome(path)
    if isinstance(found, Suite):
        assert found.planned_cells()
    else:
        assert found
        for problem in found:
            assert problem.startswith(str(path))
            assert problem.isprintable()


@never_a_traceback
@given(suites | anything)
def test_arbitrary_structures_never_end_in_a_traceback(tmp_path: Path, content: Any) -> None:
    check_bytes(tmp_path, yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "replace"))


@never_a_traceback
@given(
    st.binary(max_size=80)
    | st.text("abjos123:-[]{}&*!|>'\"%#?,\\ \n\t<\ud7ff\x85\u2028", max_size=60).map(str.encode)
)
def test_arbitrary_bytes_never_end_in_a_traceback(tmp_path: Path, content: bytes) -> None:
    check_bytes(tmp_path, content)
    check_bytes(tmp_path, job("").encode() + content)
