# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who may send to a mapped port (RFC 4787 section 5, RFC 7597 section 10), and hairpinning."""
import pytest
from scapy.all import ICMP, IP, raw

import wire
from bench import ADDRESS, ADDRESS_PORT, ENDPOINT
from wire import EXTERNAL, HOST, REMOTE

OTHER = "198.51.100.77"
HOST2 = "192.168.1.11"


@pytest.fixture(params=[ADDRESS, ENDPOINT, ADDRESS_PORT],
                ids=["address", "endpoint", "address-port"])
def mode(request, bench):
    bench.load(filtering=request.param)
    yield request.param
    bench.load()


def arrives(line, c, rem_addr, rem_port, **parts):
    """A packet from this remote to the port of a conversation. Returns what it did."""
    other = line.talk(c.proto, rem_addr=rem_addr, rem_port=rem_port, int_port=c.internal[1])
    other.external = c.external
    before = line.bench.counters()
    run = line.run("wan", wire.from_wan(other.back(**parts)))
    return other, run, line.bench.counted(before)


def assert_sound(bench):
    assert bench.ask("deep")["findings"] == []


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_who_may_send(line, mode, proto):
    c = line.open(proto)
    syn = {"l4": {"flags": "S"}} if proto == "tcp" else {}
    allowed = {
        (REMOTE, 444): mode in (ADDRESS, ENDPOINT),
        (OTHER, 443): mode == ENDPOINT,
    }
    for (addr, port), may in allowed.items():
        other, run, counted = arrives(line, c, addr, port, **syn)
        assert counted == {"kernel_in" if may else "drop_in_no_session": 1}, (addr, port)
        assert bool(line.session(other)) == may
        if may:
            assert run.data == raw(wire.from_stack(other.back_nat(**syn)))


def test_only_a_syn_opens(line, mode):
    c = line.open("tcp")
    for flags in ("A", "SA", "R", "FA"):
        _, _, counted = arrives(line, c, REMOTE, 444, l4={"flags": flags})
        assert counted == {"drop_in_no_session": 1}, flags


def test_each_protocol_for_itself(line, mode):
    """RFC 7857 section 5: what UDP opened lets no TCP in."""
    c = line.open("udp")
    c.proto = "tcp"
    _, _, counted = arrives(line, c, REMOTE, 443, l4={"flags": "S"})
    assert counted == {"drop_in_no_session": 1}


def test_refused_leaves_nothing(line, mode):
    c = line.open("udp")
    before = set(line.bench.sessions())
    arrives(line, c, "203.0.113.200", 1)
    if mode != ENDPOINT:
        assert set(line.bench.sessions()) == before
    assert_sound(line.bench)


def test_expiry_ends_the_admission(line, mode):
    c = line.open("udp")
    line.wait(301)
    line.bench.sweep()
    _, _, counted = arrives(line, c, REMOTE, 443)
    assert counted == {"drop_in_no_session": 1}
    assert_sound(line.bench)


def test_hairpin(line, mode):
    """RFC 4787 REQ-9: the other host sees the external address and port, and so does the reply."""
    a = line.open("udp")
    b = line.open("udp", int_addr=HOST2)
    ab = line.talk("udp", rem_addr=EXTERNAL, rem_port=b.external[1], int_port=a.internal[1])
    ba = line.talk("udp", rem_addr=EXTERNAL, rem_port=a.external[1], int_addr=HOST2,
                   int_port=b.internal[1])
    first = line.run("out", wire.from_stack(ab.out()))
    if mode == ENDPOINT:
        assert first.verdict == "redirect"
    else:
        assert first.verdict == "drop"  # b has not sent to our address yet
    reply = line.run("out", wire.from_stack(ba.out()))
    assert reply.verdict == "redirect"
    want = wire.inner("udp", True, b.external, a.internal)
    assert reply.data == raw(wire.from_stack(want))
    again = line.run("out", wire.from_stack(ab.out()))
    assert again.data == raw(wire.from_stack(wire.inner("udp", True, a.external, b.internal)))
    assert_sound(line.bench)


def test_foreign_port_of_our_address_goes_to_the_br(line, bench):
    c = line.talk("udp", rem_addr=EXTERNAL, rem_port=5000)
    run = line.run("out", wire.from_stack(c.out()))
    assert run.verdict == "redirect"
    s = line.session(c)
    c.external = EXTERNAL, s.ext_port
    assert run.data == raw(line.sent(c.out_nat()))


def test_hairpin_is_never_fast(line, bench):
    c = line.open("udp", rem_addr=EXTERNAL, rem_port=5000)
    line.offload(c)
    assert line.run("lan", wire.frame(wire.LAN_MAC, wire.HOST_MAC, c.out())).verdict == "pass"


def test_no_port_left_is_told(line, bench):
    """One destination, more sessions than ports: exactly as many as there are ports, then ICMP."""
    bench.load(offset=6, psid_len=8, psid=1)
    total = bench.audit(wire.PROTO["udp"])["total"]
    for _ in range(total):
        line.open("udp")
    c = line.talk("udp")
    packet = c.out()
    run = line.run("out", wire.from_stack(packet))
    assert run.verdict == "redirect"
    error = IP(run.data[14:])
    assert (error.src, error.dst) == ("192.0.0.1", HOST)
    assert (error[ICMP].type, error[ICMP].code) == (3, 13)
    quoted = raw(error[ICMP].payload)
    assert raw(packet).startswith(quoted) and len(quoted) >= 28
    rebuilt = IP(raw(error))
    del rebuilt.chksum, rebuilt[ICMP].chksum
    assert raw(IP(raw(rebuilt))) == raw(error)
    assert not line.session(c)
    assert_sound(line.bench)
    bench.load()
