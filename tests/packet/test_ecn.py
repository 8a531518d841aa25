# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Traffic class across the tunnel: ECN by RFC 6040, DSCP as a pipe (RFC 2983) unless copied.

Arriving packets, all 16 combinations of ECN, are in test_wan.py.
"""
import pytest
from scapy.all import IPv6

import wire
from check import check

VERSION = 6 << 28
DSCP = (0, 8, 0x2e, 0x3f)


@pytest.fixture
def outer(bench):
    yield bench.set
    bench.set(outer_vtf=VERSION, tos_copied=3)


def tclass(line, c, path, tos):
    make = wire.from_lan if path == "lan" else wire.from_stack
    run = line.run(path, make(c.out(ip={"tos": tos})))
    assert run.to_br, run
    packet = IPv6(run.data[14:])
    assert packet.payload.tos == tos, "the inner header stays as it is"
    return packet.tc


@pytest.mark.parametrize("path", ["out", "lan"])
@pytest.mark.parametrize("mode, dscp", [("fixed", 0), ("fixed", 0x0a), ("fixed", 0x3f),
                                        ("copy", 0)])
def test_out(line, outer, path, mode, dscp):
    """ECN is always the inner one (normal mode); DSCP is what was configured, or the inner one."""
    outer(outer_vtf=VERSION | dscp << 22, tos_copied=0xff if mode == "copy" else 3)
    c = line.open_fast("udp")
    for inner in DSCP:
        for ecn in range(4):
            want = inner if mode == "copy" else dscp
            assert tclass(line, c, path, inner << 2 | ecn) == want << 2 | ecn


def test_outer_dscp_has_no_say(line, outer):
    """Copied on the way out, it is still not copied back: what the network wrote stays outside."""
    outer(tos_copied=0xff)
    c = line.open("udp")
    for dscp in DSCP:
        check(line, "wan", wire.from_wan(c.back(ip={"tos": 0x28}), tc=dscp << 2), "to_stack",
              c.back_nat(ip={"tos": 0x28}))
