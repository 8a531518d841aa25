# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""docs/CONFORMANCE.md has a row for every clause, and what it names as proof exists."""
import ast
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/CONFORMANCE.md"

# What is asked of a MAP-E CE with a NAPT. Gaps are clauses that do not apply to a port set, or
# say what another one says.
CLAUSES = {
    "MAP": "1-22 24 25 27 29-33",
    "TUN": "1-6 8-16",
    "UDP": "1 2 5-9 11-13 15-17",
    "TCP": "1 2 4 5 8-10",
    "ICM": "1-14",
    "NAT": "1-9",
    "CGN": "1-7",
    "CER": "1-4 6-12",
    "FRG": "1-7",
    "QOS": "1 2 4 5",
    "CSM": "1-7",
}
HEADING = ["clause", "RFC, section", "level", "requirement", "answer", "tests"]
LEVELS = {"MUST", "SHOULD", "MAY", "*practice*"}
ANSWERS = ("met", "not applicable", "deviation", "not yet")

PYTHON_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
C_TEST = re.compile(r"`(tests/[\w/]+\.c): (test_\w+)`")


def expand(ranges):
    """'1-3 5' -> 1, 2, 3, 5"""
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def clauses():
    return [f"{group}-{number:02}" for group, ranges in CLAUSES.items()
            for number in expand(ranges)]


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows():
    """The rows of all tables, as dictionaries."""
    found = []
    for line in TABLE.read_text().splitlines():
        if not line.startswith("|") or cells(line)[0] in ("clause", "---"):
            continue
        got = cells(line)
        assert len(got) == len(HEADING), f"not a row of the table: {line}"
        found.append(dict(zip(HEADING, got)))
    return found


ROWS = rows()
each_row = pytest.mark.parametrize("row", ROWS, ids=[row["clause"] for row in ROWS])


@lru_cache(maxsize=None)
def python_tests(path):
    """Functions that pytest collects from a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@lru_cache(maxsize=None)
def c_tests(path):
    """Functions of a cmocka program that are defined and handed to the runner."""
    text = (ROOT / path).read_text()
    defined = set(re.findall(r"^static void (test_\w+)\(void \*\*state\)$", text, re.M))
    return {name for name in defined if len(re.findall(rf"\b{name}\b", text)) > 1}


def named_tests(row):
    """(file, function, functions of the file) for each test that a row names."""
    for path, name in PYTHON_TEST.findall(row["tests"]):
        yield path, name, python_tests
    for path, name in C_TEST.findall(row["tests"]):
        yield path, name, c_tests


def test_every_clause_once():
    count = Counter(row["clause"] for row in ROWS)
    assert {clause: n for clause, n in count.items() if n > 1} == {}
    assert list(count) == clauses(), "a clause is missing, unknown or out of order"


def test_tables_have_their_columns():
    headings = [cells(line) for line in TABLE.read_text().splitlines()
                if line.startswith("| clause")]
    assert headings == [HEADING] * len(CLAUSES)


@each_row
def test_row_is_complete(row):
    assert row["level"] in LEVELS
    assert re.search(r"\d{3,4}|draft-", row["RFC, section"]), "names no RFC"
    assert row["requirement"]
    kind = next((kind for kind in ANSWERS if row["answer"].startswith(kind)), None)
    assert kind, f"the answer has to begin with one of: {', '.join(ANSWERS)}"
    if kind == "met":
        assert list(named_tests(row)), "a clause that is met names the test that shows it"
    elif kind != "not yet":
        assert re.match(rf"{kind}: .{{10,}}", row["answer"]), "say why"


@each_row
def test_named_tests_exist(row):
    for path, name, tests_of in named_tests(row):
        assert (ROOT / path).is_file(), f"{path} does not exist"
        assert name in tests_of(path), f"{path} has no test {name}"
    rest = C_TEST.sub("", PYTHON_TEST.sub("", row["tests"]))
    assert not rest.strip(), f"not the name of a test: {rest.strip()}"
