# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One row of a packet table: a frame goes into a program; verdict, frame and counters come out."""
import errno

from scapy.all import raw

import wire

# How a packet can leave, and the counter that goes with it ("drop": the row names it).
COUNTER = {"sent": "kernel_out", "sent_fast": "fast_out", "to_stack": "kernel_in",
           "to_host": "fast_in"}


def check(line, path, frame, way, packet=None, count=None, told=False, **context):
    """Runs `frame` on a path and expects it to leave by `way`, as `packet` if it is forwarded.

    way: "sent", "sent_fast" (encapsulated, of the kernel and the fast path), "to_stack",
    "to_host" (decapsulated), "pass" (untouched, byte for byte) or the name of a drop's counter.
    count: other counters than the way's own that rise.
    told: the packet is dropped, and an ICMP error about it goes back.
    """
    before = line.bench.counters()
    run = line.run(path, frame, **context)
    counted = line.bench.counted(before)
    assert run.errno == 0, f"test run failed: {errno.errorcode.get(run.errno)}"
    if way == "pass":
        assert (run.verdict, counted) == ("pass", count or {})
        wire.assert_same(frame, run.data)
        return run
    drop = way not in COUNTER
    assert (run.verdict == "drop", counted) == \
        (drop and not told, {COUNTER.get(way, way): 1, **(count or {})})
    if told:
        assert (run.verdict, run.data[12:14], run.data[34]) == ("redirect", b"\x08\x00", 3)
    if drop:
        return run
    if way in ("sent", "sent_fast"):
        assert run.verdict == "redirect"
        packet = line.with_fresh_id(packet, run.data)
    else:
        line.assert_handed(run, way == "to_host" and ("port" if line.hook == "xdp" else "dev"))
    wire.assert_same(getattr(line, way)(packet), run.data)
    return run


def with_ip(parts, **fields):
    """The same packet with other fields in its IPv4 header."""
    return {**parts, "ip": {**parts.get("ip", {}), **fields}}


def through(line, way, c, parts):
    """Sends one packet of a conversation by one of the four ways and checks the result."""
    ttl = parts.get("ip", {}).get("ttl", 57)
    fast = with_ip(parts, ttl=ttl - 1)
    if way == "sent":
        check(line, "out", wire.from_stack(c.out(**parts)), way, c.out_nat(**parts))
    elif way == "sent_fast":
        check(line, "lan", wire.from_lan(c.out(**parts)), way, c.out_nat(**fast))
    elif way == "to_stack":
        check(line, "wan", wire.from_wan(c.back(**parts)), way, c.back_nat(**parts))
    else:
        check(line, "wan", wire.from_wan(c.back(**parts)), way, c.back_nat(**fast))


def checksum_of(packet, layer):
    return type(packet)(raw(packet))[layer].chksum
