# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 5508 REQ-7: ICMP errors between two hosts of the LAN over the external address."""
import pytest

import wire
from bench import ADDRESS_PORT, ENDPOINT
from check import check
from test_clauses_icmp import MINIMAL
from test_icmp_error import error, parts
from wire import EXTERNAL, HOST

HOST2 = "192.168.1.11"


@pytest.fixture
def home(line):
    """Two hosts of the LAN that talk over the external address; gives a function that makes them
    for a protocol: (conversation of each with the other)."""
    line.bench.set(filtering=ENDPOINT)

    def meet(proto):
        a, b = line.open(proto), line.open(proto, int_addr=HOST2)
        ab = line.talk(proto, rem_addr=EXTERNAL, rem_port=b.external[1], int_port=a.internal[1])
        ba = line.talk(proto, rem_addr=EXTERNAL, rem_port=a.external[1], int_addr=HOST2,
                       int_port=b.internal[1])
        ab.external, ba.external = a.external, b.external
        for talk, flags in ((ab, "S"), (ba, "SA")):
            l4 = {"l4": {"flags": flags}} if proto == "tcp" else {}
            assert line.run("out", wire.from_stack(talk.out(**l4))).verdict == "redirect"
        return ab, ba
    yield meet
    line.bench.set(filtering=ADDRESS_PORT)


@pytest.mark.parametrize("length", [MINIMAL, 10 ** 4])
@pytest.mark.parametrize("src", [HOST2, "192.168.1.1"], ids=["the host", "a router of the LAN"])
@pytest.mark.parametrize("kind", [(3, 3), (3, 4), (11, 0)])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_hairpinned_error(line, home, proto, kind, src, length):
    """REQ-7: translated twice. It comes to the host from the external address, about the packet
    that it sent, and refreshes neither session."""
    ab, ba = home(proto)
    before = [repr(line.session(c)) for c in (ab, ba)]
    sent = ab.out(**parts())                       # from host a to our address, as a knows it
    seen = wire.inner(proto, True, ab.external, ba.internal, **parts())  # ... as host b got it
    check_hairpin(line, error(src, EXTERNAL, seen, kind, length),
                  error(EXTERNAL, HOST, sent, kind, length))
    assert [repr(line.session(c)) for c in (ab, ba)] == before


def check_hairpin(line, packet, want):
    before = line.bench.counters()
    run = line.run("out", wire.from_stack(packet))
    assert (run.verdict, line.bench.counted(before)) == ("redirect", {"hairpin": 1})
    wire.assert_same(wire.from_stack(line.with_fresh_id(want, run.data)), run.data)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_hairpinned_error_about_nothing(line, home, proto):
    """REQ-7: without the two sessions it goes nowhere."""
    ab, ba = home(proto)
    line.bench.control("delete", flow=ab.flow)
    seen = wire.inner(proto, True, ab.external, ba.internal, **parts())
    check(line, "out", wire.from_stack(error(HOST2, EXTERNAL, seen)), "drop_in_no_session")
    line.bench.control("delete", flow=ba.flow)
    check(line, "out", wire.from_stack(error(HOST2, EXTERNAL, seen)), "drop_out_no_session")
