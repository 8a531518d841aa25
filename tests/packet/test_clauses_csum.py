# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 1624, RFC 768, RFC 1071: every checksum there is, on every program."""
import os
import struct

import pytest
from scapy.all import raw

import wire
from check import through
from rfc1624 import add, words
from wire import EXTERNAL, HOST

# Of the 65,536 values; the transports differ in where the checksum is, not in how it is updated.
STEP = {proto: 997 if os.environ.get("MAPE_SLOW") else step
        for proto, step in (("udp", 1), ("tcp", 7), ("icmp", 11))}
CHECK_AT = {"tcp": 16, "udp": 6, "icmp": 2}
BODY_AT = {"tcp": 20, "udp": 8, "icmp": 8}
WAYS = {"sent": ("out", 14, 54), "sent_fast": ("lan", 14, 54), "to_stack": ("wan", 54, 14),
        "to_host": ("wan", 54, 14)}


def template(frame, l3, proto):
    """The frame without its checksum, for the payload word 0: (bytes, sum of what it covers,
    offset of the checksum, offset of the word)."""
    frame = bytearray(raw(frame))
    l4 = l3 + 20
    at, body = l4 + CHECK_AT[proto], l4 + BODY_AT[proto]
    frame[at:at + 2] = frame[body:body + 2] = b"\0\0"
    end = l3 + struct.unpack_from("!H", frame, l3 + 2)[0]
    covered = struct.unpack(f"!{(end - l4) // 2}H", frame[l4:end])
    if proto != "icmp":  # pseudo header: addresses, protocol, length
        covered += struct.unpack_from("!4H", frame, l3 + 12) + (wire.PROTO[proto], end - l4)
    return bytes(frame), add(*covered), at, body


def with_word(parts, word, proto):
    """The frame with this payload word, its checksum computed from all it covers."""
    frame, total, at, body = parts
    check = ~add(total, word) & 0xffff
    if proto == "udp" and not check:
        check = 0xffff
    pieces = frame[:at], check.to_bytes(2, "big"), frame[at + 2:body], word.to_bytes(2, "big")
    return b"".join((*pieces, frame[body + 2:]))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("proto", CHECK_AT)
def test_every_checksum(line, proto, way):
    """RFC 1624 section 3: for the values that the payload can give the checksum, all 65,536 of
    UDP's, the updated one is the computed one; 0x0000 and 0xffff are among them."""
    path, l3_in, l3_out = WAYS[way]
    fast = way in ("sent_fast", "to_host")
    c = line.open_fast(proto) if fast else line.open(proto)
    out = way.startswith("sent")
    parts = {"body": b"\0\0"}
    after = {**parts, "ip": {"ttl": 56}} if fast else parts
    frame = (wire.from_wan if path == "wan" else wire.from_lan if path == "lan" else
             wire.from_stack)((c.out if out else c.back)(**parts))
    want = getattr(line, way)((c.out_nat if out else c.back_nat)(**after))
    came, goes = template(frame, l3_in, proto), template(want, l3_out, proto)
    # The words that make the checksum 0 before or after, and what lies next to them.
    corners = {(0xffff - total + near) % 0x10000 for _, total, *_ in (came, goes)
               for near in (-1, 0, 1)}
    values = sorted({*range(0, 0x10000, STEP[proto]), *corners, 0, 0xffff})
    run = line.run(path, frame)  # skips where the kernel cannot do it
    assert run.verdict in ("redirect", "handoff")
    context = {"ifindex": line.port or line.lan} if path == "lan" else {}
    requests = [line.bench.run_request(line.prog(path), with_word(came, word, proto), **context)
                for word in values]
    for word, answer in zip(values, line.bench.ask_many(requests)):
        got = bytes.fromhex(answer["data"])
        if got != with_word(goes, word, proto):
            wire.assert_same(with_word(goes, word, proto), got)


@pytest.fixture
def one_port(bench):
    """A set of one port, 32768, so that the change of a packet is known beforehand."""
    bench.load(offset=1, psid_len=15, psid=0)
    yield 32768
    bench.load()


@pytest.mark.parametrize("path", ["out", "lan", "wan"])
def test_change_that_adds_up_to_nothing(line, one_port, path):
    """RFC 1624 section 3: the old and the new address and port have the same sum, whose
    difference is written 0xffff; the checksum must not move, also where it is 0x0000."""
    for proto, way in ((proto, way) for proto in CHECK_AT for way in WAYS if WAYS[way][0] == path):
        before, after = ((), (one_port,)) if proto == "icmp" else ((HOST,), (EXTERNAL, one_port))
        c = line.talk(proto, int_port=(add(*words(*after)) - add(*words(*before))) % 0xffff)
        line.send(c, **({"l4": {"flags": "S"}} if proto == "tcp" else {}))
        assert c.external == (EXTERNAL, one_port)
        if proto == "tcp":
            line.bench.poke(c.flow, state=2)
        if way in ("sent_fast", "to_host"):
            line.offload(c)
        packet = (c.out if way.startswith("sent") else c.back)(body=b"\0\0")
        zero = 0xffff - template(wire.from_stack(packet), 14, proto)[1]  # gives the checksum 0
        for word in {zero, (zero + 1) % 0xffff, 0, 1, 0xfffe, 0xffff}:
            through(line, way, c, {"body": word.to_bytes(2, "big")})
        line.bench.control("delete", flow=c.flow)
