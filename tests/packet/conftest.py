# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures of the packet tests: one bench per test file, and what a test does on it.

MAPE_SLOW=1 (an emulated machine) runs a part of each large table, the same part each time.
"""
import os
from pathlib import Path

import pytest

pytest.register_assert_rewrite("bench", "check", "line", "model", "walk")

from bench import Bench  # noqa: E402
from line import Line  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MAPE_BUILD", ROOT / "build"))


# Fixtures that load everything anew, which takes the verifier seconds there.
LOADING = {"napt", "mode", "crowd", "crowded", "one_port", "resting"}


def few(rows):
    """Some rows of a table, evenly spread: both hooks and both ends are among them. One of those
    that load everything anew."""
    most = 1 if LOADING & set(rows[0].fixturenames) else 6
    return rows if len(rows) <= most else [rows[i * len(rows) // most] for i in range(most)]


def pytest_collection_modifyitems(config, items):
    if not os.environ.get("MAPE_SLOW"):
        return
    tables = {}
    for item in items:
        tables.setdefault((item.path, item.originalname), []).append(item)
    kept = {id(item) for rows in tables.values() for item in few(rows)}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


def program(name):
    path = BUILD / "tests" / name
    if not path.exists():
        pytest.fail(f"{path} is not built: run make tests", pytrace=False)
    return path


@pytest.fixture(scope="module")
def bench():
    """The programs, freshly loaded once for the file."""
    if os.geteuid():
        pytest.skip("needs root: sudo make check-packet")
    bench = Bench(program("progrun"))
    bench.load()
    yield bench
    bench.close()


@pytest.fixture(params=["tc", "xdp"])
def line(request, bench):
    """The bench with one of the two hooks."""
    return Line(bench, request.param)


@pytest.fixture
def hammer():
    if os.geteuid():
        pytest.skip("needs root: sudo make check-packet")
    return program("hammer")
