# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Mesh (RFC 7597 sections 5 and 8.1): which CE a packet is sent to, and which are believed."""
import ipaddress
import random

import pytest
from scapy.all import ICMP, IP, IPv6, UDP, raw

import wire
from bench import FAST_PATH, TCP_OFFLOAD
from check import check, with_ip
from line import NO_TC_DECAP, Line
from meshrule import Rule, write_rules
from pieces import Round, ipv4_piece
from wire import BR, EXTERNAL

MESH = 4  # flags of the config

SHARED = Rule("2001:db8:f000::/40", "203.0.113.0/24", 16, 6)
# Inside the one before: the longer IPv4 prefix wins. The older layout of the address.
NESTED = Rule("2001:db8:f100::/40", "203.0.113.128/25", 15, 4, "draft03")
WHOLE = Rule("2001:db8:f200::/48", "198.51.100.0/25", 7, 0)  # an address for each CE
LONG = Rule("2001:db8:f300::/56", "100.64.8.0/24", 12, 6)    # the prefix reaches into the id
OWN = Rule("2001:db8:f400::/40", "192.0.2.0/24", 14, 6)
RULES = [SHARED, NESTED, WHOLE, LONG, OWN]
OUTSIDE = "198.51.100.129"
OWN_CE = OWN.ce(EXTERNAL, 1024 + 22 * 16)


def load(bench, rules, flags):
    bench.load(flags=FAST_PATH | TCP_OFFLOAD | flags, fmr_count=len(rules), ce=OWN_CE)
    write_rules(bench, rules)


@pytest.fixture(scope="module", name="mesh")
def mesh_fixture(bench):
    """The bench with all rules, sending directly."""
    load(bench, RULES, MESH)
    return bench


@pytest.fixture
def line(mesh, line):  # pylint: disable=unused-argument
    return line


def own_encap(packet, **outer):
    return wire.encap(packet, **{"src": BR, "dst": OWN_CE, **outer})


def far_of(run):
    """Where a packet that left goes to; it came from us."""
    outer = IPv6(run.data[14:])
    assert (outer.src, outer.nh) == (OWN_CE, 4), run
    return outer.dst


def owner(address, port):
    """Who owns address and port, by the rules; the BR stands for all others."""
    fitting = [rule for rule in RULES if ipaddress.IPv4Address(address) in rule.net4]
    if not fitting:
        return BR
    return max(fitting, key=lambda rule: rule.net4.prefixlen).ce(address, port) or BR


ADDRESSES = ["203.0.113.0", "203.0.113.7", "203.0.113.127", "203.0.113.128", "203.0.113.255",
             "198.51.100.1", "198.51.100.127", OUTSIDE, "100.64.8.33", "192.0.2.2", "192.0.2.255"]
PORTS = [1, 80, 443, 1023, 1024, 1027, 1028, 4095, 4096, 4111, 4112, 5060, 32767, 50000, 65535]


def test_the_oracle_itself():
    """RFC 7597 appendix A, example 2, and a draft-03 address seen in the wild."""
    rule = Rule("2001:db8::/40", "192.0.2.0/24", 16, 6)
    assert rule.ce("192.0.2.18", 1232) == "2001:db8:12:3400:0:c000:212:34"
    v6plus = Rule("240b:10::/31", "106.72.0.0/15", 25, 4, "draft03")
    assert v6plus.address("106.72.50.97", format(0x64, "08b")).endswith(":6a:4832:6100:6400")


@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_destination(line, proto, address):
    """Every port goes to the CE that owns it; what no CE owns goes to the BR."""
    seen = set()
    for port in PORTS:
        run = line.send(line.talk(proto, address, port), **(
            {"l4": {"flags": "S"}} if proto == "tcp" else {}))
        assert far_of(run) == owner(address, port), port
        seen.add(far_of(run))
    # The ports of a shared address have several owners, else the test would show nothing.
    assert (len(seen) == 1) == (address == OUTSIDE or address.startswith("198."))


def test_ping_goes_by_the_id(line):
    """As a BR does it: the id decides, after translation."""
    for _ in range(20):
        c = line.talk("icmp", "203.0.113.7")
        assert far_of(line.send(c)) == owner("203.0.113.7", c.external[1])


def test_error_goes_to_whom_it_is_about(line):
    c = line.open("udp", rem_addr="203.0.113.7", rem_port=5060)
    error = IP(src=wire.HOST, dst="203.0.113.7") / ICMP(type=3, code=3) / c.back_nat()
    run = line.run("out", wire.from_stack(error))
    assert far_of(run) == owner("203.0.113.7", 5060) != BR


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_own_address(line, proto):
    """Our address with somebody else's port is his: another PSID, another CE. Never ourselves."""
    syn = {"l4": {"flags": "S"}} if proto == "tcp" else {}
    for port in (1024 + 21 * 16, 1024 + 23 * 16 + 5, 65535):
        assert far_of(line.send(line.talk(proto, EXTERNAL, port), **syn)) == OWN.ce(EXTERNAL, port)
    assert far_of(line.send(line.talk(proto, EXTERNAL, 80), **syn)) == BR


def test_ping_of_the_own_address_is_no_loop(line):
    """The id is one of ours, so the arithmetic gives our own CE address."""
    c = line.talk("icmp", EXTERNAL)
    run = line.send(c)
    assert OWN.ce(EXTERNAL, c.external[1]) == OWN_CE and far_of(run) == BR


@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
@pytest.mark.parametrize("address", ["203.0.113.7", "203.0.113.200", OUTSIDE])
def test_fast_path_goes_the_same_way(line, proto, address):
    c = line.open_fast(proto, rem_addr=address, rem_port=50000)
    run = line.run("lan", wire.from_lan(c.out()))
    assert run.verdict == "redirect"
    assert far_of(run) == owner(address, c.external[1] if proto == "icmp" else 50000)
    inner = c.out_nat(ip={"ttl": 56})
    assert raw(own_encap(inner, src=OWN_CE, dst=far_of(run))) == run.data[14:]


def test_no_route_to_the_other_ce(bench):
    """A rule whose prefix has no route: counted, as for the BR."""
    far = Rule("2001:db9::/40", "100.66.0.0/24", 16, 6)
    line = Line(bench, "tc")
    write_rules(bench, [far])
    c = line.talk("udp", "100.66.0.1", 50000)
    check(line, "out", wire.from_stack(c.out()), "drop_out_no_route")


# -- Receiving ------------------------------------------------------------------------------------

PEER, PEER_PORT = "203.0.113.7", 50000
PEER_CE = SHARED.ce(PEER, PEER_PORT)


def receive(line, c, way, src, packet=None, **parts):
    """A packet of the conversation from an outer source."""
    there = wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC,
                       own_encap(packet or c.back(**parts), src=src))
    back = c.back_nat(**(with_ip(parts, ttl=56) if way == "to_host" else parts))
    return check(line, "wan", there, way, back if packet is None else None)


@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("address, port", [(PEER, PEER_PORT), ("203.0.113.200", 4112),
                                           ("198.51.100.5", 80), ("100.64.8.33", 65535)])
def test_from_the_right_ce(line, proto, address, port):
    src = owner(address, port)
    assert src != BR
    receive(line, line.open(proto, rem_addr=address, rem_port=port), "to_stack", src)
    receive(line, line.open_fast(proto, rem_addr=address, rem_port=port), "to_host", src)


def test_ping_from_the_right_ce(line):
    c = line.open("icmp", rem_addr=PEER)
    receive(line, c, "to_stack", SHARED.ce(PEER, c.external[1]))
    other = SHARED.ce(PEER, c.external[1] ^ 0x40)
    receive(line, c, "drop_in_mesh_port", other)


def test_the_br_is_believed(line):
    """From the BR any source may come (section 8.1), also one of the mesh."""
    for address in (PEER, OUTSIDE):
        receive(line, line.open("udp", rem_addr=address, rem_port=80), "to_stack", BR)


def changed(address, bit):
    """The address with one of its 128 bits the other way round."""
    return str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(address)) ^ 1 << 127 - bit))


FORGED = {
    "another address of the rule": ("drop_in_mesh_address", SHARED.ce("203.0.113.8", PEER_PORT)),
    "another PSID": ("drop_in_mesh_port", SHARED.ce(PEER, PEER_PORT ^ 4)),
    "the last bit of the id": ("drop_in_mesh_address", changed(PEER_CE, 127)),
    "the IPv4 address in the id": ("drop_in_mesh_address", changed(PEER_CE, 100)),
    "the first bit of the id": ("drop_in_mesh_address", changed(PEER_CE, 64)),
    "a bit of the subnet": ("drop_in_mesh_address", changed(PEER_CE, 60)),
    "a bit of the EA bits' address": ("drop_in_mesh_address", changed(PEER_CE, 41)),
    "a bit of the rule's prefix": ("drop_in_not_br", changed(PEER_CE, 39)),
    "a CE of another rule": ("drop_in_not_br", NESTED.ce("203.0.113.200", 4112)),
    "the older layout": ("drop_in_mesh_address",
                         Rule(SHARED.ipv6, SHARED.ipv4, 16, 6, "draft03").ce(PEER, PEER_PORT)),
    "our own CE address": ("drop_in_not_br", OWN_CE),
    "nobody": ("drop_in_not_br", "2001:db8:dead::1"),
}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", FORGED)
def test_forged(line, name, fast):
    """One wrong bit, and it is not believed; in a session too that is on the fast path."""
    way, src = FORGED[name]
    c = (line.open_fast if fast else line.open)("udp", rem_addr=PEER, rem_port=PEER_PORT)
    receive(line, c, way, src)


def test_sources_that_are_not_of_the_mesh(line):
    """From another CE only its own packets come, not the internet's, nor those of system ports."""
    receive(line, line.open("udp", rem_addr=OUTSIDE), "drop_in_not_br", PEER_CE)
    low = line.open("udp", rem_addr=PEER, rem_port=80)
    receive(line, low, "drop_in_mesh_port", SHARED.address(PEER, "0" * 8))


def test_errors_from_other_ces(line):
    c = line.open("udp", rem_addr=PEER, rem_port=PEER_PORT)

    def error(src):
        return IP(src=src, dst=EXTERNAL) / ICMP(type=3, code=3) / raw(c.out_nat())[:28]
    want = IP(src=PEER, dst=wire.HOST) / ICMP(type=3, code=3) / raw(c.out())[:28]
    there = wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC, own_encap(error(PEER), src=PEER_CE))
    run = line.run("wan", there)
    assert run.verdict in ("redirect", "handoff")
    inner = IP(run.data[14:])
    assert (inner.src, inner.dst) == (PEER, wire.HOST) and want[ICMP].type == inner[ICMP].type
    receive(line, c, "drop_in_mesh_port", SHARED.ce(PEER, PEER_PORT ^ 4), packet=error(PEER))
    receive(line, c, "drop_in_mesh_address", SHARED.ce("203.0.113.9", PEER_PORT),
            packet=error("203.0.113.9"))


def test_checks_of_the_br_apply_too(line):
    """A CE that proves itself gets no further than the BR would."""
    c = line.open("udp", rem_addr=PEER, rem_port=PEER_PORT)
    other = IP(src=PEER, dst="192.0.2.2") / UDP(sport=PEER_PORT, dport=c.external[1])
    receive(line, c, "drop_in_not_ours", PEER_CE, packet=other)
    foreign = IP(src=PEER, dst=EXTERNAL) / UDP(sport=PEER_PORT, dport=1024)
    receive(line, c, "drop_in_foreign_port", PEER_CE, packet=foreign)
    receive(line, c, "drop_in_malformed", PEER_CE, packet=IP(raw(c.back())[:24]))


# -- Other modes; from here on the bench is loaded anew ----------------------------------------------

@pytest.fixture
def mode(request, bench):
    """The bench with the mesh off (no rules) or only receiving."""
    load(bench, RULES if request.param else [], 0)
    yield request.param


@pytest.mark.parametrize("mode, way", [(False, "drop_in_not_br"), (True, "to_stack")],
                         indirect=["mode"])
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_without_sending(bench, mode, way, hook):  # pylint: disable=unused-argument
    line = Line(bench, hook)
    for address in ADDRESSES:
        run = line.send(line.talk("udp", address, 50000))
        assert far_of(run) == BR
    receive(line, line.open("udp", rem_addr=PEER, rem_port=PEER_PORT), way, PEER_CE)


def test_256_rules(bench):
    """As many as HB46PP wants a CE to work with, and each is found."""
    rng = random.Random(256)
    rules = [Rule(f"2001:db8:f{i:03x}::/48", f"100.{64 + i // 64}.{i % 64 * 4}.0/22", 16, 6,
                  rng.choice(["rfc7597", "draft03"])) for i in range(256)]
    load(bench, rules, MESH)
    line = Line(bench, "tc")
    for rule in rules:
        address = str(rule.net4[rng.randrange(1024)])
        assert far_of(line.send(line.talk("udp", address, 40000))) == rule.ce(address, 40000)


@pytest.fixture
def rounds(line):
    if line.hook == "tc" and not line.bench.tc_decap:
        pytest.skip(NO_TC_DECAP)
    load(line.bench, RULES, MESH)
    rounds = Round(line)
    yield rounds
    rounds.close()


def test_fragments_go_to_one_ce(line, rounds):
    """The later ones, which have no port, with the first."""
    c = line.open("udp", rem_addr="203.0.113.7", rem_port=5060)
    packet = c.out(body=bytes(200), ip={"flags": 0, "id": 77})
    pieces = [wire.from_stack(ipv4_piece(packet, *at)) for at in ((64, 128), (0, 64), (128, 208))]
    frames = rounds.feed("out", pieces)
    assert len(frames) == 3
    assert {IPv6(frame[14:]).dst for frame in frames} == {owner("203.0.113.7", 5060)} != {BR}


def test_fragments_of_several_ces_do_not_mix(line, rounds):
    """Nobody can put his into another's datagram."""
    c = line.open("udp", rem_addr="203.0.113.7", rem_port=5060)
    packet = c.back(body=bytes(200), ip={"flags": 0, "id": 78})
    sender, other = owner("203.0.113.7", 5060), owner("203.0.113.7", 1024)

    def feed(start, end, src):
        frame = wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC,
                           own_encap(ipv4_piece(packet, start, end), src=src))
        return len(rounds.feed("wan", [frame]))
    assert feed(0, 64, other) == 0
    assert feed(64, 128, other) == 0
    assert feed(0, 64, sender) == 1
    assert feed(64, 128, BR) == 0
    assert feed(64, 128, sender) == 1
