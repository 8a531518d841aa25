# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ICMPv6 errors about our tunnel packets (RFC 2473 section 8): told to a host, or not believed.

They are built and judged by scapy; on the XDP line wan_xdp has to leave them alone, and wan_handoff
behind it does the work.
"""
import struct

import pytest
from scapy.all import (GRE, ICMP, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6MLReport, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS,
                       ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IP,
                       IPOption_NOP, IPv6, Raw, TCP, UDP, raw)

import wire
from bench import CHECKSUM_COMPLETE
from check import check
from wire import BR, BR2, CE, EXTERNAL, GATEWAY_MAC, HOST, REMOTE, WAN_MAC

HOP = "2001:db8:77::1"  # a router on the IPv6 path
FAR_END = "192.0.0.1"   # who seems to tell the host, RFC 7335
PROTOS = ("tcp", "udp", "icmp")
KINDS = {"no route": ICMPv6DestUnreach(code=0), "prohibited": ICMPv6DestUnreach(code=1),
         "address unreachable": ICMPv6DestUnreach(code=3), "hop limit": ICMPv6TimeExceeded(code=0),
         "unknown next header": ICMPv6ParamProblem(code=1, ptr=6)}
TOO_BIG = ICMPv6PacketTooBig(mtu=1400)
IP6_MAX = 1280 - 48  # how much of a packet a router quotes (RFC 4443 section 2.4)


@pytest.fixture
def line(line):
    """A second in which nobody has been told of errors, and a path as wide as the WAN."""
    line.wait(2)
    forget_path(line.bench)
    yield line
    forget_path(line.bench)


def forget_path(bench):
    bench.ask("update", map="path_mtu", key=bytes(4).hex(), value=bytes(16).hex())


def path_mtu(bench):
    """What the programs have learnt; 0 for nothing."""
    return struct.unpack("=QII", bench.dump("path_mtu")[0][1])[1]


def sent(packet, src=CE, dst=BR, **outer):
    """A tunnel packet of ours, as the path sees it."""
    return IPv6(src=src, dst=dst, **{"nh": 4, "hlim": 1, **outer}) / packet


def error6(packet, kind=TOO_BIG, length=IP6_MAX, src=HOP, dst=CE, **fields):
    """An ICMPv6 error about an IPv6 packet, of which `length` bytes are quoted."""
    error = kind.copy()
    for name, value in fields.items():
        setattr(error, name, value)
    return wire.frame(WAN_MAC, GATEWAY_MAC,
                      IPv6(src=src, dst=dst, hlim=60) / error / Raw(raw(packet)[:length]))


def told(packet, code=1, mtu=0, length=IP6_MAX - 40, host=HOST):
    """What the host gets to hear about a packet that it sent."""
    return IP(src=FAR_END, dst=host, id=0, ttl=64) / \
        ICMP(type=3, code=code, nexthopmtu=mtu) / Raw(raw(packet)[:min(length, 576 - 28)])


def receive(line, frame, way, packet=None, count=None):
    """The frame on the WAN of this line; `way` as for check()."""
    if line.hook == "xdp":
        check(line, "wan", frame, "pass")
    program = "wan_handoff" if line.hook == "xdp" else line.prog("wan")
    before = line.bench.counters()
    frame, want = raw(frame), raw(line.to_stack(packet)) if way == "to_stack" else raw(frame)
    # A device's sum is given up when the tail is cut off, which a test run does not know.
    whole = way == "pass" or len(frame) - len(want) == 48 + 40 - 28
    flags = CHECKSUM_COMPLETE if line.checksum_complete and whole else 0
    run = line.bench.run(program, frame, flags=flags)
    assert run.errno == 0
    assert line.bench.counted(before) == (count or {})
    assert run.verdict == ("redirect" if way == "to_stack" else way)
    wire.assert_same(want, run.data)


def relayed(line, frame, packet, **count):
    receive(line, frame, "to_stack", packet, {"tunnel_error": 1, **count})


def ignored(line, frame):
    """Left to the kernel, byte for byte, but counted."""
    receive(line, frame, "pass", count={"tunnel_error_unknown": 1})
    assert path_mtu(line.bench) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("proto", PROTOS)
def test_unreachable(line, proto, kind):
    c = line.open_fast(proto)
    relayed(line, error6(sent(c.out_nat()), KINDS[kind]), told(c.out()))
    assert path_mtu(line.bench) == 0


@pytest.mark.parametrize("proto", PROTOS)
def test_too_big_with_df(line, proto):
    c = line.open(proto)
    body = {"body": bytes(range(256)) * 5 + bytes(120)}
    relayed(line, error6(sent(c.out_nat(**body))), told(c.out(**body), 4, 1360), path_mtu=1)
    assert path_mtu(line.bench) == 1360


@pytest.mark.parametrize("proto", PROTOS)
def test_too_big_without_df(line, proto):
    """Only the MTU is noted."""
    c = line.open(proto)
    frame = error6(sent(c.out_nat(ip={"flags": 0}, body=bytes(1400))))
    receive(line, frame, "pass", count={"path_mtu": 1})
    assert path_mtu(line.bench) == 1360


def test_first_fragment_too_big(line):
    c = line.open("udp")
    frame = error6(sent(c.out_nat(ip={"flags": "MF"}, body=bytes(1400))))
    receive(line, frame, "pass", count={"path_mtu": 1})
    assert path_mtu(line.bench) == 1360


@pytest.mark.parametrize("length", [28, 29, 31, 32, 36, 38, 40, 41, 60, 500, 548, 549, 1192])
@pytest.mark.parametrize("proto", PROTOS)
def test_quotes_of_any_length(line, proto, length):
    c = line.open(proto)
    body = {"body": bytes(range(200)) * 6}
    relayed(line, error6(sent(c.out_nat(**body)), KINDS["no route"], 40 + length),
            told(c.out(**body), length=length))


def test_padded_frame(line):
    c = line.open("udp")
    frame = raw(error6(sent(c.out_nat()), KINDS["no route"])) + b"padding"
    relayed(line, frame, told(c.out()))


def test_quoted_udp_without_checksum(line):
    c = line.open("udp")
    relayed(line, error6(sent(c.out_nat(l4={"chksum": 0})), KINDS["no route"]),
            told(c.out(l4={"chksum": 0})))


def test_second_br(line):
    c = line.open("udp")
    relayed(line, error6(sent(c.out_nat(), dst=BR2), KINDS["no route"]), told(c.out()))


def test_from_the_br_itself(line):
    c = line.open("tcp")
    relayed(line, error6(sent(c.out_nat()), KINDS["unknown next header"], src=BR), told(c.out()))


def test_session_stays_as_it_is(line):
    c = line.open_fast("tcp")
    before = repr(line.session(c))
    relayed(line, error6(sent(c.out_nat()), KINDS["hop limit"]), told(c.out()))
    assert repr(line.session(c)) == before


def stranger(line):
    """A conversation that nobody has begun, with a port of the set."""
    c = line.talk("udp", rem_addr="198.51.100.99")
    c.external = line.open("udp").external
    return c


def foreign(line):
    c = line.open("udp")
    c.external = EXTERNAL, 1000
    return c


# What is quoted, made from a conversation of ours.
NOT_OURS = {
    "not from our CE address": lambda c: sent(c.out_nat(), src="2001:db8:ce::2"),
    "not to a BR": lambda c: sent(c.out_nat(), dst="2001:db8:b0::3"),
    "not from our IPv4 address": lambda c: sent(c.out_nat(ip={"src": "192.0.2.2"})),
    "from the host's own address": lambda c: sent(c.out()),
    "what came in": lambda c: sent(c.back()),
    "a later fragment": lambda c: sent(c.out_nat(ip={"flags": 0, "frag": 10})),
    "GRE": lambda c: sent(IP(src=EXTERNAL, dst=REMOTE) / GRE() / bytes(20)),
    "an ICMP error": lambda c: sent(IP(src=EXTERNAL, dst=REMOTE) / ICMP(type=3, code=3) /
                                    c.back()),
    "an echo reply": lambda c: sent(IP(src=EXTERNAL, dst=REMOTE) /
                                    ICMP(type=0, id=c.external[1])),
    "IPv4 options": lambda c: sent(c.out_nat(ip={"options": [IPOption_NOP()] * 4})),
    "IPv4 version 5": lambda c: sent(c.out_nat(ip={"version": 5})),
}


@pytest.mark.parametrize("kind", ["no route", "too big"])
@pytest.mark.parametrize("why", NOT_OURS)
def test_not_about_a_packet_of_ours(line, why, kind):
    c = line.open("udp")
    kinds = {**KINDS, "too big": TOO_BIG}
    ignored(line, error6(NOT_OURS[why](c), kinds[kind]))


@pytest.mark.parametrize("make", [stranger, foreign])
def test_about_nothing_that_goes_on(line, make):
    c = make(line)
    ignored(line, error6(sent(c.out_nat())))
    ignored(line, error6(sent(c.out_nat()), KINDS["no route"]))


@pytest.mark.parametrize("length", [0, 1, 19, 20, 27])
def test_too_short_a_quote(line, length):
    c = line.open("udp")
    ignored(line, error6(sent(c.out_nat()), length=40 + length))


@pytest.mark.parametrize("change", [1, 0x8000])
def test_wrong_checksum(line, change):
    c = line.open("udp")
    good = bytearray(raw(error6(sent(c.out_nat()))))
    good[56] ^= change >> 8
    good[57] ^= change & 0xff
    ignored(line, bytes(good))


def test_shorter_than_it_says(line):
    c = line.open("udp")
    ignored(line, raw(error6(sent(c.out_nat(body=bytes(64)))))[:-1])


@pytest.mark.parametrize("mtu", [0, 68, 1279, 1500, 1501, 65535, 2 ** 32 - 1])
def test_mtu_that_no_path_has(line, mtu):
    """Below 1280 (RFC 8201 section 4), or not below the WAN's."""
    c = line.open("udp")
    ignored(line, error6(sent(c.out_nat()), mtu=mtu))


def eth(packet):
    return wire.frame(WAN_MAC, GATEWAY_MAC, packet)


V6 = IPv6(src=HOP, dst=CE)
LINK = IPv6(src="fe80::1", dst="ff02::1", hlim=255)
KERNEL = {
    "neighbour solicitation": eth(LINK / ICMPv6ND_NS(tgt=CE)),
    "neighbour solicitation to us": eth(IPv6(src="fe80::1", dst=CE, hlim=255) /
                                        ICMPv6ND_NS(tgt=CE)),
    "neighbour advertisement": eth(IPv6(src="fe80::1", dst=CE, hlim=255) /
                                   ICMPv6ND_NA(tgt="fe80::1", R=1, S=1)),
    "router advertisement": eth(LINK / ICMPv6ND_RA()),
    "router solicitation": eth(LINK / ICMPv6ND_RS()),
    "echo request": eth(V6 / ICMPv6EchoRequest(id=1376, data=bytes(100))),
    "echo reply": eth(V6 / ICMPv6EchoReply(id=1376, data=bytes(100))),
    "multicast listener report": eth(LINK / ICMPv6MLReport(mladdr="ff02::fb")),
    "error about our own IPv6 TCP": error6(IPv6(src=CE, dst=HOP) / TCP(dport=443)),
    "error about our own IPv6 UDP": error6(IPv6(src=CE, dst=HOP) / UDP(dport=53) / bytes(1400)),
    "error about our own echo": error6(IPv6(src=CE, dst=HOP) / ICMPv6EchoRequest(),
                                       KINDS["no route"]),
    "error for somebody else": error6(
        sent(IP(src=EXTERNAL, dst=REMOTE) / UDP(sport=1376, dport=443)), dst="2001:db8:ce::2"),
    "error without a quote": error6(b"", KINDS["no route"]),
    "error with half a quote": error6(sent(IP(src=EXTERNAL, dst=REMOTE)), length=39),
}


@pytest.mark.parametrize("name", KERNEL)
def test_left_to_the_kernel(line, name):
    """Not about the tunnel: byte for byte, and no counter."""
    receive(line, KERNEL[name], "pass")


def test_limit(line):
    """At most 100 a second; the rest goes to the kernel as it came."""
    c = line.open("udp")
    frame = raw(error6(sent(c.out_nat()), KINDS["no route"]))
    program = "wan_handoff" if line.hook == "xdp" else line.prog("wan")
    before = line.bench.counters()
    runs = line.bench.run_all(program, [frame] * 400)
    counted = line.bench.counted(before)
    told_of = [run for run in runs if run.verdict == "redirect"]
    assert 100 <= len(told_of) <= 300
    assert counted == {"tunnel_error": len(told_of), "tunnel_error_limit": 400 - len(told_of)}
    assert all(run.data == frame for run in runs if run.verdict == "pass")
