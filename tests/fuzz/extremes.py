"""Extremes: results and tables that are right, with the largest, smallest and oddest of values."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from hypothesis import strategies as st

from jobs.limits import MAX_COUNT, MAX_SECONDS
from tests.fuzz.inputs import HOSTILE

TIMES: Final = (1e-12, 1e-9, 0.1, 1.0, 1.0, 1.1, 3600.0, 1e9)
AMOUNTS: Final = (0.0, 5e-324, 1e-300, 0.5, 1.0, 1e15, 1e300, 1.7e308)
LOSSES: Final = (*AMOUNTS, -1.0, -1.7e308, float("nan"), float("inf"), float("-inf"))
COUNTS: Final = (1, 1, 2, 60_000, 2**31, 2**53, MAX_COUNT)
MOMENTS: Final = (0.0, 1.0, 1e9, 1.7e9, 1e12, MAX_SECONDS)

times, amounts, counts = map(st.sampled_from, (TIMES, AMOUNTS, COUNTS))
losses, moments = st.sampled_from(LOSSES), st.sampled_from(MOMENTS)
texts = st.sampled_from(HOSTILE) | st.text(max_size=12)
keys = st.sampled_from([each for each in HOSTILE if 0 < len(each) <= 100]) | st.text(
    min_size=1, max_size=9
)
odd = (
    st.none()
    | st.booleans()
    | texts
    | losses
    | st.sampled_from(
        (0, -1, 7, MAX_COUNT, -MAX_COUNT, "nan", "inf", "4", "0-3,5", "0-99999999999")
    )
)
known = st.fixed_dictionaries(
    {"device": st.sampled_from(("cpu", "cpu", "gpu"))},
    optional=dict.fromkeys(
        (
            *("vcpus", "usable_cpus", "intra_threads", "omp_num_threads", "cpus_in_use"),
            *("power_limit_watts", "power_limit_default_watts", "memory_bytes", "x_seconds"),
            *("tensorflow", "driver", "precision", "x_mhz", "load", "batch_limited_by", "x_bits"),
            *("device_name", "cpu_name"),
        ),
        odd,
    ),
)
facts = st.builds(
    lambda one, other: {**one, **other}, st.dictionaries(keys, odd, max_size=4), known
)
several = st.lists(times, min_size=1, max_size=9)


def perhaps(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a value, or none."""
    return st.none() | strategy


measurements = st.fixed_dictionaries(
    {
        "lap_seconds": several,
        "warmup_lap_seconds": st.lists(times, max_size=3),
        "laps_window": perhaps(st.tuples(moments, moments)),
        "cold_start_seconds": perhaps(amounts),
        "total_seconds": perhaps(amounts),
        "learning_seconds": perhaps(amounts),
        "samples_per_lap": perhaps(counts),
        "steps_per_lap": perhaps(counts),
        "samples_per_epoch": perhaps(counts),
        "history": st.dictionaries(
            st.just("loss") | keys, st.lists(losses, max_size=12), max_size=3
        ),
        "steps_per_history": perhaps(counts | st.just(0)),
        "test": st.dictionaries(st.sampled_from(("accuracy", "loss")) | keys, losses, max_size=3),
        "floors": st.dictionaries(
            st.sampled_from(("accuracy", "loss_drop")) | keys, losses, max_size=3
        ),
        "floors_waived": perhaps(texts),
        "output_spread": perhaps(losses),
        "flops_per_sample": perhaps(amounts),
        "item": perhaps(texts | st.sampled_from(("tokens", "bytes", "flop", "video seconds"))),
        "items_per_sample": perhaps(amounts),
        "batch_size": perhaps(counts | st.just(0)),
        "latency_seconds": perhaps(st.lists(times, max_size=5)),
        "data_verified": perhaps(st.booleans()),
        "parameter_count": perhaps(counts),
        "peak_memory_bytes": perhaps(counts | st.just(0)),
    }
)
telemetries = st.fixed_dictionaries(
    {
        "seconds": amounts,
        "samples": counts | st.just(0),
        "period_seconds": perhaps(amounts),
        "energy": st.lists(
            st.fixed_dictionaries(
                {
                    "part": st.sampled_from(("gpu", "cpu", "soc", "device")) | texts,
                    "kind": st.sampled_from(("counter", "sampled", "estimated", "nominal")),
                    "source": texts,
                    "joules": amounts,
                    "seconds": times | st.sampled_from((5e-324, 1e300)),
                }
            ),
            max_size=3,
        ),
        "power_watts": perhaps(amounts),
        "laps_power_watts": perhaps(amounts),
        "gpu_utilisation": perhaps(losses),
        "peak_host_bytes": perhaps(counts),
        "peak_device_bytes": perhaps(counts),
        "temperature_celsius": perhaps(losses),
        "clock_mhz": perhaps(amounts),
        "throttle_reasons": perhaps(st.lists(texts, max_size=3)),
    }
)
outcomes = st.fixed_dictionaries(
    {
        "facts": facts,
        "environment": facts,
        "started_at": moments,
        "finished_at": moments,
        "unit": perhaps(texts),
        "noise": st.lists(texts, max_size=3),
        "telemetry": perhaps(telemetries),
        "start_latency_seconds": perhaps(st.sampled_from((-1e300, 0.0, 1e-9, 1.7e308))),
    }
)

NUMBER: Final = ("0", "1", "0.5", "1e-300", "1e30", "5e-324", "1e15")
COUNT: Final = ("1", "2", "60000", "1000000000000000000", "1e18", "32.0")
TIME: Final = ("1e-12", "0.5", "0.5", "0.6", "1e9", "3600")
COLUMNS: Final = {
    **dict.fromkeys(("seconds", "latency_seconds"), TIME),
    **dict.fromkeys(("samples", "steps", "samples_per_epoch", "parameter_count"), COUNT),
    **dict.fromkeys(("cold_start_seconds", "total_seconds", "flops_per_sample"), NUMBER),
    **dict.fromkeys(("energy_joules", "started_at", "finished_at"), NUMBER[:-1]),
    **dict.fromkeys(("history.loss", "test.accuracy"), (*NUMBER, "nan", "inf", "-inf", "1e308")),
    **dict.fromkeys(("warmup", "jit"), ("true", "false", "no", "")),
    **dict.fromkeys(
        ("unit", "worker", "noise", "energy_part", "facts.device_name", "environment.x"), HOSTILE
    ),
    "parameters.x": [each for each in HOSTILE if len(each) <= 1000],
    "parameters.\x1b[2J=": ("1", "-1", "1e300", "true", "x"),
    "repeat": ("0", "1", "2", "1000", "1000000000"),
    "lap": ("1", "2", "0", ""),
    "floors.accuracy": (*NUMBER, "-1e308"),
    "energy_kind": ("counter", "nominal", "sampled"),
    "hardware": ("p100", "t4", "a.b"),
    "workload": ("mlp", "resnet", "matmul", "transformer_lm"),
    "batch_size": ("32", "max", "1", "16777216"),
    "mode": ("train", "infer", "run", ""),
}


@st.composite
def right_tables(draw: st.DrawFn) -> bytes:
    """Draw a table of measurements of which every value can be."""
    needed = ["hardware", "workload", "batch_size", "repeat", "seconds", "energy_kind"]
    more = draw(st.lists(st.sampled_from([*COLUMNS]), max_size=7, unique=True))
    names = [*dict.fromkeys([*needed, *more])]
    said = {name: draw(st.sampled_from(COLUMNS[name])) for name in names}
    differing = {*needed, "seconds", "latency_seconds", "energy_joules", "history.loss"}
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        row = {**said, **{name: draw(st.sampled_from(COLUMNS[name])) for name in needed[:5]}}
        row |= {n: draw(st.sampled_from(COLUMNS[n])) for n in names if n in differing - {*needed}}
        rows.append([row[name] for name in names])
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    return written.getvalue().encode("utf-8", "replace")
