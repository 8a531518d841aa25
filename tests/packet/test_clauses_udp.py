# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 4787, UDP behind a NAT: what docs/CONFORMANCE.md claims and no other test shows."""
import pytest
from scapy.all import raw

import wire
from bench import ADDRESS, ADDRESS_PORT, ENDPOINT
from check import check, through
from clock import EARLY, Watch, assert_lasts
from wire import EXTERNAL, HOST, REMOTE

OTHER = "198.51.100.8"
UDP_S = 300


def replied(line, c):
    line.receive(c)


def one_way(line, c):
    pass


def sent_fast(line, c):
    line.offload(c)
    check(line, "lan", wire.from_lan(c.out()), "sent_fast", c.out_nat(ip={"ttl": 56}))


def received_fast(line, c):
    line.offload(c)
    check(line, "wan", wire.from_wan(c.back()), "to_host", c.back_nat(ip={"ttl": 56}))


@pytest.mark.parametrize("before", [one_way, replied, sent_fast, received_fast])
def test_mapping_outlives_two_minutes(line, before):
    """REQ-5: 120 s at least and 300 s by default, also where nobody ever answered; what comes
    at the last moment is delivered."""
    c = line.open("udp")
    before(line, c)
    watch = Watch(line, c)
    assert watch.at(119)
    assert watch.at(UDP_S - EARLY)
    through(line, "to_host" if line.session(c).offloaded else "to_stack", c, {})
    assert_lasts(line, c, UDP_S)


@pytest.mark.parametrize("refresh", ["send", "receive", sent_fast, received_fast])
def test_either_direction_refreshes(line, refresh):
    """REQ-6: an outbound packet refreshes, by either path; ours lets inbound ones do so too."""
    c = line.open("udp")
    for _ in range(3):
        assert Watch(line, c).at(UDP_S - EARLY)
        getattr(line, refresh)(c) if isinstance(refresh, str) else refresh(line, c)
    assert_lasts(line, c, UDP_S)


def test_hosts_do_not_share_a_port(line):
    """REQ-3: while ports are free two internal endpoints have two external ones."""
    same_port = [line.open("udp", int_addr=f"192.168.1.{i}", int_port=5353) for i in range(50, 90)]
    assert len({c.external for c in same_port}) == len(same_port)


@pytest.fixture(params=[ADDRESS, ENDPOINT, ADDRESS_PORT],
                ids=["address", "endpoint", "address-port"])
def crowded(request, bench):
    """A set of 252 ports, all of them in use; gives the filter mode."""
    bench.load(offset=6, psid_len=8, psid=77, filtering=request.param)
    yield request.param
    bench.load()


def admitted(line, c, rem_addr, rem_port):
    """Does this remote reach the conversation's host by its port?"""
    other = line.talk("udp", rem_addr=rem_addr, rem_port=rem_port)
    other.external = c.external
    run = line.run("wan", wire.from_wan(other.back()))
    return run.verdict != "drop"


def test_behaviour_does_not_change_under_pressure(line, crowded):
    """REQ-11: with every port in use an endpoint keeps its port for each new destination, and
    the filter admits and refuses whom it did before."""
    talks = [line.open("udp", int_addr="10.0.0.1", int_port=1000 + i) for i in range(252)]
    assert len({c.external for c in talks}) == 252
    refused = line.talk("udp", int_addr="10.0.0.2")
    before = line.bench.counters()
    line.send(refused)
    assert line.bench.counted(before) == {"drop_out_no_port": 1}
    for i, c in enumerate(talks[::25]):
        assert admitted(line, c, REMOTE, 443)
        assert admitted(line, c, REMOTE, 444) is (crowded != ADDRESS_PORT)
        assert admitted(line, c, OTHER, 443) is (crowded == ENDPOINT)
        again = line.talk("udp", rem_addr="203.0.113.50", rem_port=1000 + i,
                          int_addr=c.internal[0], int_port=c.internal[1])
        line.send(again)
        assert again.external == c.external


@pytest.mark.parametrize("host", [REMOTE, "198.51.100.200"],
                         ids=["the remote's address", "the remote's network"])
def test_lan_with_addresses_of_the_internet(line, host):
    """REQ-7: a LAN that uses a network that exists elsewhere. Packets of such a host are translated
    as any other's and come back to it."""
    c = line.open("udp", int_addr=host)
    for way in ("sent", "to_stack"):
        through(line, way, c, {})
    line.offload(c)
    for way in ("sent_fast", "to_host"):
        through(line, way, c, {})


def test_host_with_our_own_address(line):
    """REQ-7: what claims to come from the shared address is refused, or an answer would loop."""
    c = line.talk("udp", int_addr=EXTERNAL)
    check(line, "out", wire.from_stack(c.out()), "drop_out_source")


@pytest.fixture
def open_to_all(bench):
    bench.set(filtering=ENDPOINT)
    yield
    bench.set(filtering=ADDRESS_PORT)


def test_packet_to_oneself_does_not_loop(line, open_to_all):
    """REQ-7, REQ-9: what a host sends to its own external port comes back once, from there."""
    c = line.open("udp")
    loop = line.talk("udp", rem_addr=EXTERNAL, rem_port=c.external[1], int_port=c.internal[1])
    before = line.bench.counters()
    run = line.run("out", wire.from_stack(loop.out()))
    assert line.bench.counted(before) == {"hairpin": 1}
    want = wire.inner("udp", True, c.external, (HOST, c.internal[1]))
    assert run.data == raw(wire.from_stack(want))
