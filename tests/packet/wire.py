# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets for the bench, made by scapy: what goes in, and what has to come out.

Nothing here knows how the BPF programs do it. A translated packet is built anew with the other
address and port, so all its checksums are computed from the bytes.
"""
from scapy.all import (Ether, ICMP, IP, IPv6, NoPayload, Padding, Raw, TCP, UDP, raw)

CE = "2001:db8:ce::1"
BR = "2001:db8:b0::1"
BR2 = "2001:db8:b0::2"
EXTERNAL = "192.0.2.1"
HOST = "192.168.1.10"
REMOTE = "198.51.100.7"
ROUTER = "203.0.113.99"  # on the way, sends ICMP errors

WAN_MAC = "02:00:00:00:00:01"
GATEWAY_MAC = "02:00:00:00:00:fe"
TUN_MAC = "02:00:00:00:00:30"
LAN_MAC = "02:00:00:00:00:10"
HOST_MAC = "02:00:00:00:00:11"

PROTO = {"tcp": 6, "udp": 17, "icmp": 1}


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def transport(proto, out, own, remote, **fields):
    """The transport header of a packet from or to our side's port or query id."""
    if proto == "icmp":
        return ICMP(**{"type": 8 if out else 0, "id": own, "seq": 7, **fields})
    layer = TCP if proto == "tcp" else UDP
    if proto == "tcp":
        fields = {"flags": "A", "seq": 1000, "ack": 2000, **fields}
    sport, dport = (own, remote) if out else (remote, own)
    return layer(sport=sport, dport=dport, **fields)


def inner(proto, out, own, remote, body=b"payload", ip=None, l4=None):
    """An IPv4 packet between our side `own` and `remote`, both (address, port)."""
    src, dst = (own, remote) if out else (remote, own)
    header = IP(**{"src": src[0], "dst": dst[0], "id": 0x1234, "flags": "DF", "ttl": 57,
                   **(ip or {})})
    return header / transport(proto, out, own[1], remote[1], **(l4 or {})) / Raw(body)


def encap(packet, tc=0, src=BR, dst=CE, nh=4, **fields):
    return IPv6(src=src, dst=dst, tc=tc, nh=nh, **{"hlim": 64, "fl": 0, **fields}) / packet


def frame(dst, src, packet):
    return Ether(dst=dst, src=src) / packet


def from_lan(packet, dst=LAN_MAC, src=HOST_MAC):
    return frame(dst, src, packet)


def from_stack(packet):
    """Out of the tunnel interface, into its other end."""
    return frame(TUN_MAC, TUN_MAC, packet)


def from_wan(packet, **outer):
    return frame(WAN_MAC, GATEWAY_MAC, encap(packet, **outer))


def layers(data):
    """{"IP#2 ttl": value} for all fields of all layers."""
    fields, seen, layer = {}, {}, Ether(data)
    while not isinstance(layer, NoPayload):
        name = type(layer).__name__
        seen[name] = seen.get(name, 0) + 1
        for desc in layer.fields_desc:
            value = layer.getfieldval(desc.name)
            number = name + (f"#{seen[name]}" if seen[name] > 1 else "")
            fields[f"{number} {desc.name}"] = desc.i2repr(layer, value)
        if isinstance(layer, (Raw, Padding)):
            fields[name] = layer.load.hex()
        layer = layer.payload
    return fields


def differences(expected, got):
    """What two frames differ in, field by field and then in bytes."""
    want, have = layers(expected), layers(got)
    lines = [f"{name}: expected {want.get(name, 'nothing')}, got {have.get(name, 'nothing')}"
             for name in dict.fromkeys([*want, *have]) if want.get(name) != have.get(name)]
    lines.append(f"expected {len(expected)} bytes, got {len(got)}")
    for at in range(0, max(len(expected), len(got)), 16):
        row, other = expected[at:at + 16], got[at:at + 16]
        if row != other:
            lines.append(f"{at:4}  expected {row.hex(' ')}\n           got {other.hex(' ')}")
    return "\n".join(lines)


def assert_same(expected, got):
    expected = raw(expected)
    if expected != got:
        raise AssertionError("packets differ\n" + differences(expected, got))
