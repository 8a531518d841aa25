# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 6888: what one LAN host may take, how long a port rests, and who is told: what
docs/CONFORMANCE.md claims and no other test shows."""
import itertools
import struct
import time

import pytest
from scapy.all import ICMP, IP, raw

from bench import CLOCK_MONOTONIC_COARSE, ENDPOINT, SECOND, Flow
from check import through
from clock import EARLY, LATE, Watch
from test_napt import delivered, open_many
from wire import PROTO

protos = pytest.mark.parametrize("proto", PROTO)
hosts = (f"10.77.{i >> 8}.{i & 255}" for i in itertools.count(1))  # one that holds nothing yet
PORTS, RATE, REST_S = 10, 5, 120


def first(proto):
    return {"l4": {"flags": "S"}} if proto == "tcp" else {}


def try_to_open(line, proto, host, **kw):
    """(conversation, counters that rose, what came of its first packet)"""
    c = line.talk(proto, int_addr=host, **kw)
    before = line.bench.counters()
    run = line.send(c, **first(proto))
    return c, line.bench.counted(before), run


def assert_told(run, c, proto):
    """The host got an ICMP error about its packet, and nothing went out."""
    assert run.verdict == "redirect" and not run.to_br
    error = IP(run.data[14:])
    assert (error.dst, error[ICMP].type, error[ICMP].code) == (c.internal[0], 3, 13)
    assert raw(c.out(**first(proto))).startswith(raw(error[ICMP].payload))


# -- Ports of one host ---------------------------------------------------------------------------

@pytest.fixture
def few_ports(bench):
    bench.set(host_ports=PORTS)
    yield
    bench.set(host_ports=0)


@protos
def test_ports_of_a_host_are_limited(line, few_ports, proto):
    """REQ-4: the endpoint too many is refused and told; what the host has goes on, to further
    destinations too, and other hosts and protocols are not concerned."""
    host, other = next(hosts), next(hosts)
    talks = [try_to_open(line, proto, host)[0] for _ in range(PORTS)]
    assert len({c.external for c in talks}) == PORTS
    c, counted, run = try_to_open(line, proto, host)
    assert counted == {"drop_out_host_ports": 1}
    assert_told(run, c, proto)
    again, counted, _ = try_to_open(line, proto, host, rem_addr="203.0.113.61",
                                    int_port=talks[0].internal[1])
    assert counted == {"kernel_out": 1} and again.external == talks[0].external
    assert try_to_open(line, proto, other)[1] == {"kernel_out": 1}
    for another in set(PROTO) - {proto}:
        assert try_to_open(line, another, host)[1] == {"kernel_out": 1}
    for talk in talks:
        through(line, "to_stack", talk, first(proto))
    line.bench.control("delete", flow=talks[5].flow)
    assert try_to_open(line, proto, host)[1] == {"kernel_out": 1}
    assert try_to_open(line, proto, host)[1] == {"drop_out_host_ports": 1}


# -- Sessions per second of one host -------------------------------------------------------------

@pytest.fixture
def slow(bench):
    bench.set(host_rate=RATE)
    yield
    bench.set(host_rate=0)


def begin_second(line, ahead):
    """Moves the clock to the beginning of a second that is at least so far ahead."""
    kernel = time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE)
    goal = ((kernel + line.bench.offset) // SECOND + 1 + ahead) * SECOND
    line.bench.now((goal - kernel) / SECOND + 0.01)


@protos
def test_new_sessions_of_a_host_are_limited(line, slow, proto):
    """REQ-5: so many in each second, and what is open is not concerned."""
    host, other = next(hosts), next(hosts)
    known, _, _ = try_to_open(line, proto, host)
    for _ in range(2):
        begin_second(line, 1)
        for _ in range(RATE):
            assert try_to_open(line, proto, host)[1] == {"kernel_out": 1}
        c, counted, run = try_to_open(line, proto, host)
        assert counted == {"drop_out_host_rate": 1}
        assert_told(run, c, proto)
        through(line, "sent", known, first(proto))
        through(line, "to_stack", known, first(proto))
        assert try_to_open(line, proto, other)[1] == {"kernel_out": 1}


# -- Ports at rest -------------------------------------------------------------------------------

@pytest.fixture
def resting(bench):
    """252 ports, where anybody may send to a mapped one; sessions outlast the tests."""
    bench.load(offset=6, psid_len=8, psid=77, filtering=ENDPOINT, rest_s=REST_S,
               timeout_udp_s=10 * REST_S, timeout_icmp_s=10 * REST_S)
    yield
    bench.load()


@pytest.mark.parametrize("proto", ["udp", "icmp"])
def test_a_freed_port_rests(line, resting, proto):
    """REQ-8: nobody gets it for two minutes, then the next who asks; TCP is followed by state."""
    old = open_many(line, proto, 252)
    assert len(old) == 252
    line.bench.control("delete", flow=old[9].flow)
    watch = Watch(line, old[9])
    for seconds in (1, 60, REST_S - EARLY):
        watch.at(seconds)
        audit = line.bench.audit(PROTO[proto])
        assert (audit["used"], audit["resting"], audit["free"]) == (251, 1, 0)
        assert open_many(line, proto, 1, host=2) == []
    watch.at(REST_S + LATE)
    fresh, = open_many(line, proto, 1, host=2)
    assert fresh.external == old[9].external
    assert delivered(line, fresh) == fresh.internal


def test_a_port_of_tcp_does_not_rest(line, resting):
    """REQ-8 c: its sessions outlive their connections by themselves."""
    old = open_many(line, "tcp", 252)
    line.bench.control("delete", flow=old[9].flow)
    fresh, = open_many(line, "tcp", 1, host=2)
    assert fresh.external == old[9].external


def test_a_port_rests_from_the_first_moment(line, resting):
    """REQ-8: also for a processor whose clock is a little behind that of the one that freed it."""
    old = open_many(line, "udp", 252)
    line.bench.control("delete", flow=old[9].flow)
    Watch(line, old[9]).at(-0.1)
    assert line.bench.audit(PROTO["udp"])["resting"] == 1
    assert open_many(line, "udp", 1, host=2) == []


def test_rested_ports_are_found(line, resting):
    """REQ-8: asking while all rest does not hide a port that has rested from the next who asks."""
    old = open_many(line, "udp", 252)
    watch = Watch(line, old[0])
    for c in old[:126]:
        line.bench.control("delete", flow=c.flow)
    watch.at(60)
    for c in old[126:]:
        line.bench.control("delete", flow=c.flow)
    assert open_many(line, "udp", 4, host=2) == []
    watch.at(REST_S + LATE)
    audit = line.bench.audit(PROTO["udp"])
    assert (audit["free"], audit["resting"]) == (126, 126)
    assert len(open_many(line, "udp", 126, host=3)) == 126
    assert open_many(line, "udp", 1, host=4) == []


# -- Events --------------------------------------------------------------------------------------

EVENT = struct.Struct("=QQ16sI4x")  # struct mape_event


def events(bench):
    """{number: (flow, counter's name)} of those that were noted."""
    found = {}
    for _, value in bench.dump("events"):
        number, _, flow, outcome = EVENT.unpack(value)
        if number:
            found[number] = Flow.unpack(flow), bench.keys[outcome]
    return found


def test_refusals_are_noted(line, few_ports):
    """REQ-11c: who wanted what, and why there was none; ten in a second, the rest is counted."""
    host = next(hosts)
    for _ in range(PORTS):
        try_to_open(line, "udp", host)
    begin_second(line, 1)
    known = set(events(line.bench))
    refused = [try_to_open(line, "udp", host) for _ in range(15)]
    assert all(counted == {"drop_out_host_ports": 1} for _, counted, _ in refused)
    noted = {number: event for number, event in events(line.bench).items() if number not in known}
    assert [noted[number] for number in sorted(noted)] == [
        (c.flow, "drop_out_host_ports") for c, _, _ in refused[:10]]
