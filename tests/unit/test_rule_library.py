# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The rule library is pure: its symbols tell what it needs from outside and keeps in memory."""
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MAPE_BUILD", ROOT / "build"))

# Memory and strings, formatting into a buffer, and what compilers insert for hardening.
ALLOWED = re.compile(r"""
    mem(cpy|move|set|cmp|chr) | str(len|nlen|cmp|ncmp|chr|rchr|spn|cspn|cpy|ncpy|casecmp|ncasecmp)
    | v?snprintf | __v?snprintf_chk | __mem(cpy|move|set)_chk | __stack_chk_fail
    | _GLOBAL_OFFSET_TABLE_
    """, re.VERBOSE)


@pytest.fixture(scope="module")
def symbols():
    """(name, class letter, section) of every symbol of all members, as nm tells them."""
    out = subprocess.run(["nm", "-f", "sysv", BUILD / "libmaperule.a"], text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    rows = [[field.strip() for field in line.split("|")] for line in out.splitlines()]
    found = [(row[0], row[2], row[6]) for row in rows if len(row) == 7 and row[0] != "Name"]
    assert found
    return found


def test_needs_neither_input_nor_output(symbols):
    defined = {name for name, kind, _ in symbols if kind != "U"}
    outside = {name for name, kind, _ in symbols if kind == "U"} - defined
    assert [name for name in sorted(outside) if not ALLOWED.fullmatch(name)] == []


def test_keeps_no_state(symbols):
    """No writable variables. Tables of pointers are constant once relocated (.data.rel.ro)."""
    assert [(name, section) for name, _, section in symbols
            if re.match(r"\.(data|bss|tdata|tbss|common)|\*COM\*", section)
            and not section.startswith(".data.rel.ro")] == []
