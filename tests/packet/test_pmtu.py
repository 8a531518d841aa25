# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tunnel's MTU: what a Packet Too Big changes, for whom, and for how long."""
import pytest
from scapy.all import Ether, ICMPv6PacketTooBig, IP, IPOption_NOP, Raw, UDP, raw

import wire
from check import check
from test_icmp6 import error6, forget_path, path_mtu, receive, sent, told
from wire import EXTERNAL, HOST, REMOTE

MSS = b"\2\4%s"
AGE = 600


@pytest.fixture
def line(line):
    line.wait(2)  # nobody has been told of errors in that second
    forget_path(line.bench)
    yield line
    forget_path(line.bench)


def too_big(line, mtu, expected=None):
    """A router on the path says what it takes; `expected` is what is then known."""
    c = line.open("udp")
    count = {"path_mtu": 1, "tunnel_error": 1} if expected is None else \
        {"tunnel_error_unknown": 1}
    frame = error6(sent(c.out_nat()), ICMPv6PacketTooBig(mtu=mtu))
    receive(line, frame, "to_stack" if expected is None else "pass",
            told(c.out(), 4, mtu - 40), count)
    assert path_mtu(line.bench) == (mtu - 40 if expected is None else expected)


def of_length(length, proto="udp"):
    """The parts of a packet that is so long in all."""
    return {"body": bytes(i & 0xff for i in range(length - {"udp": 28, "icmp": 28,
                                                            "tcp": 40}[proto]))}


def refused(line, c, mtu, parts):
    """The host is told, and nothing is sent."""
    before = line.bench.counters()
    run = line.run("out", wire.from_stack(c.out(**parts)))
    assert line.bench.counted(before) == {"drop_out_df": 1}
    assert run.verdict == "redirect"
    length = 20 + 20 if c.proto != "tcp" else 40
    wire.assert_same(line.to_stack(told(c.out(**parts), 4, mtu, length)), run.data)


def passes(line, c, length):
    check(line, "out", wire.from_stack(c.out(**of_length(length, c.proto))), "sent",
          c.out_nat(**of_length(length, c.proto)))


def syn(make, mss, flags="S"):
    return make(body=MSS.replace(b"%s", mss.to_bytes(2, "big")),
                l4={"flags": flags, "dataofs": 6})


def clamped_to(line, limit):
    """SYN and SYN-ACK, both ways."""
    c = line.talk("tcp")
    line.send(c, l4={"flags": "S"})
    check(line, "out", wire.from_stack(syn(c.out, 8960)), "sent", syn(c.out_nat, limit))
    check(line, "wan", wire.from_wan(syn(c.back, 8960, "SA")), "to_stack",
          syn(c.back_nat, limit, "SA"))


@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
def test_df_and_too_big(line, proto):
    c = line.open(proto)
    passes(line, c, 1460)
    too_big(line, 1400)
    passes(line, c, 1360)
    refused(line, c, 1360, of_length(1361, proto))
    refused(line, c, 1360, of_length(1460, proto))


def test_with_ip_options(line):
    c = line.open("udp")
    too_big(line, 1400)
    parts = {**of_length(1440), "ip": {"options": [IPOption_NOP()] * 8}}
    before = line.bench.counters()
    run = line.run("out", wire.from_stack(c.out(**parts)))
    assert line.bench.counted(before) == {"drop_out_df": 1}
    wire.assert_same(line.to_stack(told(c.out(**parts), 4, 1360, 28 + 20)), run.data)


def test_nobody_is_told_about_errors(line):
    c = line.open("udp")
    too_big(line, 1400)
    packet = IP(src=HOST, dst=REMOTE, flags="DF") / \
        wire.ICMP(type=3, code=3) / Raw(raw(c.back_nat(**of_length(1400))))
    check(line, "out", wire.from_stack(packet), "drop_out_df")


def test_super_packet(line):
    """What counts is the length of its segments."""
    c = line.open("tcp")
    too_big(line, 1400)
    parts = {"body": bytes(2640)}
    frame = raw(wire.from_stack(c.out(**parts)))
    before = line.bench.counters()
    line.bench.run("mape_out", frame, gso_size=1320, gso_segs=2)
    # A test run's super-packet has no type, so it cannot be encapsulated.
    assert line.bench.counted(before) == {"drop_out_too_big": 2}
    before = line.bench.counters()
    run = line.bench.run("mape_out", frame, gso_size=1321, gso_segs=2)
    assert line.bench.counted(before) == {"drop_out_df": 2}
    wire.assert_same(line.to_stack(told(c.out(**parts), 4, 1360, 40)), run.data)


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_fast_path(line, proto):
    """What is too long takes the stack, which is where it is answered."""
    c = line.open_fast(proto)
    too_big(line, 1400)
    fits, long = of_length(1360, proto), of_length(1361, proto)
    check(line, "lan", wire.from_lan(c.out(**fits)), "sent_fast",
          c.out_nat(ip={"ttl": 56}, **fits))
    check(line, "lan", wire.from_lan(c.out(**long)), "pass")
    # What comes in has come through.
    whole = of_length(1460, proto)
    check(line, "wan", wire.from_wan(c.back(**whole)), "to_host",
          c.back_nat(ip={"ttl": 56}, **whole))


def test_mss_follows(line):
    clamped_to(line, 1420)
    too_big(line, 1400)
    clamped_to(line, 1320)


def test_never_below_1240(line):
    too_big(line, 1280)
    c = line.open("udp")
    passes(line, c, 1240)
    too_big(line, 1279, expected=1240)
    too_big(line, 576, expected=1240)
    passes(line, c, 1240)


def test_ageing(line):
    """Forgotten after ten minutes, counted from when it was last heard; only ever lowered."""
    too_big(line, 1450)
    too_big(line, 1400)
    too_big(line, 1450, expected=1360)
    line.wait(AGE - 5)
    refused(line, line.open("udp"), 1360, of_length(1460))
    too_big(line, 1400)
    line.wait(AGE - 5)
    refused(line, line.open("udp"), 1360, of_length(1460))
    clamped_to(line, 1320)
    line.wait(6)
    passes(line, line.open("udp"), 1460)
    clamped_to(line, 1420)
    too_big(line, 1450)
    refused(line, line.open("udp"), 1410, of_length(1411))


def test_hairpin_does_not_meet_the_path(line):
    too_big(line, 1400)
    a, b = line.open("udp"), line.open("udp", int_addr="192.168.1.11")
    to_a = line.talk("udp", EXTERNAL, a.external[1], *b.internal)
    to_b = line.talk("udp", EXTERNAL, b.external[1], *a.internal)
    line.run("out", wire.from_stack(to_b.out()))
    before = line.bench.counters()
    run = line.run("out", wire.from_stack(to_a.out(**of_length(1460))))
    assert line.bench.counted(before) == {"hairpin": 1}
    assert Ether(run.data)[IP].dst == HOST and run.data[-1432:] == of_length(1460)["body"]


def test_limit(line):
    c = line.open("udp")
    too_big(line, 1400)
    line.wait(2)
    frame = raw(wire.from_stack(c.out(**of_length(1400))))
    before = line.bench.counters()
    runs = [line.bench.run("mape_out", frame) for _ in range(400)]
    assert 100 <= sum(run.verdict == "redirect" for run in runs) <= 300
    assert {run.verdict for run in runs} == {"redirect", "drop"}
    assert line.bench.counted(before) == {"drop_out_df": 400}


@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
@pytest.mark.parametrize("mtu, length", [(1400, 1361), (1400, 1460), (1285, 1460), (1280, 1460)])
def test_last_piece_without_df(line, proto, mtu, length):
    """It goes round by the tunnel's exit, behind the others; the lab sees them all arrive."""
    c = line.open(proto)
    too_big(line, mtu)
    parts = {**of_length(length, proto), "ip": {"flags": 0}}
    before = line.bench.counters()
    run = line.run("out", wire.from_stack(c.out(**parts)))
    assert line.bench.counted(before) == {"kernel_out": 1, "split_out": 1}
    whole = raw(line.with_fresh_id(c.out_nat(**parts), run.data))
    cut = (mtu - 40 - 20) // 8 * 8
    piece = IP(whole[:20])
    piece.len, piece.frag, piece.chksum = length - cut, cut // 8, None
    wire.assert_same(line.sent(IP(raw(piece) + whole[20 + cut:])), run.data)


def test_what_cannot_be_cut(line):
    c = line.open("udp")
    too_big(line, 1400)
    packet = c.out(**of_length(1400), ip={"flags": 0, "options": [IPOption_NOP()] * 4})
    assert packet[UDP].dport == 443
    check(line, "out", wire.from_stack(packet), "drop_out_too_big")
