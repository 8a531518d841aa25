# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ICMPv6 errors and the path's MTU where there is no NAPT, no port, or no BR in between."""
import pytest
from scapy.all import GRE, IP, Raw, UDP, fragment, raw

import wire
from check import check
from line import Line
from test_icmp6 import KINDS, TOO_BIG, error6, forget_path, ignored, path_mtu, relayed, told
from test_icmp6 import sent as quoted
from test_mesh import MESH, OWN_CE, RULES, SHARED, far_of, load
from test_shapes import hook, plain, shape  # noqa: F401  pylint: disable=unused-import
from wire import EXTERNAL, HOST, REMOTE


def packet(host, length=48, **fields):
    return IP(**{"src": host, "dst": REMOTE, "id": 99, "ttl": 57, "flags": "DF", **fields}) / \
        UDP(sport=5, dport=53) / Raw(bytes(i & 0xff for i in range(length - 28)))


@pytest.fixture
def wide(plain):  # noqa: F811  pylint: disable=redefined-outer-name
    """A line without NAPT, its path as wide as the WAN."""
    plain.wait(2)
    forget_path(plain.bench)
    yield plain
    forget_path(plain.bench)


def test_told_without_napt(wide):
    for host in wide.hosts:
        there = packet(host)
        relayed(wide, error6(quoted(there), KINDS["no route"]), told(there, host=host))
    for stranger in wide.strangers:
        ignored(wide, error6(quoted(packet(stranger)), KINDS["no route"]))
        ignored(wide, error6(quoted(packet(stranger))))


def test_path_mtu_without_napt(wide):
    host = wide.hosts[0]
    relayed(wide, error6(quoted(packet(host, 1400))),
            told(packet(host, 1400), 4, 1360, host=host), path_mtu=1)
    assert path_mtu(wide.bench) == 1360
    check(wide, "out", wire.from_stack(packet(host, 1360)), "sent", packet(host, 1360))
    before = wide.bench.counters()
    run = wide.run("out", wire.from_stack(packet(host, 1361)))
    assert wide.bench.counted(before) == {"drop_out_df": 1}
    wire.assert_same(wide.to_stack(told(packet(host, 1361), 4, 1360, 40, host)), run.data)
    before = wide.bench.counters()
    whole = packet(host, 1400, flags=0)
    run = wide.run("out", wire.from_stack(whole))
    assert wide.bench.counted(before) == {"kernel_out": 1, "split_out": 1}
    last = fragment(whole, 1336)[-1]
    wire.assert_same(wide.sent(IP(raw(last))), run.data)


@pytest.fixture
def whole_address(bench, hook):  # noqa: F811  pylint: disable=redefined-outer-name
    """A line with NAPT behind an address of its own."""
    bench.load(offset=0, psid_len=0, psid=0)
    return Line(bench, hook)


def test_protocol_without_ports(whole_address):
    line = whole_address

    def gre(source):
        return IP(src=source, dst=REMOTE, id=7, flags="DF") / GRE() / Raw(bytes(range(40)))
    ignored(line, error6(quoted(gre(EXTERNAL))))
    check(line, "out", wire.from_stack(gre(HOST)), "sent", gre(EXTERNAL))
    relayed(line, error6(quoted(gre(EXTERNAL)), KINDS["no route"]), told(gre(HOST)))


@pytest.fixture
def mesh(bench, hook):  # noqa: F811  pylint: disable=redefined-outer-name
    load(bench, RULES, MESH)
    return Line(bench, hook)


def test_other_customer(mesh):
    """What we sent to a CE directly may be answered by a router on the way to it, not elsewhere."""
    c = mesh.talk("udp", rem_addr="203.0.113.7", rem_port=5060)
    far = far_of(mesh.send(c))
    assert far == SHARED.ce("203.0.113.7", 5060)
    for other in (SHARED.ce("203.0.113.8", 5060), "2001:db8:f000::1"):
        ignored(mesh, error6(quoted(c.out_nat(), src=OWN_CE, dst=other), dst=OWN_CE))
    for kind, answer in ((KINDS["no route"], (1, 0)), (TOO_BIG, (4, 1360))):
        relayed(mesh, error6(quoted(c.out_nat(), src=OWN_CE, dst=far), kind, dst=OWN_CE),
                told(c.out(), *answer), **({"path_mtu": 1} if answer[1] else {}))
    assert path_mtu(mesh.bench) == 1360
