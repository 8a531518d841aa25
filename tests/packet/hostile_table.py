# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Malformed and hostile packets by name, each with the one counter that it leaves ("pass": none,
and the packet goes on untouched). The tables of test_hostile_cases.py.

A case is (way, function of a good UDP conversation that gives the frame).
"""
from scapy.all import (ARP, Dot1AD, Dot1Q, Ether, GRE, ICMP, IP, IPv6, Raw, TCP, UDP, raw)

import wire
from meshrule import Rule
from wire import BR, CE, EXTERNAL, HOST, REMOTE

MESH = Rule("2001:db8:f000::/40", "203.0.113.0/24", 16, 6)
PEER = "203.0.113.7"
UNASKED = 63 * 1024 + 22 * 16 + 15  # of the set; somebody may have it, but not for ...
STRANGER = "198.51.100.250", 443    # ... this remote
FOREIGN = 63 * 1024 + 23 * 16


def wan(packet, **outer):
    return wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC, wire.encap(packet, **outer))


def bytes_in(data, **outer):
    return wan(Raw(data), **outer)


def patched(packet, at, *values):
    data = bytearray(raw(packet))
    data[at:at + len(values)] = values
    return bytes(data)


def cut(packet, length):
    """The first bytes of an IPv4 packet, and its header says so."""
    return patched(raw(packet)[:length], 2, length >> 8, length & 255)


def outer_version(version):
    return lambda c: patched(wan(c.back()), 14, version << 4)


def extension(kind, body, packet, last=4):
    data = bytes([last, (len(body) + 2) // 8 - 1]) + body + raw(packet)
    return bytes_in(data, nh=kind)


def back(**fields):
    """A good answer but for fields of its IPv4 header."""
    return lambda c: wan(c.back(ip=fields))


def to_port(proto, port, **l4):
    """From a remote that nobody here talks to, to some port of the shared address."""
    return lambda c: wan(wire.inner(proto, False, (EXTERNAL, port), STRANGER, l4=l4))


def icmp(kind, **fields):
    return lambda c: wan(IP(src=REMOTE, dst=EXTERNAL) / ICMP(type=kind, **fields) / bytes(32))


def error(quote, **fields):
    """An ICMP error from a router; quote gives the packet that it is about."""
    return lambda c: wan(IP(src=wire.ROUTER, dst=EXTERNAL) /
                         ICMP(type=3, code=1, **fields) / Raw(raw(quote(c))[:48]))


def went(src=EXTERNAL, port=None, **ip):
    """A packet that could have gone out."""
    return lambda c: IP(**{"src": src, "dst": c.remote[0], **ip}) / \
        UDP(sport=port or c.external[1], dport=c.remote[1]) / bytes(20)


OUTER = {
    "from nobody": ("drop_in_not_br", lambda c: wan(c.back(), src="2001:db8::66")),
    "from next to the BR": ("drop_in_not_br", lambda c: wan(c.back(), src="2001:db8:b0::")),
    "from the unspecified address": ("drop_in_not_br", lambda c: wan(c.back(), src="::")),
    "from loopback": ("drop_in_not_br", lambda c: wan(c.back(), src="::1")),
    "from a link-local address": ("drop_in_not_br", lambda c: wan(c.back(), src="fe80::1")),
    "from a multicast address": ("drop_in_not_br", lambda c: wan(c.back(), src="ff02::1")),
    "from a mapped IPv4 address": ("drop_in_not_br",
                                   lambda c: wan(c.back(), src="::ffff:192.0.2.1")),
    "from our own CE address": ("drop_in_not_br", lambda c: wan(c.back(), src=CE)),
    "outer version 0": ("pass", outer_version(0)),
    "outer version 4": ("pass", outer_version(4)),
    "outer version 15": ("pass", outer_version(15)),
    "outer payload of 0": ("drop_in_malformed", lambda c: wan(c.back(), plen=0)),
    "outer payload of 19": ("drop_in_malformed", lambda c: wan(c.back(), plen=19)),
    "outer payload a byte short": ("drop_in_malformed",
                                   lambda c: wan(c.back(), plen=len(c.back()) - 1)),
    "outer payload longer than the frame": ("drop_in_malformed",
                                            lambda c: wan(c.back(), plen=len(c.back()) + 1)),
    "outer payload of 65535": ("drop_in_malformed", lambda c: wan(c.back(), plen=65535)),
    "next header 41": ("pass", lambda c: wan(c.back(), nh=41)),
    "no next header": ("pass", lambda c: wan(c.back(), nh=59)),
    "next header ICMPv6": ("pass", lambda c: wan(c.back(), nh=58)),
    "for another address of the line": ("pass", lambda c: wan(c.back(), dst="2001:db8:ce::2")),
    "for all nodes": ("pass", lambda c: wan(c.back(), dst="ff02::1")),
    "tagged": ("pass", lambda c: Ether(dst=wire.WAN_MAC) / Dot1Q(vlan=1) / wire.encap(c.back())),
    "tagged twice": ("pass", lambda c: Ether(dst=wire.WAN_MAC) / Dot1AD(vlan=1) /
                     Dot1Q(vlan=1) / wire.encap(c.back())),
    "bare IPv4": ("pass", lambda c: wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC, c.back())),
    "jumbo payload option": ("pass", lambda c: extension(0, bytes.fromhex("c20400000064"),
                                                         c.back())),
    "home address option": ("pass", lambda c: extension(60, bytes([0xc9, 16] + [0] * 16 +
                                                                  [1, 2, 0, 0]), c.back())),
    "source routed": ("pass", lambda c: extension(43, bytes([0, 1] + [0] * 20), c.back())),
    "endless extension header": ("pass", lambda c: patched(
        extension(60, bytes([1, 4, 0, 0, 0, 0]), c.back()), 55, 255)),
    "congestion marked for somebody who does not know": (
        "drop_in_ecn", lambda c: wan(c.back(), tc=3)),
}
INNER = {
    "one byte": ("drop_in_malformed", lambda c: bytes_in(b"\x45")),
    "half a header": ("drop_in_malformed", lambda c: bytes_in(raw(c.back())[:10])),
    "inner version 0": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 0, 0x05))),
    "inner version 6": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 0, 0x65))),
    "a whole IPv6 packet": ("drop_in_malformed",
                            lambda c: wan(IPv6(src=BR, dst=CE) / UDP() / b"x", nh=4)),
    "header of 0 bytes": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 0, 0x40))),
    "header of 16 bytes": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 0, 0x44))),
    "header longer than the packet": ("drop_in_malformed", lambda c: bytes_in(
        patched(cut(c.back(), 36), 0, 0x4f))),
    "length 0": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 2, 0, 0))),
    "length 19": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 2, 0, 19))),
    "length below the header's": ("drop_in_malformed", lambda c: bytes_in(
        patched(c.back(), 0, 0x46, 0, 0, 23))),
    "length beyond the frame": ("drop_in_malformed", lambda c: bytes_in(
        patched(c.back(), 2, 0, len(c.back()) + 1))),
    "length 65535": ("drop_in_malformed", lambda c: bytes_in(patched(c.back(), 2, 255, 255))),
    "IPv4 in IPv4": ("drop_in_protocol", back(proto=4)),
    "IPv6 in IPv4": ("drop_in_protocol", back(proto=41)),
    "protocol 0": ("drop_in_protocol", back(proto=0)),
    "protocol 255": ("drop_in_protocol", back(proto=255)),
    "GRE": ("drop_in_protocol", lambda c: wan(IP(src=REMOTE, dst=EXTERNAL) / GRE())),
    "source 0.0.0.0": ("drop_in_source", back(src="0.0.0.0")),
    "source 0.1.2.3": ("drop_in_source", back(src="0.1.2.3")),
    "source loopback": ("drop_in_source", back(src="127.0.0.1")),
    "source multicast": ("drop_in_source", back(src="224.0.0.1")),
    "source reserved": ("drop_in_source", back(src="240.0.0.1")),
    "source broadcast": ("drop_in_source", back(src="255.255.255.255")),
    "source our address and port": ("drop_in_source", lambda c: wan(
        IP(src=EXTERNAL, dst=EXTERNAL) / UDP(sport=c.external[1], dport=c.external[1]))),
    "TCP from our address and port": ("drop_in_source", lambda c: wan(
        IP(src=EXTERNAL, dst=EXTERNAL) / TCP(sport=UNASKED, dport=c.external[1]))),
    "our address, somebody else's port": ("drop_in_no_session", lambda c: wan(
        IP(src=EXTERNAL, dst=EXTERNAL) / UDP(sport=FOREIGN, dport=c.external[1]))),
    "destination next to ours": ("drop_in_not_ours", back(dst="192.0.2.2")),
    "destination in the LAN": ("drop_in_not_ours", back(dst=HOST)),
    "destination broadcast": ("drop_in_not_ours", back(dst="255.255.255.255")),
    "destination multicast": ("drop_in_not_ours", back(dst="224.0.0.1")),
    "destination loopback": ("drop_in_not_ours", back(dst="127.0.0.1")),
    "destination 0.0.0.0": ("drop_in_not_ours", back(dst="0.0.0.0")),
    "destination of the tunnel itself": ("drop_in_not_ours", back(dst="192.0.0.2")),
}
TRANSPORT = {
    "port 0": ("drop_in_foreign_port", to_port("udp", 0)),
    "system port": ("drop_in_foreign_port", to_port("tcp", 22)),
    "the neighbour's port": ("drop_in_foreign_port", to_port("udp", FOREIGN)),
    "port 65535": ("drop_in_foreign_port", to_port("tcp", 65535)),
    "the neighbour's query id": ("drop_in_foreign_port", to_port("icmp", FOREIGN)),
    "UDP header cut": ("drop_in_malformed", lambda c: bytes_in(cut(c.back(), 27))),
    "no UDP header": ("drop_in_malformed", lambda c: bytes_in(cut(c.back(), 20))),
    "TCP header cut": ("drop_in_malformed", lambda c: bytes_in(cut(
        IP(src=REMOTE, dst=EXTERNAL) / TCP(dport=UNASKED), 39))),
    "TCP data offset 4": ("drop_in_malformed", to_port("tcp", UNASKED, dataofs=4)),
    "TCP data offset 15": ("drop_in_malformed", to_port("tcp", UNASKED, dataofs=15)),
    "ICMP header cut": ("drop_in_malformed", lambda c: bytes_in(cut(
        IP(src=REMOTE, dst=EXTERNAL) / ICMP(type=0), 27))),
    "unasked UDP": ("drop_in_no_session", to_port("udp", UNASKED)),
    "unasked SYN": ("drop_in_no_session", to_port("tcp", UNASKED, flags="S")),
    "SYN and ACK out of nothing": ("drop_in_no_session", to_port("tcp", UNASKED, flags="SA")),
    "RST out of nothing": ("drop_in_no_session", to_port("tcp", UNASKED, flags="R")),
    "all flags": ("drop_in_no_session", to_port("tcp", UNASKED, flags="FSRPAUEC")),
    "no flags": ("drop_in_no_session", to_port("tcp", UNASKED, flags=0)),
    "the right port, another remote": ("drop_in_no_session", lambda c: wan(
        IP(src="198.51.100.8", dst=EXTERNAL) / UDP(sport=443, dport=c.external[1]))),
    "the right remote, another port of it": ("drop_in_no_session", lambda c: wan(
        IP(src=REMOTE, dst=EXTERNAL) / UDP(sport=444, dport=c.external[1]))),
    "TCP to a UDP session's port": ("drop_in_no_session", lambda c: wan(
        wire.inner("tcp", False, c.external, c.remote))),
    "ping of the shared address": ("drop_in_no_session", icmp(8, id=UNASKED)),
    "ping answer to nobody": ("drop_in_no_session", icmp(0, id=UNASKED)),
    "source quench": ("drop_in_protocol", icmp(4)),
    "redirect": ("drop_in_protocol", icmp(5)),
    "router advertisement": ("drop_in_protocol", icmp(9)),
    "address mask request": ("drop_in_protocol", icmp(17)),
    "ICMP type 200": ("drop_in_protocol", icmp(200)),
    "error about nothing": ("drop_in_icmp", error(went(port=UNASKED, dst=STRANGER[0]))),
    "error about a foreign port": ("drop_in_foreign_port", error(went(port=FOREIGN))),
    "error about another's packet": ("drop_in_not_ours", error(went(src="192.0.2.9"))),
    "error about a LAN address": ("drop_in_not_ours", error(went(src=HOST))),
    "error about GRE": ("drop_in_protocol",
                        error(lambda c: IP(src=EXTERNAL, dst=REMOTE) / GRE() / bytes(20))),
    "error about an error": ("drop_in_malformed", error(
        lambda c: IP(src=EXTERNAL, dst=REMOTE) / ICMP(type=3) / bytes(20))),
    "error without a quote": ("drop_in_malformed", lambda c: wan(
        IP(src=wire.ROUTER, dst=EXTERNAL) / ICMP(type=3))),
    "error with half a quote": ("drop_in_malformed", lambda c: wan(
        IP(src=wire.ROUTER, dst=EXTERNAL) / ICMP(type=11) / Raw(raw(went()(c))[:20]))),
    "error about IPv6": ("drop_in_malformed", error(lambda c: Raw(b"\x60" + bytes(47)))),
    "an endless quoted header": ("drop_in_malformed", lambda c: wan(
        IP(src=wire.ROUTER, dst=EXTERNAL) / ICMP(type=3) /
        Raw(patched(went()(c), 0, 0x4f)[:28]))),
}
FROM_MESH = {
    "another CE, its own packet": ("drop_in_no_session", lambda c: wan(
        IP(src=PEER, dst=EXTERNAL) / UDP(sport=50000, dport=c.external[1]),
        src=MESH.ce(PEER, 50000))),
    "another CE, another's address": ("drop_in_mesh_address", lambda c: wan(
        IP(src=PEER, dst=EXTERNAL) / UDP(sport=50000, dport=c.external[1]),
        src=MESH.ce("203.0.113.8", 50000))),
    "another CE, another's port": ("drop_in_mesh_port", lambda c: wan(
        IP(src=PEER, dst=EXTERNAL) / UDP(sport=50004, dport=c.external[1]),
        src=MESH.ce(PEER, 50000))),
    "another CE, the internet's address": ("drop_in_not_br",
                                           lambda c: wan(c.back(), src=MESH.ce(PEER, 50000))),
    "another CE, no port": ("drop_in_protocol", lambda c: wan(
        IP(src=PEER, dst=EXTERNAL) / GRE(), src=MESH.ce(PEER, 50000))),
}


def out(packet):
    return wire.from_stack(packet)


def leaves(**ip):
    """A good new packet but for fields of its IPv4 header."""
    return lambda c: out(IP(**{"src": HOST, "dst": REMOTE, **ip}) / UDP(sport=7, dport=443) / b"x")


EXIT = {
    "from the internet, routed back": ("drop_out_source", leaves(src=REMOTE, dst=HOST)),
    "forged public source": ("drop_out_source", leaves(src="203.0.113.9")),
    "next to the LAN's network": ("drop_out_source", leaves(src="192.169.0.1")),
    "a private network that is not the LAN's": ("drop_out_source", leaves(src="10.0.0.1")),
    "our shared address as source": ("drop_out_source", leaves(src=EXTERNAL)),
    "from 0.0.0.0": ("drop_out_source", leaves(src="0.0.0.0")),
    "from loopback": ("drop_out_source", leaves(src="127.0.0.1")),
    "from a link-local IPv4 address": ("drop_out_source", leaves(src="169.254.1.1")),
    "from multicast": ("drop_out_source", leaves(src="224.0.0.9")),
    "from broadcast": ("drop_out_source", leaves(src="255.255.255.255")),
    "forged SYN": ("drop_out_source", lambda c: out(
        IP(src="203.0.113.9", dst=REMOTE) / TCP(flags="S"))),
    "forged ping": ("drop_out_source", lambda c: out(
        IP(src="203.0.113.9", dst=REMOTE) / ICMP())),
    "to multicast": ("drop_out_not_ipv4", leaves(dst="239.1.2.3")),
    "to broadcast": ("drop_out_not_ipv4", leaves(dst="255.255.255.255")),
    "to loopback": ("drop_out_not_ipv4", leaves(dst="127.0.0.1")),
    "ARP": ("drop_out_not_ipv4", lambda c: Ether(dst="ff:ff:ff:ff:ff:ff") / ARP() / bytes(18)),
    "IPv6": ("drop_out_not_ipv4", lambda c: out(IPv6(src=CE, dst=BR) / UDP() / b"x")),
    "our own tunnel packet": ("drop_out_not_ipv4", lambda c: out(wire.encap(c.back()))),
    "RST of nothing": ("drop_out_no_session", lambda c: out(
        IP(src=HOST, dst=REMOTE) / TCP(flags="R"))),
    "ping answer that nobody asked for": ("drop_out_no_session", lambda c: out(
        IP(src=HOST, dst=REMOTE) / ICMP(type=0, id=9))),
    "error about nothing from the LAN": ("drop_out_no_session", lambda c: out(
        IP(src=HOST, dst=REMOTE) / ICMP(type=3, code=3) /
        IP(src=REMOTE, dst=HOST) / UDP(sport=1, dport=2) / b"x")),
    "error to a third party": ("drop_out_no_session", lambda c: out(
        IP(src=HOST, dst="198.51.100.99") / ICMP(type=3, code=3) / c.back_nat())),
    "GRE from the LAN": ("drop_out_protocol", lambda c: out(IP(src=HOST, dst=REMOTE) / GRE())),
    "redirect from the LAN": ("drop_out_protocol", lambda c: out(
        IP(src=HOST, dst=REMOTE) / ICMP(type=5) / bytes(40))),
    "a bad length from the LAN": ("drop_out_malformed", lambda c: patched(
        out(c.out()), 14 + 2, 255, 255)),
    "a bad header from the LAN": ("drop_out_malformed", lambda c: patched(
        out(c.out()), 14, 0x43)),
}
