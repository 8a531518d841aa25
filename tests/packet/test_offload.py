# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""When a session gets onto the fast path, stays there and leaves it, with time moved."""
import pytest
from scapy.all import raw

import wire
from bench import FAST_PATH, TCP_OFFLOAD
from check import check

PASSAGE, REVALIDATE, REVALIDATE_ANY = 2, 15, 16  # seconds


def seen_at_lan(line, c, dev="lan0", **parts):
    """The stack sends an inbound packet to the host."""
    frame = raw(line.to_host(c.back_nat(**parts)))
    run = line.bench.run("lan_seen", frame, ifindex=line.bench.devices[dev])
    assert (run.verdict, run.data) == ("pass", frame)


def from_host(line, c, **kw):
    """The LAN hook sees a packet of the host: is it fast?"""
    parts = {key: kw.pop(key) for key in ("body", "ip", "l4") if key in kw}
    run = line.run("lan", wire.from_lan(c.out(**parts), **kw.pop("frame", {})), **kw)
    return run.verdict == "redirect"


def inbound_fast(line, c, **parts):
    before = line.bench.counters()
    line.receive(c, **parts)
    return line.bench.counted(before) == {"fast_in": 1}


def learn(line, c):
    """Both directions through the stack, as the first packets of a flow go."""
    line.receive(c)
    seen_at_lan(line, c)
    assert not from_host(line, c)
    line.send(c)


@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_learnt_from_both_directions(line, proto):
    c = line.open(proto)
    assert not from_host(line, c)
    assert not inbound_fast(line, c)
    seen_at_lan(line, c)
    session = line.session(c)
    assert (session.in_ok, session.out_ok) == (1, 0)
    assert session.lan_ifindex == line.lan
    assert (session.host_mac, session.lan_mac) == (wire.mac(wire.HOST_MAC),
                                                   wire.mac(wire.LAN_MAC))
    assert not inbound_fast(line, c), "outbound is not known yet"
    assert not from_host(line, c)
    assert not line.session(c).out_ok, "it has not come out of the stack yet"
    line.send(c)
    assert line.session(c).offloaded
    assert line.session(c).port_ifindex == line.port
    check(line, "lan", wire.from_lan(c.out()), "sent_fast", c.out_nat(ip={"ttl": 56}))
    check(line, "wan", wire.from_wan(c.back()), "to_host", c.back_nat(ip={"ttl": 56}))


def test_outbound_alone_is_not_enough(line):
    c = line.open("udp")
    for _ in range(3):
        assert not from_host(line, c)
        line.send(c)
    assert not line.session(c).out_ok


def test_a_late_passage_does_not_count(line):
    """What leaves the stack long after entering it may be something else."""
    c = line.open("udp")
    line.receive(c)
    line.wait(PASSAGE + 1)
    seen_at_lan(line, c)
    assert not line.session(c).in_ok
    line.receive(c)
    seen_at_lan(line, c)
    assert line.session(c).in_ok
    from_host(line, c)
    line.wait(PASSAGE + 1)
    line.send(c)
    assert not line.session(c).out_ok


def test_not_entered_is_not_learnt(line):
    """A packet that the router made itself or rewrote to this 5-tuple."""
    c = line.open("udp")
    seen_at_lan(line, c)
    assert not line.session(c).in_ok


def test_rewritten_is_not_learnt(line):
    """The firewall sends it to another host (DNAT): neither flow is offloaded."""
    c = line.open("udp")
    line.receive(c)
    other = line.talk("udp", int_addr="192.168.1.77", int_port=c.internal[1])
    seen_at_lan(line, other)
    assert not line.session(c).in_ok


@pytest.mark.parametrize("what", ["device", "our mac", "host mac"])
def test_elsewhere_is_not_fast(line, what):
    """Another device, a frame for another router, another host with the same address."""
    c = line.open_fast("udp")
    where = {"device": {"ifindex": line.bench.devices["lan2"]},
             "our mac": {"frame": {"dst": "02:00:00:00:00:12"}},
             "host mac": {"frame": {"src": "02:00:00:00:00:13"}}}[what]
    assert not from_host(line, c, **where)
    assert not line.session(c).seen
    assert from_host(line, c)


def test_host_moved(line):
    """A packet that came in where no LAN hook saw it ends the offload."""
    c = line.open_fast("udp")
    line.send(c)
    assert not line.session(c).offloaded
    assert not inbound_fast(line, c)


def test_bridge_port_changed(line):
    """XDP: a host behind another port of the bridge takes the stack once, then is fast there."""
    if line.hook == "tc":
        return
    c = line.open_fast("udp")
    lan0 = line.bench.devices["lan0"]
    assert not from_host(line, c, ifindex=lan0)
    line.send(c)
    assert from_host(line, c, ifindex=lan0)
    assert line.session(c).port_ifindex == lan0


@pytest.mark.parametrize("flags, proto, fast", [
    (0, "udp", False), (TCP_OFFLOAD, "udp", False), (FAST_PATH, "udp", True),
    (FAST_PATH, "icmp", True), (FAST_PATH, "tcp", False), (FAST_PATH | TCP_OFFLOAD, "tcp", True)])
def test_switches(line, flags, proto, fast):
    c = line.open_fast(proto)
    line.bench.set(flags=flags)
    try:
        assert from_host(line, c) is fast
        assert inbound_fast(line, c) is fast
        fresh = line.open(proto)
        line.receive(fresh)
        seen_at_lan(line, fresh)
        assert bool(line.session(fresh).in_ok) is fast
    finally:
        line.bench.set(flags=FAST_PATH | TCP_OFFLOAD)


def test_revalidation(line):
    """One packet every 15 s goes through the stack; the others stay fast."""
    c = line.open("udp")
    learn(line, c)
    line.wait(REVALIDATE - 1)
    assert from_host(line, c)
    line.wait(1.5)
    assert not from_host(line, c)
    assert from_host(line, c), "one is enough"
    assert inbound_fast(line, c), "inbound stays"
    line.send(c)
    assert not line.session(c).pending
    line.wait(REVALIDATE - 1)
    assert from_host(line, c), "15 s from the last time"


def test_revalidation_of_tcp_prefers_empty_segments(line):
    """After bulk data on a fast path, conntrack would take a data segment for out of window."""
    c = line.open("tcp")
    learn(line, c)
    line.wait(REVALIDATE + 0.5)
    assert from_host(line, c, body=b"data")
    assert not from_host(line, c, body=b"")
    assert from_host(line, c, body=b"data")
    line.send(c, body=b"")
    line.wait(REVALIDATE_ANY + 0.5)
    assert not from_host(line, c, body=b"data")


@pytest.mark.parametrize("first", ["in", "out"])
def test_demoted_when_the_packet_does_not_come_out(line, first):
    """The firewall drops the flow by now: both directions take the stack after 2 s."""
    c = line.open("udp")
    learn(line, c)
    line.wait(REVALIDATE + 0.5)
    assert not from_host(line, c)
    line.wait(PASSAGE - 0.5)
    assert from_host(line, c)
    assert inbound_fast(line, c)
    line.wait(1)
    if first == "in":
        assert not inbound_fast(line, c)
        assert not from_host(line, c)
    else:
        assert not from_host(line, c)
        assert not inbound_fast(line, c)
    session = line.session(c)
    assert not (session.in_ok or session.out_ok or session.pending)


def test_idle_is_not_demoted(line):
    """Silence of the host is no reason: inbound is never demoted first."""
    c = line.open("udp")
    learn(line, c)
    line.wait(100)
    assert inbound_fast(line, c)
    assert not from_host(line, c)
    line.send(c)
    assert from_host(line, c)


def test_renewed_within_two_seconds(line):
    c = line.open("udp")
    learn(line, c)
    line.wait(REVALIDATE + 1)
    assert not from_host(line, c)
    line.wait(PASSAGE - 0.5)
    line.send(c)
    line.wait(PASSAGE)
    assert from_host(line, c)
    assert inbound_fast(line, c)


def test_demote_request(line):
    """flush: the flow lives on, on the kernel path, and comes back."""
    c = line.open_fast("tcp")
    line.bench.control("demote", flow=c.flow)
    assert not from_host(line, c)
    assert not inbound_fast(line, c)
    learn(line, c)
    assert from_host(line, c)


def test_clock_wraps(line):
    """The marks are 32 bits of milliseconds: nothing happens when they wrap after 52 days."""
    bench = line.bench
    start = bench.offset
    # 1.5 s before the wrap, as seen from now.
    now = (bench.ticks() << 20) - start
    line.bench.now(((1 << 52) - now - 1500 * 10 ** 6) / 10 ** 9)
    c = line.open("udp")
    learn(line, c)
    assert from_host(line, c)
    line.wait(3)
    assert from_host(line, c)
    assert inbound_fast(line, c)
    assert not line.session(c).pending


def test_device_segments_count(line):
    """A super-packet counts as its segments; each of them has to fit the tunnel."""
    c = line.open_fast("tcp")
    body = bytes(1420 * 2 + 10)
    for size, segs, fits in ((1420, 3, True), (1420, 0, True), (1421, 3, False)):
        if line.hook == "xdp":
            return
        before = line.session(c).packets_out
        frame = wire.from_lan(c.out(body=body))
        run = line.run("lan", frame, gso_size=size, gso_segs=segs)
        assert (run.verdict != "pass") is fits
        # Test runs give super-packets no type, so the kernel refuses to encapsulate them.
        assert line.session(c).packets_out - before == (3 if fits else 0)


@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_bytes_and_packets(line, proto):
    """Counters and session count inner IPv4 bytes, on every path."""
    c = line.open_fast(proto)
    start, before = line.session(c), line.bench.counters()
    out, back = c.out(body=bytes(100)), c.back(body=bytes(200))
    for path, frame in (("lan", wire.from_lan(out)), ("wan", wire.from_wan(back)),
                        ("out", wire.from_stack(out)), ("wan", wire.from_wan(back))):
        line.run(path, frame)
    after, end = line.bench.counters(), line.session(c)
    assert {key: (after[key][0] - before[key][0], after[key][1] - before[key][1])
            for key in after if after[key] != before[key]} == {
        "fast_out": (1, len(out)), "kernel_out": (1, len(out)),
        "fast_in": (1, len(back)), "kernel_in": (1, len(back))}
    assert end.packets_out - start.packets_out == end.packets_in - start.packets_in == 2
    assert end.bytes_out - start.bytes_out == 2 * len(out)
    assert end.bytes_in - start.bytes_in == 2 * len(back)


def test_second_half_of_the_wan_hook_needs_a_note(bench):
    """wan_handoff leaves alone what wan_xdp has not marked."""
    frame = raw(wire.from_wan(b"anything"))
    run = bench.run("wan_handoff", frame)
    assert (run.verdict, run.data) == ("pass", frame)
