# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The MSS clamp of SYN and SYN-ACK: any order of options, odd offsets, broken options."""
import pytest
from scapy.all import TCP, raw

import wire
from check import check

LIMIT = 1460 - 40

MSS, SACK_OK, SCALE = b"\2\4%s", b"\4\2", b"\3\3\7"
STAMPS = b"\x08\x0a" + bytes(range(8))
NOP, END = b"\1", b"\0"
FAST_OPEN = b"\x22\x0a" + bytes(range(8))

# Options in front of and behind the MSS option, whose value replaces %s.
LAYOUTS = {
    "alone": MSS,
    "Linux": MSS + SACK_OK + STAMPS + NOP + SCALE,
    "Windows": MSS + NOP + SCALE + NOP + NOP + SACK_OK,
    "odd after one NOP": NOP + MSS + NOP + NOP + NOP,
    "even after two NOPs": NOP + NOP + MSS + SACK_OK,
    "odd after window scale": SCALE + MSS + NOP,
    "behind timestamps": STAMPS + MSS + SACK_OK,
    "behind fast open, odd": SCALE + FAST_OPEN + MSS + NOP + NOP + NOP,
    "last of 40 bytes": NOP * 36 + MSS,
    "odd, nearly last of 40 bytes": NOP * 35 + MSS + NOP,
    "behind unknown options": b"\xfe\x04ab" + b"\xfd\x05abc" + MSS + NOP * 3,
}
BROKEN = {
    "none": b"",
    "only NOPs": NOP * 4,
    "behind the end of options": END + MSS + NOP * 3,
    "length 0 in front": b"\xfe\0" + MSS + NOP * 2,
    "length 1 in front": b"\xfe\1" + MSS + NOP * 2,
    "length 3": b"\2\3%s",
    "length 5": b"\2\5%s" + NOP * 4,
    "cut off by the header": NOP * 2 + b"\2\4",
    "option longer than the header": b"\xfe\x28ab" + MSS,
}


def syn(make, options, mss, flags="S", body=b""):
    """A SYN with these option bytes; the payload may follow."""
    options = options.replace(b"%s", mss.to_bytes(2, "big"))
    assert len(options) % 4 == 0
    return make(body=options + body, l4={"flags": flags, "dataofs": 5 + len(options) // 4})


@pytest.mark.parametrize("mss", [65535, 1460, LIMIT + 1, LIMIT, LIMIT - 1, 536, 0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_clamped(line, layout, mss):
    """SYN out and SYN-ACK in; smaller values stay."""
    options, clamped = LAYOUTS[layout], min(mss, LIMIT)
    c = line.talk("tcp")
    line.send(c, l4={"flags": "S"})
    check(line, "out", wire.from_stack(syn(c.out, options, mss)), "sent",
          syn(c.out_nat, options, clamped))
    check(line, "wan", wire.from_wan(syn(c.back, options, mss, "SA")), "to_stack",
          syn(c.back_nat, options, clamped, "SA"))


@pytest.mark.parametrize("layout", BROKEN)
def test_nothing_to_clamp(line, layout):
    """Without an MSS option, or with one that cannot be found, the SYN passes as it is."""
    options = BROKEN[layout]
    c = line.talk("tcp")
    line.send(c, l4={"flags": "S"})
    for body in (b"", b"\2\4\xff\xff"):
        check(line, "out", wire.from_stack(syn(c.out, options, 9000, body=body)), "sent",
              syn(c.out_nat, options, 9000, body=body))
        check(line, "wan", wire.from_wan(syn(c.back, options, 9000, "SA", body)), "to_stack",
              syn(c.back_nat, options, 9000, "SA", body))


def test_only_in_a_syn(line):
    """Elsewhere the option means nothing, and payload is nobody's business."""
    c = line.open("tcp")
    check(line, "out", wire.from_stack(syn(c.out, LAYOUTS["alone"], 9000, "A")), "sent",
          syn(c.out_nat, LAYOUTS["alone"], 9000, "A"))


def test_limit_follows_the_tunnel_mtu(line):
    c = line.talk("tcp")
    line.send(c, l4={"flags": "S"})
    line.bench.set(mtu=1280)
    try:
        check(line, "out", wire.from_stack(syn(c.out, MSS, 1460)), "sent",
              syn(c.out_nat, MSS, 1240))
    finally:
        line.bench.set(mtu=1460)


def test_checksum_stays_wrong_if_it_was(line):
    """The clamp changes the checksum by the difference; it does not compute it."""
    c = line.talk("tcp")
    line.send(c, l4={"flags": "S"})
    packet, want = syn(c.out, NOP + MSS + NOP * 3, 1460), syn(c.out_nat, NOP + MSS + NOP * 3, LIMIT)
    sums = [type(p)(raw(p))[TCP].chksum for p in (packet, want)]
    packet[TCP].chksum, want[TCP].chksum = [(s + 5 - 1) % 0xffff + 1 for s in sums]
    check(line, "out", wire.from_stack(packet), "sent", want)
