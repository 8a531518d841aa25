# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ICMP errors about known sessions, both ways (RFC 5508): every address, port and checksum."""
import pytest
from scapy.all import ICMP, IP, IPOption_NOP, Raw, raw

import wire
from check import check
from wire import EXTERNAL, HOST, REMOTE, ROUTER

KINDS = {"net unreachable": (3, 0), "host unreachable": (3, 1), "port unreachable": (3, 3),
         "fragmentation needed": (3, 4), "admin prohibited": (3, 13), "ttl exceeded": (11, 0),
         "reassembly time exceeded": (11, 1), "parameter problem": (12, 0)}
PROTOS = ("tcp", "udp", "icmp")

# How much of the packet is quoted: all, RFC 792's eight bytes, or in between.
QUOTES = {"whole": 10 ** 4, "8 bytes": 28, "12 bytes": 32, "20 bytes": 40, "odd": 47}


def quote(packet, length=10 ** 4):
    """The beginning of a packet as a router quotes it, its TTL used up."""
    return Raw(raw(packet)[:length])


def error(src, dst, packet, kind=(3, 3), length=10 ** 4, mtu=0, **ip):
    header = IP(**{"src": src, "dst": dst, "id": 0x77, "ttl": 60, "tos": 0xc0, **ip})
    return header / ICMP(type=kind[0], code=kind[1], nexthopmtu=mtu) / quote(packet, length)


def parts(**ip):
    return {"ip": {"ttl": 1, **ip}, "body": b"0123456789abcdefghij"}


def in_pair(c, **kw):
    """An error from a router about an outbound packet: as it arrives, as the host gets it."""
    sent = kw.pop("sent", parts())
    ttl = kw.pop("ttl_out", 60)
    return (error(ROUTER, EXTERNAL, c.out_nat(**sent), **kw),
            error(ROUTER, HOST, c.out(**sent), **{**kw, "ttl": ttl}))


def out_pair(c, **kw):
    """An error from the host about an inbound packet: as it leaves the host, as it is sent."""
    got = kw.pop("got", parts())
    return (error(HOST, REMOTE, c.back_nat(**got), **kw),
            error(EXTERNAL, REMOTE, c.back(**got), **kw))


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("proto", PROTOS)
def test_inbound(line, proto, kind, fast):
    c = line.open_fast(proto) if fast else line.open(proto)
    mtu = 1280 if kind == "fragmentation needed" else 0
    packet, want = in_pair(c, kind=KINDS[kind], mtu=mtu, ttl_out=60 - fast)
    check(line, "wan", wire.from_wan(packet), "to_host" if fast else "to_stack", want)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("proto", PROTOS)
def test_outbound(line, proto, kind):
    c = line.open_fast(proto)
    mtu = 1280 if kind == "fragmentation needed" else 0
    packet, want = out_pair(c, kind=KINDS[kind], mtu=mtu)
    check(line, "lan", wire.from_lan(packet), "pass")
    check(line, "out", wire.from_stack(packet), "sent", want)


@pytest.mark.parametrize("length", QUOTES)
@pytest.mark.parametrize("proto", PROTOS)
def test_quotes_of_any_length(line, proto, length):
    """The checksums that are quoted follow the change, those that are cut off need not."""
    c = line.open(proto)
    packet, want = in_pair(c, length=QUOTES[length])
    check(line, "wan", wire.from_wan(packet), "to_stack", want)
    packet, want = out_pair(c, length=QUOTES[length])
    check(line, "out", wire.from_stack(packet), "sent", want)


@pytest.mark.parametrize("options", [1, 5, 40])
@pytest.mark.parametrize("proto", PROTOS)
def test_options_in_the_quote(line, proto, options):
    c = line.open(proto)
    quoted = parts(options=[IPOption_NOP()] * options)
    check(line, "wan", *shift(wire.from_wan, "to_stack", in_pair(c, sent=quoted)))
    check(line, "out", *shift(wire.from_stack, "sent", out_pair(c, got=quoted)))


def shift(frame, way, pair):
    return frame(pair[0]), way, pair[1]


def test_options_around_the_quote(line):
    """An error with IPv4 options of its own is translated, on the kernel path."""
    c = line.open_fast("udp")
    packet, want = in_pair(c, options=[IPOption_NOP()] * 4)
    check(line, "wan", wire.from_wan(packet), "to_stack", want)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_quoted_checksum_of_zero(line, proto):
    """A quoted UDP packet without checksum stays one; one that a router has broken is not ours."""
    c = line.open(proto)
    quoted = {**parts(), "l4": {"chksum": 0}} if proto == "udp" else parts()
    check(line, "wan", *shift(wire.from_wan, "to_stack", in_pair(c, sent=quoted)))


def test_extension_behind_the_quote(line):
    """RFC 4884: what stands behind the quoted packet is covered by the checksum, and stays."""
    c = line.open("udp")
    extension = Raw(bytes(100) + b"\x20\x00\xab\xcd\x00\x08\x01\x01\x00\x01\x21\x01")
    packet, want = in_pair(c)
    check(line, "wan", *shift(wire.from_wan, "to_stack", (packet / extension, want / extension)))


@pytest.mark.parametrize("proto", PROTOS)
def test_error_changes_nothing_in_the_session(line, proto):
    """RFC 5508 REQ-6, REQ-10: it neither refreshes nor ends the session."""
    c = line.open_fast(proto)
    before = repr(line.session(c))
    line.run("wan", wire.from_wan(in_pair(c)[0]))
    line.run("out", wire.from_stack(out_pair(c)[0]))
    assert repr(line.session(c)) == before


def test_error_about_nothing_we_know(line):
    c = line.open("udp")
    other = line.talk("udp", rem_addr="198.51.100.99")
    other.external = c.external
    check(line, "wan", wire.from_wan(in_pair(other)[0]), "drop_in_icmp")
    check(line, "out", wire.from_stack(out_pair(other)[0]), "drop_out_no_session")


def test_error_about_a_foreign_port(line):
    c = line.open("udp")
    c.external = EXTERNAL, 1000
    check(line, "wan", wire.from_wan(in_pair(c)[0]), "drop_in_foreign_port")


def test_error_about_somebody_elses_packet(line):
    """The quoted source, and the address the error is sent to, both have to be ours."""
    c = line.open("udp")
    good = in_pair(c)[0]
    quoted = c.out_nat(ip={"src": "192.0.2.99"})
    check(line, "wan", wire.from_wan(error(ROUTER, EXTERNAL, quoted)), "drop_in_not_ours")
    good.dst = "192.0.2.99"
    check(line, "wan", wire.from_wan(IP(raw_again(good))), "drop_in_not_ours")


def raw_again(packet):
    """The packet with its header checksum computed anew."""
    packet.chksum = None
    return raw(packet)


def test_error_to_a_group_stays_here(line):
    c = line.open("udp")
    packet = error(HOST, "224.0.0.1", c.back_nat(**parts()))
    check(line, "out", wire.from_stack(packet), "drop_out_not_ipv4")


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("length", [0, 1, 19, 20, 27])
@pytest.mark.parametrize("proto", PROTOS)
def test_too_short_a_quote(line, proto, length, padded):
    """Fewer than eight bytes of the transport header do not tell the session."""
    c = line.open(proto)
    tail = bytes(64) if padded else b""
    check(line, "wan", raw(wire.from_wan(in_pair(c, length=length)[0])) + tail,
          "drop_in_malformed")
    check(line, "out", raw(wire.from_stack(out_pair(c, length=length)[0])) + tail,
          "drop_out_malformed")


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_short_quote_with_padding_behind(line, proto):
    """Bytes behind the packet are neither read nor changed."""
    c = line.open(proto)
    tail = bytes(range(100, 164))
    packet, want = out_pair(c, length=28)
    run = line.run("out", raw(wire.from_stack(packet)) + tail)
    want = line.with_fresh_id(want, run.data)
    wire.assert_same(raw(line.sent(want)) + tail, run.data)


@pytest.mark.parametrize("ip, way", [
    ({"version": 6}, "drop_in_malformed"), ({"ihl": 4}, "drop_in_malformed"),
    ({"frag": 8, "flags": 0}, "drop_in_icmp"), ({"proto": 47}, "drop_in_protocol")])
def test_broken_quotes(line, ip, way):
    c = line.open("udp")
    check(line, "wan", wire.from_wan(in_pair(c, sent=parts(**ip))[0]), way)


@pytest.mark.parametrize("kind, way", [(0, "drop_in_malformed"), (3, "drop_in_malformed")])
def test_error_about_an_icmp_that_was_no_query(line, kind, way):
    """About replies and errors of ours nobody has to be told (RFC 1122 section 3.2.2)."""
    c = line.open("icmp")
    packet = error(ROUTER, EXTERNAL, c.out_nat(l4={"type": kind}))
    check(line, "wan", wire.from_wan(packet), way)


@pytest.mark.parametrize("what", ["trailing", "large"])
def test_error_that_the_fast_path_does_not_take(line, what):
    c = line.open_fast("udp")
    sent = {**parts(), "body": bytes(1420)} if what == "large" else parts()
    packet, want = in_pair(c, sent=sent)
    tail = b"trailing" if what == "trailing" else b""
    frame = raw(wire.from_wan(packet, plen=len(packet) + len(tail))) + tail
    run = line.run("wan", frame)
    line.assert_handed(run, False)
    wire.assert_same(raw(line.to_stack(want)) + tail, run.data)
