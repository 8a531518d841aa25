# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Translation and encapsulation, byte for byte, on the kernel path and the fast path both ways."""
import struct

import pytest
from scapy.all import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR, raw

import wire
from check import check, checksum_of, through

WAYS = ("sent", "sent_fast", "to_stack", "to_host")
LAYER = {"tcp": TCP, "udp": UDP, "icmp": ICMP}

# name: (protocol, parts of the packet)
ROWS = {
    "udp": ("udp", {}),
    "udp without payload": ("udp", {"body": b""}),
    "udp, odd length": ("udp", {"body": b"x"}),
    "udp, full size": ("udp", {"body": bytes(range(256)) * 5 + bytes(152)}),
    "udp, no checksum": ("udp", {"l4": {"chksum": 0}}),
    "tcp data": ("tcp", {"l4": {"flags": "PA"}}),
    "tcp without payload": ("tcp", {"body": b""}),
    "tcp urgent, window 0": ("tcp", {"l4": {"flags": "UA", "urgptr": 3, "window": 0}}),
    "tcp with timestamps": ("tcp", {"l4": {"options": [("NOP", None), ("NOP", None),
                                                       ("Timestamp", (7, 9))]}}),
    "tcp with 40 bytes of options": ("tcp", {"l4": {"options": [("NOP", None)] * 40}}),
    "tcp, ece and cwr": ("tcp", {"l4": {"flags": "AEC"}}),
    "icmp echo": ("icmp", {}),
    "icmp echo, full size": ("icmp", {"body": bytes(1432)}),
    "icmp timestamp": ("icmp", {"l4": "timestamp", "body": b""}),
    "dscp, ect(0)": ("udp", {"ip": {"tos": 0xba}}),
    "dscp, ect(1)": ("tcp", {"ip": {"tos": 0x29}}),
    "congestion experienced": ("icmp", {"ip": {"tos": 3}}),
    "ttl 2": ("udp", {"ip": {"ttl": 2}}),
    "ttl 255": ("tcp", {"ip": {"ttl": 255}}),
    "ttl low byte carry": ("udp", {"ip": {"ttl": 1 + 1, "id": 0}}),
    "may be fragmented": ("udp", {"ip": {"flags": 0, "id": 0xffff}}),
}


def parts_for(way, name):
    """A row's parts; an ICMP timestamp has its data after the header."""
    proto, parts = ROWS[name]
    if parts.get("l4") == "timestamp":
        out = way.startswith("sent")
        parts = {"l4": {"type": 13 if out else 14}, "body": b""}
    return proto, parts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ROWS)
def test_translated(line, name, way):
    proto, parts = parts_for(way, name)
    if name == "udp, no checksum":
        # A device's sum over the whole packet is not adjusted where nobody will ask for it.
        line.checksum_complete = False
    c = line.open(proto) if way in ("sent", "to_stack") else line.open_fast(proto)
    through(line, way, c, parts)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_wrong_checksum_stays_wrong(line, proto, way):
    """An incremental update must not repair what arrived broken: it is off by as much after."""
    c = line.open(proto) if way in ("sent", "to_stack") else line.open_fast(proto)
    out = way.startswith("sent")
    right = checksum_of(c.out() if out else c.back(), LAYER[proto])
    nat = checksum_of(c.out_nat() if out else c.back_nat(), LAYER[proto])
    off = 0x0101
    wrong = (right + off - 1) % 0xffff + 1  # one's complement, without 0
    packet = (c.out if out else c.back)(l4={"chksum": wrong})
    want = (c.out_nat if out else c.back_nat)(
        ip={"ttl": 56} if way in ("sent_fast", "to_host") else {},
        l4={"chksum": (nat + off - 1) % 0xffff + 1})
    check(line, {"sent": "out", "sent_fast": "lan"}.get(way, "wan"),
          {"sent": wire.from_stack, "sent_fast": wire.from_lan}.get(way, wire.from_wan)(packet),
          way, want)


def forced(make, layer, target):
    """The payload of eight bytes that gives make(body) the checksum `target` (0 or 0xffff)."""
    zero = checksum_of(make(b"\0" * 8), layer)
    # The sum is ~checksum; the payload adds what is missing to 0xffff, which is ~0.
    missing = zero if target == 0 else (zero + 0xffff) % 0xffff
    return struct.pack("!H", missing) + b"\0" * 6


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_checksum_zero(line, proto, side, way):
    """The transport checksum is computed to 0: of TCP and ICMP that is its value, of UDP 0xffff."""
    c = line.open(proto) if way in ("sent", "to_stack") else line.open_fast(proto)
    out = way.startswith("sent")
    first, second = (c.out, c.out_nat) if out else (c.back, c.back_nat)
    make = first if side == "before" else second
    body = forced(lambda body: make(body=body), LAYER[proto], 0)
    assert checksum_of(make(body=body), LAYER[proto]) == (0xffff if proto == "udp" else 0)
    through(line, way, c, {"body": body})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("side", ["before", "after"])
def test_ip_checksum_zero(line, side, way):
    """The IPv4 header checksum is computed to 0 before or after the translation."""
    c = line.open("udp") if way in ("sent", "to_stack") else line.open_fast("udp")
    out = way.startswith("sent")
    first, second = (c.out, c.out_nat) if out else (c.back, c.back_nat)
    make = first if side == "before" else second
    fast = way in ("sent_fast", "to_host") and side == "after"
    number = checksum_of(make(ip={"id": 0, "ttl": 56 if fast else 57}), IP)
    assert checksum_of(make(ip={"id": number, "ttl": 56 if fast else 57}), IP) == 0
    through(line, way, c, {"ip": {"id": number}})


@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize("options", [[IPOption_NOP()], [IPOption_RR(routers=["0.0.0.0"] * 9)]])
def test_ip_options_take_the_kernel_path(line, proto, options):
    """Translated as all else, but never without the stack."""
    c = line.open_fast(proto)
    parts = {"ip": {"options": options}}
    check(line, "lan", wire.from_lan(c.out(**parts)), "pass")
    through(line, "sent", c, parts)
    line.offload(c)
    through(line, "to_stack", c, parts)


def test_outer_header(line):
    """RFC 2473 without encapsulation limit: written out once, bit for bit."""
    c = line.open("udp")
    inner = c.out_nat(ip={"tos": 0xb9})
    run = line.run("out", wire.from_stack(c.out(ip={"tos": 0xb9})))
    outer = bytes.fromhex("60100000") + struct.pack("!H", len(inner)) + bytes([4, 64])
    ends = bytes.fromhex("20010db800ce00000000000000000001" "20010db800b000000000000000000001")
    assert run.data[12:14] == b"\x86\xdd"
    assert run.data[14:54] == outer + ends
    assert run.data[54:] == raw(inner)


@pytest.mark.parametrize("way", WAYS)
def test_trailing_bytes(line, way):
    """What follows the IPv4 packet in its frame is no part of it, and goes to the stack."""
    c = line.open_fast("udp")
    tail = b"more than padding"
    if way == "sent_fast":
        check(line, "lan", raw(wire.from_lan(c.out())) + tail, "pass")
    elif way == "sent":
        run = line.run("out", raw(wire.from_stack(c.out())) + tail)
        wire.assert_same(raw(line.sent(c.out_nat())) + tail, run.data)
    elif way == "to_host":
        # The outer length covers them, so that they are still there after the tunnel.
        frame = wire.from_wan(c.back(), plen=len(c.back()) + len(tail))
        run = line.run("wan", raw(frame) + tail)
        line.assert_handed(run, False)
        wire.assert_same(raw(line.to_stack(c.back_nat())) + tail, run.data)


@pytest.mark.parametrize("proto, body", [("tcp", b""), ("udp", b""), ("udp", b"x" * 17)])
def test_padding_of_short_frames(line, proto, body):
    """The shortest Ethernet frame is 60 bytes, which says nothing about the packet in it."""
    c = line.open_fast(proto)
    frame = raw(wire.from_lan(c.out(body=body)))
    check(line, "lan", frame + bytes(60 - len(frame)), "sent_fast",
          c.out_nat(body=body, ip={"ttl": 56}))


def test_large_packets_take_the_kernel_path(line):
    """What does not fit the tunnel is the kernel's to fragment or refuse."""
    c = line.open_fast("udp")
    fits, too_large = {"body": bytes(1432)}, {"body": bytes(1433)}
    through(line, "sent_fast", c, fits)
    check(line, "lan", wire.from_lan(c.out(**too_large)), "pass")
    through(line, "to_host", c, fits)
    through(line, "to_stack", c, too_large)


def test_expiring_ttl_takes_the_kernel_path(line):
    """The kernel answers with an ICMP error, or delivers to itself."""
    for ttl in (0, 1):
        c = line.open_fast("udp")
        check(line, "lan", wire.from_lan(c.out(ip={"ttl": ttl})), "pass")
        through(line, "to_stack", c, {"ip": {"ttl": ttl}})
