# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The clause tests move the clock of a bench, whose idle times are its own. They have to be those
that `attach` sets, and those have to keep the RFCs' floors."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Name in the loader: (seconds, floor of the RFC). RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2
TIMES = {"TCP_ESTABLISHED": (7440, 7440), "TCP_TRANSITORY": (240, 240), "UDP": (300, 120),
         "ICMP": (60, 60)}


def loader_times():
    text = (ROOT / "loader/attach.c").read_text()
    return {name: int(value)
            for name, value in re.findall(r"^#define TIMEOUT_(\w+) (\d+)", text, re.M)}


@pytest.mark.parametrize("name", TIMES)
def test_attach_sets_the_times_that_the_tests_use(name):
    seconds, floor = TIMES[name]
    assert loader_times()[name] == seconds >= floor
