# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The NAPT: which ports are used, who gets what comes back, that every port comes back."""
from socket import inet_aton

import pytest
from scapy.all import IP, TCP, UDP, ICMP, raw

import wire
from bench import ICMP as P_ICMP, OVERLAP, OVERLAPPED, OWN_PORT, TCP as P_TCP, UDP as P_UDP
from line import Line

PROTOS = {"tcp": P_TCP, "udp": P_UDP, "icmp": P_ICMP}


def port_set(offset=6, psid_len=6, psid=22):
    """RFC 7597 section 5.1, as it is written there: A, PSID, j."""
    j_bits = 16 - offset - psid_len
    high = range(1, 1 << offset) if offset else [0]
    return [a << (16 - offset) | psid << j_bits | j for a in high for j in range(1 << j_bits)]


# Where the number of ports does not matter: 252 of them.
SMALL = {"offset": 6, "psid_len": 8, "psid": 77}


@pytest.fixture
def napt(bench):
    """The bench loaded anew: no session, all ports free. XDP, which every kernel can run."""
    def load(**config):
        bench.load(**config)
        return Line(bench, "xdp")
    return load


def assert_accounts(bench):
    assert bench.ask("deep")["findings"] == []


def open_many(line, proto, count, rem_addr="198.51.100.7", host=1):
    """Sessions of that many endpoints with one remote; those that got a port, with their port."""
    talks = [line.talk(proto, rem_addr=rem_addr, int_addr=f"10.{host}.{i >> 8}.{i & 255}",
                       int_port=5000) for i in range(count)]
    flags = {"l4": {"flags": "S"}} if proto == "tcp" else {}
    base = raw(wire.from_stack(talks[0].out(**flags)))
    # Only the addresses differ; scapy is slow, and checksums do not matter here.
    frames = [base[:26] + inet_aton(t.internal[0]) + base[30:] for t in talks]
    runs = line.bench.run_all("mape_out", frames)
    opened = []
    for talk, run in zip(talks, runs):
        if run.to_br:
            talk.external = wire.EXTERNAL, external_port(proto, run.data)
            opened.append(talk)
    return opened


def external_port(proto, frame):
    at = 14 + 40 + 20 + (4 if proto == "icmp" else 0)
    return int.from_bytes(frame[at:at + 2], "big")


def delivered(line, c):
    """Where an answer to this conversation goes: (address, port), None if nowhere."""
    run = line.run("wan", wire.from_wan(c.back()))
    if run.verdict == "drop":
        return None
    packet = IP(run.data[14:])
    port = packet[ICMP].id if ICMP in packet else packet[UDP if UDP in packet else TCP].dport
    return packet.dst, port


@pytest.mark.parametrize("proto", PROTOS)
def test_one_mapping_per_endpoint(napt, proto):
    """RFC 4787 REQ-1: the external port does not depend on the remote."""
    line = napt()
    flags = {"l4": {"flags": "S"}} if proto == "tcp" else {}
    first, others = line.talk(proto), []
    line.send(first, **flags)
    for i in range(20):
        c = line.talk(proto, rem_addr=f"203.0.113.{i}", rem_port=1000 + i,
                      int_port=first.internal[1])
        line.send(c, **flags)
        others.append(c)
    assert {c.external for c in others} == {first.external}
    mapping, = line.bench.mappings().values()
    assert mapping.refs == 21
    assert line.bench.audit(PROTOS[proto])["used"] == 1
    other = line.talk(proto)
    line.send(other, **flags)
    assert other.external != first.external
    assert_accounts(line.bench)
    for c in others:
        line.bench.control("delete", flow=c.flow)
    assert line.bench.mappings()[first.flow.endpoint].refs == 1
    line.bench.control("delete", flow=first.flow)
    assert list(line.bench.mappings()) == [other.flow.endpoint]
    assert_accounts(line.bench)


def test_protocols_have_their_own_ports(napt):
    line = napt()
    for proto in PROTOS:
        line.open(proto, int_port=7777)
    assert [line.bench.audit(p)["used"] for p in PROTOS.values()] == [1, 1, 1]


@pytest.mark.parametrize("proto", PROTOS)
def test_all_ports_and_no_other(napt, proto):
    """1008 endpoints get the 1008 ports; the next one with the same remote gets none."""
    line = napt()
    opened = open_many(line, proto, 1008)
    ports = [c.external[1] for c in opened]
    assert sorted(ports) == port_set()
    assert ports != sorted(ports), "handed out in random order"
    assert len({port >> 10 for port in ports[:126]}) > 40, "spread over the ranges from the start"
    audit = line.bench.audit(PROTOS[proto])
    assert (audit["used"], audit["free"], audit["overlapped"]) == (1008, 0, 0)
    before = line.bench.counters()
    assert open_many(line, proto, 5, host=2) == []
    assert line.bench.counted(before) == {"drop_out_no_port": 5}
    for c in opened[::50]:
        assert delivered(line, c) == c.internal
    assert_accounts(line.bench)


def test_overlap_after_exhaustion(napt):
    """RFC 7857 section 3: another remote may share a port, and each gets its own answers."""
    line = napt(**SMALL)
    first = open_many(line, "udp", 252)
    before = line.bench.counters()
    second = open_many(line, "udp", 252, rem_addr="198.51.100.8", host=2)
    assert line.bench.counted(before) == {"kernel_out": 252, "overlapped": 252}
    assert sorted(c.external[1] for c in second) == port_set(**SMALL), "the search is complete"
    assert open_many(line, "udp", 3, rem_addr="198.51.100.8", host=3) == []
    for c in (first + second)[::10]:
        assert delivered(line, c) == c.internal
    sessions = line.bench.sessions()
    assert all(sessions[c.flow].flags == OVERLAP for c in second)
    assert all(port.flags & OVERLAPPED for port in line.bench.ports(P_UDP))
    assert len(line.bench.overlaps()) == 252
    assert_accounts(line.bench)
    # Deleting either side leaves the other alone.
    for c in first[:100] + second[-100:]:
        line.bench.control("delete", flow=c.flow)
    for c in first[:100:10] + second[-100::10]:
        assert delivered(line, c) is None
    for c in (first[100:] + second[:-100])[::10]:
        assert delivered(line, c) == c.internal
    assert_accounts(line.bench)


def test_second_mapping_of_one_endpoint(napt):
    """The remote is taken on the port of the endpoint's mapping: the session gets another port."""
    line = napt(**SMALL)
    first = open_many(line, "udp", 252)
    guest = open_many(line, "udp", 1, rem_addr="198.51.100.8", host=2)[0]
    owner = next(c for c in first if c.external == guest.external)
    c = line.talk("udp", rem_addr="198.51.100.8", int_addr=owner.internal[0],
                  int_port=owner.internal[1])
    line.send(c)
    session = line.session(c)
    assert c.external != owner.external
    assert session.flags == OVERLAP | OWN_PORT
    assert delivered(line, c) == owner.internal
    assert delivered(line, guest) == guest.internal
    assert delivered(line, owner) == owner.internal
    # A remote that nobody has taken goes over the mapping again.
    again = line.talk("udp", rem_addr="198.51.100.9", int_addr=owner.internal[0],
                      int_port=owner.internal[1])
    line.send(again)
    assert again.external == owner.external
    assert delivered(line, again) == owner.internal
    assert_accounts(line.bench)
    for conversation in (c, again, guest):
        line.bench.control("delete", flow=conversation.flow)
        assert_accounts(line.bench)


def test_owner_gone_guest_stays(napt):
    """A shared port lives as long as anybody holds it, and keeps its generation."""
    line = napt(**SMALL)
    first = open_many(line, "udp", 252)
    guest = open_many(line, "udp", 1, rem_addr="198.51.100.8", host=2)[0]
    owner = next(c for c in first if c.external == guest.external)
    line.bench.control("delete", flow=owner.flow)
    assert delivered(line, guest) == guest.internal
    assert delivered(line, owner) is None
    assert line.bench.audit(P_UDP)["free"] == 0
    line.bench.control("delete", flow=guest.flow)
    audit = line.bench.audit(P_UDP)
    assert (audit["free"], audit["overlapped"]) == (1, 0)
    fresh = open_many(line, "udp", 1, host=3)[0]
    assert fresh.external == guest.external
    port = line.bench.ports(P_UDP)[line.session(fresh).index]
    assert (port.flags & OVERLAPPED, port.refs) == (0, 1)
    assert_accounts(line.bench)


@pytest.mark.parametrize("proto, seconds", [("tcp", 240), ("udp", 300), ("icmp", 60)])
def test_expiry_gives_every_port_back(napt, proto, seconds):
    line = napt(**SMALL)
    bench = line.bench
    initial = bench.audit(PROTOS[proto])
    for generation in (1, 2):
        assert len(open_many(line, proto, 252)) == 252
        assert len(open_many(line, proto, 100, rem_addr="198.51.100.8", host=2)) == 100
        line.wait(seconds + 60)
        bench.sweep()
        assert (bench.sessions(), bench.mappings(), bench.overlaps()) == ({}, {}, {})
        assert bench.live() == 0
        assert bench.audit(PROTOS[proto]) == initial
        assert {port.generation for port in bench.ports(PROTOS[proto])} == {generation}
        assert_accounts(bench)


def test_reserved_ports_are_not_handed_out(napt):
    """--reserve-ranges: the first 32 ports are kept for servers."""
    line = napt(reserve=32, **SMALL)
    for proto, number in PROTOS.items():
        audit = line.bench.audit(number)
        assert (audit["reserved"], audit["free"], audit["lost"]) == (32, 220, 0)
        ports = [c.external[1] for c in open_many(line, proto, 252)]
        assert sorted(ports) == port_set(**SMALL)[32:]
        guests = open_many(line, proto, 220, rem_addr="198.51.100.8", host=2)
        assert sorted(c.external[1] for c in guests) == port_set(**SMALL)[32:]
    assert_accounts(line.bench)


@pytest.mark.parametrize("offset, psid_len, psid", [
    (4, 8, 52), (6, 8, 255), (4, 12, 4095), (0, 6, 0), (0, 8, 255), (0, 16, 1024), (15, 1, 1),
    (1, 15, 0)])
def test_sets_of_other_shapes(napt, offset, psid_len, psid):
    """All ports are used and nothing else, whatever the rule; port 0 never."""
    line = napt(offset=offset, psid_len=psid_len, psid=psid)
    ports = [port for port in port_set(offset, psid_len, psid) if port]
    wanted = min(len(ports), 300)
    got = [c.external[1] for c in open_many(line, "udp", wanted)]
    assert len(set(got)) == wanted
    assert set(got) <= set(ports)
    if wanted == len(ports):
        assert open_many(line, "udp", 1, host=2) == []
        assert len(open_many(line, "udp", 1, rem_addr="198.51.100.8", host=2)) == 1
    assert_accounts(line.bench)


def test_unshared_address(napt):
    """A full address: 65535 ports of each protocol."""
    line = napt(offset=0, psid_len=0, psid=0)
    assert line.bench.audit(P_TCP)["free"] == 65535
    opened = open_many(line, "tcp", 300)
    assert len({c.external for c in opened}) == 300
    for c in opened[::50]:
        assert delivered(line, c) == c.internal


def test_delete_of_nothing(napt):
    line = napt()
    c = line.talk("udp")
    for op in ("delete", "demote"):
        assert line.bench.control(op, flow=c.flow)["result"] == -2  # ENOENT


def test_delete_and_open_again(napt):
    """A flow that is deleted and comes back does not pile up anywhere."""
    line = napt()
    c = line.talk("udp")
    for _ in range(50):
        line.send(c)
        line.bench.control("delete", flow=c.flow)
    line.send(c)
    assert line.bench.control("sweep", count=1000)["visited"] >= 1
    visited = line.bench.control("sweep", count=40)["visited"]
    assert visited == 40, "the queue goes round"
    assert len(line.bench.sessions()) == 1
    assert_accounts(line.bench)
