# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random operations, each judged by an independent model of the NAPT (walk.py, model.py): opens,
data both ways, FIN and RST, strangers, hairpins, single flushes, expiries, sweeps, and reloads,
which are the programs loaded anew on the same maps.

60,000 steps; with MAPE_LONG=1 1,000,000, with MAPE_SLOW=1 (emulation) 6,000. MAPE_SEED=N, which
every run prints, repeats it.
"""
import os
import random

import pytest

from bench import ADDRESS, ADDRESS_PORT, ENDPOINT
from walk import BATCH, MARK_SHIFT, PACE, STATES, TIMEOUTS, Walk, port_set

STEPS = 10 ** 6 if os.environ.get("MAPE_LONG") else \
    6000 if os.environ.get("MAPE_SLOW") else 60000
SEED = int(os.environ.get("MAPE_SEED") or random.randrange(10 ** 6))

# (offset, length of the PSID, filter mode, share of the steps, limits). 240 ports, and sets so
# small that ports run out and are shared all the time.
LINES = {
    "240-address": (4, 8, ADDRESS, 5, {}),
    "240-endpoint": (4, 8, ENDPOINT, 3, {}),
    "240-endpoint-rest": (4, 8, ENDPOINT, 3, {"rest": int(1.5 * PACE)}),
    "240-address-port": (4, 8, ADDRESS_PORT, 4, {}),
    "63-address": (6, 10, ADDRESS, 2, {}),
    "63-address-limited": (6, 10, ADDRESS, 2, {"host_ports": 3}),
    "15-address-port": (4, 12, ADDRESS_PORT, 2, {}),
    "8-address": (0, 13, ADDRESS, 2, {}),
    "15-endpoint-rest": (4, 12, ENDPOINT, 1, {"rest": int(1.5 * PACE)}),
}
if os.environ.get("MAPE_SLOW"):  # a load takes seconds there
    LINES = {name: LINES[name] for name in list(LINES)[::3]}
SHARES = sum(line[3] for line in LINES.values())
PSID = 77


@pytest.mark.parametrize("name", LINES)
def test_random_operations(bench, name):
    offset, psid_len, mode, share, limits = LINES[name]
    steps = -(-STEPS * share // SHARES)
    print(f"MAPE_SEED={SEED}, {steps} steps")
    ports = port_set(offset, psid_len, PSID)
    assert len(ports) == int(name.split("-")[0])
    bench.load(offset=offset, psid_len=psid_len, psid=PSID, filtering=mode,
               mark_mask=0xff << MARK_SHIFT, mark_shift=MARK_SHIFT,
               timeout_s=[int(TIMEOUTS[state] * PACE) for state in STATES],
               timeout_udp_s=int(TIMEOUTS["udp"] * PACE),
               timeout_icmp_s=int(TIMEOUTS["icmp"] * PACE), rest_s=limits.get("rest", 0),
               host_ports=limits.get("host_ports", 0))
    walk = Walk(bench, ports, mode, f"{SEED} {name}", **limits)
    number, batches = 0, -(-steps // BATCH)
    while walk.steps < steps:
        # Large sets take longer to fill: every port with every remote.
        walk.run(BATCH, crowded=number % 16 < 11 if len(ports) > 100 else number % 4 < 2)
        if number % 20 == 19:
            walk.audit()
        if number % max(20, batches // 8) == 19:
            walk.reload()
        number += 1
    walk.audit()
    counts = walk.model.counts
    print(dict(sorted(counts.items())), "live", len(walk.model.sessions), "steps", walk.steps)
    walk.end()
    expect = {"opened", "expired", "flushed", "unasked", "answered", "hairpin"}
    if "host_ports" in limits:
        expect |= {"limited"}
    elif len(ports) < 100 or os.environ.get("MAPE_LONG"):
        expect |= {"refused"}
    if mode != ENDPOINT:
        expect |= {"overlapped", "second mapping"}
    if mode != ADDRESS_PORT:
        expect |= {"admitted"}
    never = [event for event in sorted(expect) if not counts[event]]
    assert not never or os.environ.get("MAPE_SLOW"), f"the walk never came to: {never}"
