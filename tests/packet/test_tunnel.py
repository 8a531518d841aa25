# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The outer header that we write (RFC 2473 section 6) and the extension headers that we skip."""
import pytest
from scapy.all import IP, IPv6, Raw, raw

import wire
from bench import FAST_PATH, TCP_OFFLOAD
from check import check, with_ip
from wire import BR, CE

FLOW_LABEL = 8  # flags of the config
VERSION = 6 << 28


@pytest.fixture
def outer(bench):
    """A function that sets fields of the outer header; undone afterwards."""
    yield bench.set
    bench.set(flags=FAST_PATH | TCP_OFFLOAD, hop_limit=64, outer_vtf=VERSION, tos_copied=3)


def sent(line, c, path, **parts):
    """The outer header with which a packet of the conversation leaves."""
    make = wire.from_lan if path == "lan" else wire.from_stack
    run = line.run(path, make(c.out(**parts)))
    assert run.to_br, run
    packet = IPv6(run.data[14:])
    assert (packet.version, packet.nh, packet.src, packet.dst) == (6, 4, CE, BR)
    # RFC 2473 section 3.1: the payload is the inner packet, nothing before or behind it.
    assert packet.plen == len(raw(packet)) - 40 == packet[IP].len
    return packet


@pytest.mark.parametrize("limit", [1, 64, 255])
@pytest.mark.parametrize("path", ["out", "lan"])
def test_hop_limit_is_configured(line, outer, path, limit):
    """And has nothing to do with the inner TTL, which falls by one per router (TUN-02, TUN-03)."""
    outer(hop_limit=limit)
    c = line.open_fast("udp")
    for ttl in (2, 63, 64, 128, 255):
        packet = sent(line, c, path, ip={"ttl": ttl})
        assert (packet.hlim, packet[IP].ttl) == (limit, ttl - (path == "lan"))
    if path == "out":
        assert sent(line, c, path, ip={"ttl": 1}).hlim == limit


@pytest.mark.parametrize("path", ["out", "lan"])
@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
def test_label_of_a_session(line, outer, proto, path):
    """One for all its packets, whatever they are and wherever they go (TUN-05)."""
    outer(flags=FAST_PATH | TCP_OFFLOAD | FLOW_LABEL)
    labels = []
    for _ in range(8):
        c = line.open_fast(proto)
        own = {sent(line, c, "out").fl}
        line.offload(c)  # again, since what comes out of the tunnel interface unseen ends it
        own |= {sent(line, c, path, **parts).fl
                for parts in ({}, {"body": b"x" * 1000}, {"ip": {"tos": 0xb8}})}
        assert len(own) == 1
        labels += own
    # Drawn from a million: eight of a kind, or a pair twice over, are no accident.
    assert len(set(labels)) >= 7


@pytest.mark.parametrize("path", ["out", "lan"])
def test_no_label(line, path):
    assert sent(line, line.open_fast("udp"), path).fl == 0


# -- Extension headers on arrival ------------------------------------------------------------------

def chain(*headers, inner, src=BR, last=4):
    """A frame with extension headers, each (type, what follows its length byte)."""
    types = [kind for kind, _ in headers] + [last]
    data = b"".join(bytes([types[i + 1], (len(body) + 2) // 8 - 1]) + body
                    for i, (_, body) in enumerate(headers))
    packet = IPv6(src=src, dst=CE, nh=types[0], hlim=64, plen=len(data) + len(raw(inner)))
    return wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC, packet / Raw(data + raw(inner)))


HBH, ROUTING, FRAGMENT, ESP, AH, DST, MOBILITY = 0, 43, 44, 50, 51, 60, 135
PADDING = bytes([1, 4, 0, 0, 0, 0])
ENCAP_LIMIT = bytes([4, 1, 4, 1, 1, 0])
ALERT = bytes([5, 2, 0, 0, 1, 0])
ARRIVED = bytes([2, 0, 0, 0, 0, 0] + [0] * 16)  # routing header without hops left
SKIPPED = {
    "encapsulation limit": [(DST, ENCAP_LIMIT)],
    "padding": [(DST, PADDING)],
    "six single bytes of padding": [(DST, bytes(6))],
    "an unknown option that may be skipped": [(DST, bytes([0x1e, 4, 1, 2, 3, 4]))],
    "hop-by-hop": [(HBH, ALERT)],
    "routing, arrived": [(ROUTING, ARRIVED)],
    "all in order": [(HBH, ALERT), (DST, PADDING), (ROUTING, ARRIVED), (DST, ENCAP_LIMIT)],
    "the longest": [(DST, bytes([1, 124] + [0] * 124))],
    "four headers": [(DST, PADDING)] * 4,
}
MUST_NOT_SKIP = bytes([0xde, 4, 0, 0, 0, 0])
LEFT = {
    "an option that discards": [(DST, MUST_NOT_SKIP)],
    "such an option hop by hop": [(HBH, bytes([0x5e, 4, 0, 0, 0, 0]))],
    "such an option behind another": [(DST, bytes([1, 0]) + bytes([0x9e, 2, 0, 0]))],
    "an option longer than its header": [(DST, bytes([1, 5, 0, 0, 0, 0]))],
    "hop-by-hop in the second place": [(DST, PADDING), (HBH, PADDING)],
    "routing with a hop left": [(ROUTING, bytes([2, 1, 0, 0, 0, 0] + [0] * 16))],
    "five headers": [(DST, PADDING)] * 5,
    "too long": [(DST, bytes([1, 132] + [0] * 132))],
    "mobility": [(MOBILITY, bytes(6))],
    "destination options and mobility": [(DST, PADDING), (MOBILITY, bytes(6))],
    "ESP": [(ESP, bytes(6))],
    "authentication": [(AH, bytes(22))],
}


@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
@pytest.mark.parametrize("name", SKIPPED)
def test_skipped(line, name, proto):
    """Behind them the packet is as good as without, on either path (TUN-14)."""
    for fast in (False, True):
        c = (line.open_fast if fast else line.open)(proto)
        parts = {"ip": {"tos": 2}}
        want = c.back_nat(**(with_ip(parts, ttl=56) if fast else parts), body=b"d" * 300)
        frame = chain(*SKIPPED[name], inner=c.back(**parts, body=b"d" * 300))
        check(line, "wan", frame, "to_host" if fast else "to_stack", want)


@pytest.mark.parametrize("name", LEFT)
def test_left_to_the_kernel(line, name):
    """Which knows the rules for them, and answers if there is one; untouched."""
    c = line.open("udp")
    check(line, "wan", chain(*LEFT[name], inner=c.back()), "pass")


@pytest.mark.parametrize("last", [6, 17, 41, 58, 59])
def test_nothing_of_ours_behind_them(line, last):
    check(line, "wan", chain((DST, PADDING), inner=Raw(bytes(64)), last=last), "pass")


def test_for_somebody_else(line):
    frame = raw(chain((DST, PADDING), inner=line.open("udp").back()))
    other = frame[:53] + bytes([frame[53] ^ 1]) + frame[54:]
    check(line, "wan", other, "pass")


def test_checks_come_behind_them(line):
    """A source or an inner packet that is refused is refused there too."""
    c = line.open("udp")
    check(line, "wan", chain((DST, ENCAP_LIMIT), inner=c.back(), src="2001:db8::66"),
          "drop_in_not_br")
    check(line, "wan", chain((DST, ENCAP_LIMIT), inner=Raw(raw(c.back())[:24])),
          "drop_in_malformed")


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 12, 15])
def test_cut_off(line, cut):
    """A frame that ends inside its extension headers or behind them."""
    c = line.open("udp")
    frame = raw(chain((DST, PADDING), (DST, PADDING), inner=c.back()))
    check(line, "wan", frame[:54 + cut], "pass")
    check(line, "wan", frame[:54 + 16 + cut], "drop_in_malformed")
