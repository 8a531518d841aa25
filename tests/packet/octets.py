# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets as bytes, for tests that need a million of them (wire.py makes them with scapy).

Addresses are four bytes, ports numbers. Every checksum is computed from the bytes it covers.
"""
import struct
from socket import AF_INET6, inet_aton, inet_pton

import wire

TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
EXTERNAL = inet_aton(wire.EXTERNAL)
ETHERNET = {name: wire.mac(mac) for name, mac in vars(wire).items() if name.endswith("_MAC")}


def ones_sum(data):
    """The one's complement sum of a byte string as a number below 0x10000."""
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    return total % 0xffff or (0xffff if total else 0)


def checksum(data):
    return 0xffff - ones_sum(data)


def ipv4(proto, src, dst, payload, ttl=64, tos=0, ident=1, frag=0x4000, options=b""):
    ihl = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, tos, 4 * ihl + len(payload), ident, frag, ttl,
                       proto, 0, src, dst) + options
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + payload


def pseudo(proto, src, dst, length):
    return src + dst + struct.pack("!HH", proto, length)


def tcp(src, sport, dst, dport, flags=ACK, body=b"", options=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 2, (5 + len(options) // 4) << 4, flags, 1000,
                       0, 0) + options
    check = checksum(pseudo(TCP, src, dst, len(head) + len(body)) + head + body)
    return head[:16] + check.to_bytes(2, "big") + head[18:] + body


def udp(src, sport, dst, dport, body=b""):
    length = 8 + len(body)
    head = struct.pack("!HHH", sport, dport, length)
    check = checksum(pseudo(UDP, src, dst, length) + head + body) or 0xffff
    return head + check.to_bytes(2, "big") + body


def icmp(kind, code, rest, body=b""):
    """rest: the four bytes behind the checksum."""
    check = checksum(bytes((kind, code)) + rest + body)
    return bytes((kind, code)) + check.to_bytes(2, "big") + rest + body


def echo(kind, ident, body=b""):
    return icmp(kind, 0, struct.pack("!HH", ident, 7), body)


def packet(proto, src, sport, dst, dport, flags=ACK, body=b"data", **ip):
    """An IPv4 packet. An ICMP query has only a source port and a reply only a destination port."""
    if proto == TCP:
        payload = tcp(src, sport, dst, dport, flags, body)
    elif proto == UDP:
        payload = udp(src, sport, dst, dport, body)
    else:
        payload = echo(8 if sport else 0, sport or dport, body)
    return ipv4(proto, src, dst, payload, **ip)


def ports_of(inner):
    """(source, destination) port of a packet without options; see packet()."""
    if inner[9] == ICMP:
        ident = int.from_bytes(inner[24:26], "big")
        return (ident, 0) if inner[20] == 8 else (0, ident)
    return struct.unpack_from("!HH", inner, 20)


def outer(inner, src=wire.CE, dst=wire.BR, tc=0, plen=None):
    return struct.pack("!IHBB", 6 << 28 | tc << 20, len(inner) if plen is None else plen, 4,
                       64) + inet_pton(AF_INET6, src) + inet_pton(AF_INET6, dst)


OUTER_IN = outer(b"", wire.BR, wire.CE)
OUTER_OUT = outer(b"")


def encap(inner, head=OUTER_OUT):
    """Behind one of the two usual outer headers."""
    return head[:4] + len(inner).to_bytes(2, "big") + head[6:] + inner


def ethernet(dst, src, kind):
    return ETHERNET[dst] + ETHERNET[src] + kind.to_bytes(2, "big")


FROM_STACK = TO_STACK = ethernet("TUN_MAC", "TUN_MAC", 0x0800)
SENT = ethernet("TUN_MAC", "TUN_MAC", 0x86dd)
FROM_WAN = ethernet("WAN_MAC", "GATEWAY_MAC", 0x86dd)
FROM_LAN = ethernet("LAN_MAC", "HOST_MAC", 0x0800)
TO_HOST = ethernet("HOST_MAC", "LAN_MAC", 0x0800)
