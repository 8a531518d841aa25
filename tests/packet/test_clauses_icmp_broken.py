# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 5508 REQ-3: ICMP errors with wrong checksums go nowhere, those with right ones do."""
import pytest
from scapy.all import IP, raw

import wire
from check import check, checksum_of
from test_clauses_icmp import MINIMAL, options, protos
from test_icmp_error import in_pair, out_pair, parts


def turned(packet, at):
    """The packet with one bit turned at this offset, and no checksum mended."""
    octets = bytearray(raw(packet))
    octets[at] ^= 1
    return IP(bytes(octets))


@pytest.mark.parametrize("length", [MINIMAL, 47, 10 ** 4], ids=["minimal", "odd", "whole"])
@pytest.mark.parametrize("at", [21, 22, 23, 24, 27, -2, -1])
@protos
def test_error_with_a_wrong_checksum(line, proto, at, length):
    """REQ-3: one wrong bit in code, checksum, unused field or the end of the quote: nobody hears
    of the error. The IPv4 header before it is not the ICMP checksum's business."""
    c = line.open(proto)
    for path, frame, pair, way in (("wan", wire.from_wan, in_pair, "drop_in_checksum"),
                                   ("out", wire.from_stack, out_pair, "drop_out_checksum")):
        packet, _ = pair(c, length=length)
        check(line, path, frame(turned(packet, at)), way)


@pytest.mark.parametrize("off", [1, 0x100, 0xfffe])
@pytest.mark.parametrize("words", [0, 1, 10])
@protos
def test_error_about_a_wrong_header(line, proto, words, off):
    """REQ-3a: the quoted IPv4 header has a wrong checksum, the error itself a right one."""
    c = line.open(proto)
    for path, frame, make, sent, way in (
            ("wan", wire.from_wan, in_pair, c.out_nat, "drop_in_checksum"),
            ("out", wire.from_stack, out_pair, c.back_nat, "drop_out_checksum")):
        quoted = parts(options=options(words))
        wrong = checksum_of(sent(**quoted), IP) ^ off
        quoted["ip"]["chksum"] = wrong
        key = "sent" if make is in_pair else "got"
        check(line, path, frame(make(c, **{key: quoted})[0]), way)


@pytest.mark.parametrize("proto, length", [("udp", length) for length in range(MINIMAL, 160)] +
                         [("tcp", 1400), ("tcp", 1431), ("tcp", 1432)])
def test_right_checksums_of_any_length(line, proto, length):
    """REQ-3: what is right is never taken for wrong, whatever its length is a multiple of."""
    c = line.open(proto)
    long = {"ip": {"ttl": 1}, "body": bytes(range(256)) * 5 + bytes(112)}
    packet, want = in_pair(c, sent=long, length=length)
    assert len(packet) == 28 + length
    check(line, "wan", wire.from_wan(packet), "to_stack", want)
    packet, want = out_pair(c, got=long, length=length)
    check(line, "out", wire.from_stack(packet), "sent", want)
