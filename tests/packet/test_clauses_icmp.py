# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 5508, ICMP behind a NAT, and what RFC 4787 and RFC 5382 say of ICMP errors: what
docs/CONFORMANCE.md claims and no other test shows."""
import struct

import pytest
from scapy.all import ICMP, IP, IPOption, Raw, raw
from scapy.utils import checksum

import wire
from check import check, checksum_of, through
from clock import Watch, assert_lasts
from rfc1624 import updated
from test_icmp_error import error, in_pair, out_pair, parts
from test_translate import LAYER
from wire import EXTERNAL, HOST, REMOTE, ROUTER

PROTOS = ("tcp", "udp", "icmp")
TIMEOUT = {"tcp": 7440, "udp": 300, "icmp": 60}
# RFC 792, RFC 1122, RFC 1812: every code of the three types, and a few that nobody knows.
KINDS = [(3, code) for code in range(16)] + [(11, 0), (11, 1), (12, 0), (12, 1), (12, 2), (3, 99)]
MINIMAL = 20 + 8  # RFC 792: the header and 64 bits

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "type {} code {}".format(*kind))
protos = pytest.mark.parametrize("proto", PROTOS)


# -- Queries -------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["sent", "sent_fast", "to_stack", "to_host"])
@pytest.mark.parametrize("query, reply", [(8, 0), (13, 14)], ids=["echo", "timestamp"])
def test_queries_and_replies(line, query, reply, way):
    """REQ-1: the id becomes one of the port set, and the reply gets the host's back."""
    fast = way in ("sent_fast", "to_host")
    c = line.open_fast("icmp", int_port=0xbeef) if fast else line.open("icmp", int_port=0xbeef)
    assert c.external[1] >> 4 & 0x3f == 22 and c.external[1] >= 1024
    through(line, way, c, {"l4": {"type": query if way.startswith("sent") else reply}})


def test_query_session_lasts_a_minute(line):
    """REQ-2: 60 seconds."""
    c = line.open("icmp")
    assert_lasts(line, c, 60)


@pytest.mark.parametrize("ident, way", [(1000, "drop_in_foreign_port"), (0, "drop_in_foreign_port"),
                                        (1376, "drop_in_no_session")])
@pytest.mark.parametrize("kind", [0, 14])
def test_replies_are_for_their_id(line, kind, ident, way):
    """RFC 7597 section 8.2: a reply whose id is not of our set is somebody else's."""
    c = line.talk("icmp", rem_addr="198.51.100.44")
    c.external = EXTERNAL, ident
    check(line, "wan", wire.from_wan(c.back(l4={"type": kind})), way)


# -- Errors, restored and mapped -----------------------------------------------------------------

@kinds
@protos
def test_error_from_outside(line, proto, kind):
    """REQ-4: type and code stay; address, port and every checksum are the host's again."""
    c = line.open(proto)
    mtu = 1400 if kind == (3, 4) else 0
    for length in (MINIMAL, 10 ** 4):
        packet, want = in_pair(c, kind=kind, mtu=mtu, length=length)
        check(line, "wan", wire.from_wan(packet), "to_stack", want)
    line.offload(c)
    for length in (MINIMAL, 10 ** 4):
        packet, want = in_pair(c, kind=kind, mtu=mtu, length=length, ttl_out=59)
        check(line, "wan", wire.from_wan(packet), "to_host", want)


@kinds
@pytest.mark.parametrize("src", [HOST, "192.168.1.1"], ids=["the host", "a router of the LAN"])
@protos
def test_error_from_the_lan(line, proto, src, kind):
    """REQ-5: whoever in the LAN sends it, outside it comes from our address, as what it quotes."""
    c = line.open(proto)
    mtu = 1400 if kind == (3, 4) else 0
    for length in (MINIMAL, 10 ** 4):
        quoted, outside = c.back_nat(**parts()), c.back(**parts())
        packet = error(src, REMOTE, quoted, kind, length, mtu)
        check(line, "lan", wire.from_lan(packet), "pass")
        check(line, "out", wire.from_stack(packet), "sent",
              error(EXTERNAL, REMOTE, outside, kind, length, mtu))


@kinds
@protos
def test_error_without_a_mapping(line, proto, kind):
    """REQ-4, REQ-5: dropped in both directions, and nothing is made of it."""
    c = line.talk(proto, rem_addr="198.51.100.45")
    c.external = EXTERNAL, 1376
    sessions = set(line.bench.sessions())
    check(line, "wan", wire.from_wan(in_pair(c, kind=kind)[0]), "drop_in_icmp")
    check(line, "out", wire.from_stack(
        error(HOST, c.remote[0], c.back_nat(**parts()), kind)), "drop_out_no_session")
    assert set(line.bench.sessions()) == sessions


@pytest.mark.parametrize("src", [ROUTER, REMOTE, "10.0.0.1", "100.64.0.1", "192.168.1.77"])
@pytest.mark.parametrize("kind", [(3, 1), (3, 4), (11, 0)])
@protos
def test_source_of_an_error_does_not_matter(line, proto, kind, src):
    """RFC 4787 REQ-12a, b: routers answer from any address, private ones too."""
    c = line.open(proto)
    sent = parts()
    check(line, "wan", wire.from_wan(error(src, EXTERNAL, c.out_nat(**sent), kind)), "to_stack",
          error(src, HOST, c.out(**sent), kind))


@protos
def test_port_of_an_error_is_the_quoted_source(line, proto):
    """The port set is asked about the source of the quoted packet, which was ours, and not about
    its destination, even where that looks like one of our ports."""
    c = line.open(proto, rem_port=1376)
    packet, want = in_pair(c)
    check(line, "wan", wire.from_wan(packet), "to_stack", want)
    c.external = EXTERNAL, 1000
    check(line, "wan", wire.from_wan(in_pair(c)[0]), "drop_in_foreign_port")


# -- What the quoted packet may look like --------------------------------------------------------

def options(count):
    """That many words of IPv4 options: router alert, and NOPs that look like nothing else."""
    return [IPOption(b"\x94\x04\x00\x00") if i % 2 else IPOption(b"\x01\x01\x01\x01")
            for i in range(count)]


@pytest.mark.parametrize("ihl", range(5, 16))
@protos
def test_header_length_of_the_quote(line, proto, ihl):
    """REQ-3b: the transport header is found behind any options, with all of it or eight bytes."""
    c = line.open(proto)
    quoted = parts(options=options(ihl - 5))
    assert raw(c.out_nat(**quoted))[0] == 0x40 | ihl
    for length in (ihl * 4 + 8, 10 ** 4):
        packet, want = in_pair(c, sent=quoted, length=length)
        check(line, "wan", wire.from_wan(packet), "to_stack", want)
        packet, want = out_pair(c, got=quoted, length=length)
        check(line, "out", wire.from_stack(packet), "sent", want)


# Of UDP 0 is not wrong but says that there is none: test_quoted_checksum_of_zero.
WRONG = [(proto, wrong) for proto in PROTOS for wrong in (0x0000, 0xffff, 0x1234, "off by one")
         if (proto, wrong) != ("udp", 0)]


def broken_quotes(proto, wrong, came, went, came_end, went_end):
    """A quoted packet with a wrong checksum, and what has to become of it."""
    if proto == "icmp":
        came_end, went_end = came_end[1:], went_end[1:]  # no pseudo header
    if wrong == "off by one":
        wrong = checksum_of(came(**parts()), LAYER[proto]) ^ 1
    after = updated(wrong, came_end, went_end)
    if proto == "udp" and not after:
        after = 0xffff
    return (came(**parts(), l4={"chksum": wrong}), went(**parts(), l4={"chksum": after}))


@pytest.mark.parametrize("proto, wrong", WRONG)
def test_quoted_transport_checksum_may_be_wrong(line, proto, wrong):
    """REQ-3c: not verified. It is translated all the same, so it stays wrong by as much."""
    c = line.open(proto)
    came, went = broken_quotes(proto, wrong, c.out_nat, c.out, c.external, c.internal)
    check(line, "wan", wire.from_wan(error(ROUTER, EXTERNAL, came)), "to_stack",
          error(ROUTER, HOST, went))
    came, went = broken_quotes(proto, wrong, c.back_nat, c.back, c.internal, c.external)
    check(line, "out", wire.from_stack(error(HOST, REMOTE, came)), "sent",
          error(EXTERNAL, REMOTE, went))


# RFC 4950 (MPLS label stack) and RFC 5837 (interface information) objects.
OBJECTS = {"known": bytes.fromhex("0008" "0101" "fa3e71ff" "000c" "020a" "0000001f" "c0a80101"),
           "unknown": bytes.fromhex("0006" "f7ff" "0a0b0000")}


def extended(src, dst, packet, kind, objects, announced, length=128):
    """An error with an RFC 4884 extension: the packet padded to 128 bytes, then the extension
    with its own checksum. Senders older than that document do not announce its place."""
    quoted = raw(packet)[:length].ljust(length, b"\0")
    extension = b"\x20\0\0\0" + objects
    extension = extension[:2] + struct.pack("!H", checksum(extension)) + extension[4:]
    rest = struct.pack("!BBH", 0, length // 4 if announced else 0, 1400 if kind == (3, 4) else 0)
    icmp = bytes(kind) + b"\0\0" + rest + quoted + extension
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    return IP(src=src, dst=dst, id=0x77, ttl=60, proto=1) / Raw(icmp)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("objects", OBJECTS)
@pytest.mark.parametrize("kind", [(3, 3), (3, 4), (11, 0), (12, 0)])
@pytest.mark.parametrize("body", [b"", bytes(range(200))], ids=["padded", "full"])
@protos
def test_extensions_stay(line, proto, body, kind, objects, announced):
    """REQ-3d: the extension and the padding before it are no part of the quoted packet."""
    c = line.open(proto)
    quoted = {"ip": {"ttl": 1}, "body": body}
    rest = kind, OBJECTS[objects], announced
    check(line, "wan", wire.from_wan(extended(ROUTER, EXTERNAL, c.out_nat(**quoted), *rest)),
          "to_stack", extended(ROUTER, HOST, c.out(**quoted), *rest))
    check(line, "out", wire.from_stack(extended(HOST, REMOTE, c.back_nat(**quoted), *rest)),
          "sent", extended(EXTERNAL, REMOTE, c.back(**quoted), *rest))


@protos
def test_extension_close_behind_a_short_quote(line, proto):
    """REQ-3d: also where the sender has not padded the quote, as long as it says how long it is."""
    c = line.open(proto)
    for length in range(MINIMAL, 44, 4):
        rest = (11, 0), OBJECTS["known"], True, length
        check(line, "wan",
              wire.from_wan(extended(ROUTER, EXTERNAL, c.out_nat(**parts()), *rest)), "to_stack",
              extended(ROUTER, HOST, c.out(**parts()), *rest))


# -- What an error does to a session: nothing ----------------------------------------------------

@kinds
@protos
def test_error_ends_nothing(line, proto, kind):
    """RFC 4787 REQ-12, RFC 5382 REQ-10, RFC 5508 REQ-6: after errors from both sides data passes
    as before, also on the fast path, and further destinations see the same port."""
    c = line.open_fast(proto)
    for _ in range(3):
        check(line, "wan", wire.from_wan(in_pair(c, kind=kind)[0]), "to_host",
              in_pair(c, kind=kind, ttl_out=59)[1])
        check(line, "out", wire.from_stack(out_pair(c, kind=kind)[0]), "sent",
              out_pair(c, kind=kind)[1])
    for way in ("sent_fast", "to_host"):
        through(line, way, c, {})
    other = line.talk(proto, rem_addr="203.0.113.60", int_port=c.internal[1])
    line.send(other, **({"l4": {"flags": "S"}} if proto == "tcp" else {}))
    assert other.external == c.external


@pytest.mark.parametrize("direction", ["in", "out"])
@protos
def test_error_keeps_nothing_alive(line, proto, direction):
    """RFC 5508 REQ-6, RFC 7857 section 7.1: errors in either direction do not refresh."""
    c = line.open(proto)
    watch = Watch(line, c)
    for share in (0.3, 0.6, 0.9):
        assert watch.at(TIMEOUT[proto] * share)
        packet, want = in_pair(c) if direction == "in" else out_pair(c)
        if direction == "in":
            check(line, "wan", wire.from_wan(packet), "to_stack", want)
        else:
            check(line, "out", wire.from_stack(packet), "sent", want)
    watch.assert_ends(TIMEOUT[proto])


@pytest.mark.parametrize("kind", [5, 9, 10, 15, 16, 17, 18, 30, 37, 40, 42, 255])
def test_other_types_stay_here(line, kind):
    """REQ-10: neither redirect nor anything else that means nothing beyond the NAT goes out or
    comes in, though the packet it quotes has a session."""
    c = line.open("udp")
    for path, frame, src, dst, quoted, way in (
            ("wan", wire.from_wan, ROUTER, EXTERNAL, c.out_nat(), "drop_in_protocol"),
            ("out", wire.from_stack, HOST, REMOTE, c.back_nat(), "drop_out_protocol")):
        packet = IP(src=src, dst=dst) / ICMP(type=kind) / Raw(raw(quoted))
        check(line, path, frame(packet), way)
