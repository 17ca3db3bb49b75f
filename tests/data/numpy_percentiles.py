#!/usr/bin/env python3
"""Makes numpy_percentiles.json: streams of durations and what numpy says of their last 1000.

    python3 tests/data/numpy_percentiles.py            writes the file
    python3 tests/data/numpy_percentiles.py --check    fails if numpy says otherwise today
"""

import json
import pathlib
import sys

import numpy as np

FILE = pathlib.Path(__file__).with_suffix(".json")
WINDOW = 1000
HOUR = 3_600_000_000_000


def streams(rng):
    """Name and durations in whole nanoseconds."""
    lognormal = lambda n: np.minimum(rng.lognormal(18, 1, n), HOUR)
    yield "one", [85_300_000]
    yield "two", [80_000_000, 90_000_000]
    yield "three_with_ties", [5, 5, 9]
    yield "all_equal", [123_456] * 100
    yield "many_ties", rng.integers(1, 4, 1200)
    yield "tiny", rng.integers(0, 6, 1000)
    yield "huge", rng.integers(HOUR, 1000 * HOUR, 50)
    yield "tiny_and_huge", np.where(rng.random(400) < 0.9, rng.integers(1, 10, 400), HOUR)
    yield "ascending", np.arange(1, 1501) * 1_000
    yield "descending", np.arange(1500, 0, -1) * 1_000
    for n in (999, 1000, 1001, 5000):
        yield f"lognormal_{n}", lognormal(n)


def expected(nanos):
    last = np.asarray(nanos[-WINDOW:], dtype=np.float64) / 1e6
    p50, p95, p99 = np.percentile(last, [50, 95, 99])
    values = {"avg": last.mean(), "min": last.min(), "max": last.max(), "p50": p50, "p95": p95, "p99": p99}
    return {"count": len(last)} | {name: float(value) for name, value in values.items()}


def main():
    if sys.argv[1:] == ["--check"]:
        cases = json.loads(FILE.read_text())["cases"]
        for case in cases:
            for name, value in expected(case["nanos"]).items():
                assert np.isclose(case["expected"][name], value, rtol=1e-12, atol=0), (case["name"], name)
        print(f"numpy {np.__version__} agrees with {len(cases)} cases")
        return
    rng = np.random.default_rng(1000)
    cases = []
    for name, nanos in streams(rng):
        nanos = [int(value) for value in nanos]
        cases.append({"name": name, "expected": expected(nanos), "nanos": nanos})
    lines = ",\n".join(json.dumps(case) for case in cases)
    FILE.write_text(f'{{"numpy": "{np.__version__}", "cases": [\n{lines}\n]}}\n')


main()
