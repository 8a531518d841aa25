# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the WAN hook accepts, what it drops and why, and what it leaves alone."""
import pytest
from scapy.all import (ARP, Dot1Q, Ether, GRE, ICMP, ICMPv6ND_NS, IP, IPv6, IPv6ExtHdrFragment,
                       Raw, SCTP, TCP, UDP, raw)

import wire
from check import check
from line import Line
from wire import BR2, CE, EXTERNAL, GATEWAY_MAC, REMOTE, WAN_MAC

# RFC 6040, figure 4: {(inner, outer): result}; None is a drop.
NOT_ECT, ECT1, ECT0, MARKED = range(4)
DECAP = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: NOT_ECT, ECT1: NOT_ECT, MARKED: None},
    ECT0: {NOT_ECT: ECT0, ECT0: ECT0, ECT1: ECT1, MARKED: MARKED},
    ECT1: {NOT_ECT: ECT1, ECT0: ECT1, ECT1: ECT1, MARKED: MARKED},
    MARKED: {NOT_ECT: MARKED, ECT0: MARKED, ECT1: MARKED, MARKED: MARKED},
}


@pytest.fixture
def c(line):
    """A UDP conversation on the kernel path."""
    return line.open("udp")


@pytest.mark.parametrize("outer", [NOT_ECT, ECT0, ECT1, MARKED])
@pytest.mark.parametrize("inner", [NOT_ECT, ECT0, ECT1, MARKED])
@pytest.mark.parametrize("proto, dscp, fast", [("udp", 0, False), ("tcp", 0x2e, False),
                                               ("icmp", 1, False), ("tcp", 0x2e, True)])
def test_ecn(line, proto, dscp, fast, inner, outer):
    """The outer DSCP does not come through, the inner one stays."""
    c = line.open_fast(proto) if fast else line.open(proto)
    result = DECAP[inner][outer]
    frame = wire.from_wan(c.back(ip={"tos": dscp << 2 | inner}), tc=0x38 << 2 | outer)
    if result is None:
        check(line, "wan", frame, "drop_in_ecn")
        return
    want = c.back_nat(ip={"tos": dscp << 2 | result, "ttl": 57 - fast})
    check(line, "wan", frame, "to_host" if fast else "to_stack", want)


def test_second_br(line, c):
    check(line, "wan", wire.from_wan(c.back(), src=BR2), "to_stack", c.back_nat())


def test_other_outer_fields_do_not_matter(line, c):
    """Flow label and hop limit are the network's business."""
    check(line, "wan", wire.from_wan(c.back(), fl=0xabcde, hlim=1), "to_stack", c.back_nat())


@pytest.mark.parametrize("src", ["2001:db8:b0::3", "2001:db8:b1::1", CE, "::", "fe80::1"])
def test_wrong_br(line, c, src):
    check(line, "wan", wire.from_wan(c.back(), src=src), "drop_in_not_br")


@pytest.mark.parametrize("address", ["192.0.2.2", "192.0.3.1", "192.168.1.10"])
def test_wrong_inner_destination(line, c, address):
    check(line, "wan", wire.from_wan(c.back(ip={"dst": address})), "drop_in_not_ours")


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("port", [0, 1, 1023, 1024, 1375, 1392, 2399, 65535])
def test_foreign_port(line, proto, port):
    """Next to our ranges and outside them."""
    c = line.talk(proto)
    c.external = EXTERNAL, port
    check(line, "wan", wire.from_wan(c.back()), "drop_in_foreign_port")


def unused(line, proto):
    """A port of the set that nobody holds."""
    ports = line.bench.ports({"tcp": 6, "udp": 17, "icmp": 1}[proto])
    index = next(i for i, port in enumerate(ports) if not port.refs)
    return (index // 16 + 1) * 1024 + 22 * 16 + index % 16


@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_no_session(line, proto):
    """A port of ours, but nobody asked: not that remote, not that protocol, or nobody at all."""
    c = line.open(proto)
    others = [line.talk(proto, rem_addr="198.51.100.8"), line.talk(proto), ]
    others[0].external = c.external
    others[1].external = EXTERNAL, unused(line, proto)
    if proto != "icmp":
        others.append(line.talk(proto, rem_port=444))
        others[-1].external = c.external
    for other in others:
        check(line, "wan", wire.from_wan(other.back()), "drop_in_no_session")


def test_icmp_query_to_us(line):
    """Whoever pings the shared address means all who share it: nobody here answers."""
    c = line.open("icmp")
    check(line, "wan", wire.from_wan(c.back(l4={"type": 8})), "drop_in_no_session")


@pytest.mark.parametrize("payload", [GRE(), SCTP(), Raw(bytes(20))])
def test_protocols_without_ports(line, payload):
    ip = {} if not isinstance(payload, Raw) else {"proto": 50}
    there = IP(src=REMOTE, dst=EXTERNAL, **ip) / payload
    check(line, "wan", wire.from_wan(there), "drop_in_protocol")
    check(line, "out", wire.from_stack(IP(src=wire.HOST, dst=REMOTE, **ip) / payload),
          "drop_out_protocol", told=True)


@pytest.mark.parametrize("kind", [4, 5, 9, 10, 15, 17, 40])
def test_icmp_types_that_are_not_translated(line, kind):
    icmp = ICMP(type=kind) / bytes(40)
    check(line, "wan", wire.from_wan(IP(src=REMOTE, dst=EXTERNAL) / icmp), "drop_in_protocol")
    check(line, "out", wire.from_stack(IP(src=wire.HOST, dst=REMOTE) / icmp),
          "drop_out_protocol")


def bad_packets(packet, proto):
    """(why, inner packet with a broken header) for a good packet of a protocol."""
    good = bytearray(raw(packet))
    l4 = {"tcp": 20, "udp": 8, "icmp": 8}[proto]

    def patched(at, value, base=good):
        return bytes(base[:at]) + bytes([value]) + bytes(base[at + 1:])

    def cut(n):
        """Only n bytes, and the header says so."""
        return bytes(good[:2]) + n.to_bytes(2, "big") + bytes(good[4:n])
    bad = [("version 6", patched(0, 0x65)), ("version 0", patched(0, 0x05)),
           ("header of 16 bytes", patched(0, 0x44)), ("header of 0 bytes", patched(0, 0x40)),
           ("header longer than packet", patched(0, 0x4f, bytearray(cut(20 + l4)))),
           ("longer than its frame", patched(2, 0x7f)),
           ("total length 0", patched(3, 0, bytearray(patched(2, 0)))),
           ("total length below the header", patched(3, 19, bytearray(patched(2, 0)))),
           ("no transport header", cut(20)), ("half a transport header", cut(20 + l4 - 1))]
    if proto == "tcp":
        bad += [("data offset below 5", patched(32, 0x40)),
                ("data offset beyond the packet", patched(32, 0xf0))]
    return bad


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_malformed(line, proto, padded):
    """Also where the frame is longer: bytes behind the packet are not its header."""
    c = line.open(proto)
    tail = bytes(64) if padded else b""
    wrong = {}
    for why, packet in [*bad_packets(c.back(body=b""), proto),
                        ("half an IPv4 header", raw(c.back())[:12])]:
        wrong[why] = try_bad(line, "wan", raw(wire.from_wan(Raw(packet), nh=4)) + tail)
    for why, packet in bad_packets(c.out(body=b""), proto):
        header = raw(wire.from_stack(IP()))[:14]
        wrong["out: " + why] = try_bad(line, "out", header + packet + tail)
    assert not {why: got for why, got in wrong.items() if got}


def try_bad(line, path, frame):
    """Empty, or what else happened than that the packet was dropped as malformed."""
    before = line.bench.counters()
    run = line.run(path, frame)
    counted = line.bench.counted(before)
    way = "drop_out_malformed" if path == "out" else "drop_in_malformed"
    return "" if counted == {way: 1} else f"{run.verdict} errno {run.errno} {counted}"


def test_longer_than_the_outer_payload(line, c):
    """The inner packet fits the frame but not the payload length of the outer header."""
    inner = c.back()
    check(line, "wan", wire.from_wan(inner, plen=len(inner) - 1), "drop_in_malformed")


def test_nothing_behind_the_outer_header(line):
    frame = Ether(dst=WAN_MAC, src=GATEWAY_MAC) / IPv6(src=wire.BR, dst=CE, nh=4, plen=0)
    check(line, "wan", frame, "drop_in_malformed")


def eth(packet):
    return Ether(dst=WAN_MAC, src=GATEWAY_MAC) / packet


ENCAPSULATED = IP(src=REMOTE, dst=EXTERNAL) / UDP(sport=443, dport=1376) / b"data"
V6 = IPv6(src=wire.BR, dst=CE)
NOT_OURS = {
    "IPv6 TCP to the CE address": eth(V6 / TCP(dport=22) / b"ssh"),
    "IPv6 UDP from the BR": eth(V6 / UDP(dport=546) / b"dhcp"),
    "neighbour solicitation for the CE address": eth(
        IPv6(src="fe80::1", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=CE)),
    "IPv4-in-IPv6 for somebody else": eth(
        IPv6(src=wire.BR, dst="2001:db8:ce::2") / ENCAPSULATED),
    "IPv4-in-IPv6 for a neighbour in the last bit": eth(
        IPv6(src=wire.BR, dst="2001:db8:ce::") / ENCAPSULATED),
    "fragment of another protocol": eth(V6 / IPv6ExtHdrFragment(nh=17, m=1) / ENCAPSULATED),
    "IPv6-in-IPv6": eth(V6 / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP()),
    "VLAN tagged": Ether(dst=WAN_MAC) / Dot1Q(vlan=5) / V6 / ENCAPSULATED,
    "ARP": Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=EXTERNAL),
    "IPv4": eth(IP(src=REMOTE, dst=EXTERNAL) / UDP(sport=443, dport=1376) / b"data"),
    "LLDP": Ether(dst="01:80:c2:00:00:0e", type=0x88cc) / bytes(46),
}


@pytest.mark.parametrize("length", [14, 20, 33, 34, 53])
def test_short_frames_are_untouched(bench, length):
    """In XDP; the kernel does not let a TC program be tested with them."""
    frame = raw(eth(V6 / ENCAPSULATED))[:length]
    check(Line(bench, "xdp"), "wan", frame, "pass")
    check(Line(bench, "xdp"), "lan", frame, "pass")


@pytest.mark.parametrize("name", NOT_OURS)
def test_untouched_on_the_wan(line, name):
    check(line, "wan", NOT_OURS[name], "pass")


@pytest.mark.parametrize("name", NOT_OURS)
def test_untouched_on_the_lan(line, name):
    check(line, "lan", NOT_OURS[name], "pass")


@pytest.mark.parametrize("name", [
    "IPv6 TCP to the CE address", "ARP", "VLAN tagged", "LLDP",
    "neighbour solicitation for the CE address"])
def test_only_ipv4_leaves_the_tunnel_interface(line, name):
    check(line, "out", NOT_OURS[name], "drop_out_not_ipv4")


@pytest.mark.parametrize("address", ["224.0.0.251", "255.255.255.255", "127.0.0.1", "0.0.0.0"])
def test_only_unicast_leaves_the_tunnel_interface(line, address):
    c = line.talk("udp", rem_addr=address)
    check(line, "out", wire.from_stack(c.out()), "drop_out_not_ipv4")


def test_no_route_to_the_br(line):
    """Nothing is lost without being counted."""
    c = line.open_fast("udp")
    line.bench.set(br=["2001:db8:dead::1"])
    try:
        check(line, "out", wire.from_stack(c.out()), "drop_out_no_route")
        if line.hook == "xdp":
            check(line, "lan", wire.from_lan(c.out()), "pass")
    finally:
        line.bench.set(br=[wire.BR, BR2])
