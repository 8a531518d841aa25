# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other shapes of the tunnel: without NAPT (an IPv4 prefix, DS-Lite), and protocols without ports,
which pass where the address is ours alone and are refused with an error where it is shared."""
import pytest
from scapy.all import ESP, GRE, ICMP, IP, Raw, SCTP, SCTPChunkInit, TCP, UDP, fragment, raw

import wire
from bench import FAST_PATH, TCP_OFFLOAD, Flow
from check import check
from line import Line
from meshrule import write_sources
from test_wan import DECAP
from wire import CE, EXTERNAL, REMOTE, ROUTER

NO_NAPT = 16  # flag of the config
OTHER_HOST = "192.168.1.11"
TUNNEL_FAR_END = "192.0.0.1"

# The line's address or prefix, networks of the LAN, two of its hosts, and addresses that are not.
PREFIX = ("203.0.113.8", 29, ["203.0.113.8/29"], ["203.0.113.9", "203.0.113.15"],
          ["203.0.113.7", "203.0.113.16", "192.168.1.10", "192.0.0.2"])
DS_LITE = ("192.0.0.2", 32, ["192.168.0.0/16", "10.0.0.0/8", "192.0.0.0/29"],
           ["192.168.1.10", "10.255.0.1", "192.0.0.2"], ["203.0.113.9", "172.16.0.1"])


def flat(packet):
    """The same bytes as a header and a body: scapy would take some bodies apart and add to them."""
    data = raw(packet)
    header = IP(data[:(data[0] & 15) * 4])
    header.remove_payload()
    return header / Raw(data[len(header):])


@pytest.fixture(scope="module", params=[PREFIX, DS_LITE], ids=["prefix", "ds-lite"])
def shape(request, bench):
    """A line without NAPT, on the bench."""
    ip4, ip4_len, networks, _, _ = request.param
    bench.load(flags=FAST_PATH | TCP_OFFLOAD | NO_NAPT, ip4=ip4, ip4_len=ip4_len,
               source_count=len(networks), offset=0, psid_len=0, psid=0)
    write_sources(bench, *networks)
    return request.param


@pytest.fixture
def plain(shape, bench, hook):
    """That line with one of the two hooks."""
    line = Line(bench, hook)
    line.ip4, _, _, line.hosts, line.strangers = shape
    return line


@pytest.fixture(params=["tc", "xdp"])
def hook(request):
    return request.param


def pieces(packet):
    """The packet as it would cross a link of 596 bytes."""
    return fragment(packet, 576)


def payloads():
    """Whatever IPv4 can carry, also what no NAPT could make sense of."""
    return {
        "tcp": TCP(sport=1, dport=80, flags="A") / b"data",
        "udp": UDP(sport=5, dport=0) / b"data",
        "udp without checksum": UDP(sport=5, dport=6, chksum=0) / b"data",
        "ping": ICMP(id=1) / b"data",
        "redirect": ICMP(type=5) / bytes(28),
        "error about a stranger": ICMP(type=3) / IP(src=REMOTE, dst=ROUTER) / UDP(),
        "gre": GRE() / IP(), "esp": ESP(spi=7, data=b"x" * 40), "sctp": SCTP() / SCTPChunkInit(),
        "half a tcp header": Raw(b"\x00\x50\x00\x51"),
        "nothing": Raw(b"")}


PROTO = {"half a tcp header": 6, "nothing": 253}


def ipv4(name, **fields):
    """A packet with one of the payloads."""
    proto = {"proto": PROTO[name]} if name in PROTO else {}
    return IP(**{"id": 99, "ttl": 57, **proto, **fields}) / payloads()[name]


@pytest.mark.parametrize("name", payloads())
def test_plain_passes_everything(plain, name):
    for host in plain.hosts:
        there = ipv4(name, src=host, dst=REMOTE, tos=0x28 | 2)
        check(plain, "out", wire.from_stack(there), "sent", flat(there))
        back = ipv4(name, src=REMOTE, dst=host, tos=0x28)
        check(plain, "wan", wire.from_wan(back), "to_stack", back)


def test_plain_passes_options_and_fragments(plain):
    host = plain.hosts[0]
    big = UDP(sport=5, dport=6) / bytes(1400)
    for piece in pieces(IP(src=host, dst=REMOTE, id=7) / big):
        check(plain, "out", wire.from_stack(piece), "sent", flat(piece))
    for piece in pieces(IP(src=REMOTE, dst=host, id=7) / big):
        check(plain, "wan", wire.from_wan(piece), "to_stack", piece)
    options = IP(src=host, dst=REMOTE, options=[("NOP")] * 3) / big
    check(plain, "out", wire.from_stack(options), "sent", flat(options))


def test_plain_makes_no_sessions(plain):
    host = plain.hosts[0]
    packet = IP(src=host, dst=REMOTE) / UDP() / b"x"
    check(plain, "out", wire.from_stack(packet), "sent", flat(packet))
    assert plain.bench.sessions() == {} and plain.bench.mappings() == {}
    check(plain, "lan", wire.from_lan(packet), "pass")
    assert plain.bench.ask("deep")["findings"] == []


def test_plain_source(plain):
    """Out only what is ours, in only for what is ours."""
    for address in plain.strangers:
        packet = IP(src=address, dst=REMOTE) / UDP() / b"x"
        check(plain, "out", wire.from_stack(packet), "drop_out_source")
        packet = IP(src=REMOTE, dst=address) / UDP() / b"x"
        check(plain, "wan", wire.from_wan(packet), "drop_in_not_ours")


@pytest.mark.parametrize("address", ["224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.0"])
def test_plain_unicast_only(plain, address):
    host = plain.hosts[0]
    check(plain, "out", wire.from_stack(IP(src=host, dst=address) / UDP()), "drop_out_not_ipv4")
    check(plain, "wan", wire.from_wan(IP(src=address, dst=host) / UDP()), "drop_in_source")


def test_plain_no_loop(plain):
    """Our own prefix is neither behind the tunnel nor does it send from there."""
    host, own = plain.hosts[0], plain.ip4
    check(plain, "out", wire.from_stack(IP(src=host, dst=own) / UDP()), "drop_out_loop")
    check(plain, "wan", wire.from_wan(IP(src=own, dst=host) / UDP()), "drop_in_source")


def test_plain_outer(plain):
    """Only from a BR, and whole."""
    packet = IP(src=REMOTE, dst=plain.hosts[0]) / UDP() / b"data"
    check(plain, "wan", wire.from_wan(packet, src="2001:db8:b0::3"), "drop_in_not_br")
    check(plain, "wan", wire.from_wan(packet, dst="2001:db8:ce::2"), "pass")
    check(plain, "wan", wire.from_wan(packet, src=wire.BR2), "to_stack", packet)
    check(plain, "wan", wire.from_wan(packet, plen=len(packet) - 1), "drop_in_malformed")
    for bad in (b"\x65" + raw(packet)[1:], b"\x44" + raw(packet)[1:], raw(packet)[:12],
                raw(packet)[:2] + b"\x7f\xff" + raw(packet)[4:]):
        check(plain, "wan", wire.from_wan(Raw(bad), nh=4), "drop_in_malformed")
        if len(bad) >= 20:
            check(plain, "out", raw(wire.from_stack(IP()))[:14] + bad, "drop_out_malformed")


@pytest.mark.parametrize("outer", range(4))
@pytest.mark.parametrize("inner", range(4))
def test_plain_ecn(plain, inner, outer):
    host = plain.hosts[0]
    frame = wire.from_wan(IP(src=REMOTE, dst=host, tos=0x50 | inner) / UDP(), tc=outer)
    result = DECAP[inner][outer]
    if result is None:
        check(plain, "wan", frame, "drop_in_ecn")
    else:
        check(plain, "wan", frame, "to_stack", IP(src=REMOTE, dst=host, tos=0x50 | result) / UDP())


def test_plain_mss(plain):
    host = plain.hosts[0]
    for mss, want in ((1460, 1420), (1420, 1420), (536, 536)):
        def syn(src, dst, mss):
            return IP(src=src, dst=dst) / TCP(flags="S", options=[("MSS", mss)])
        check(plain, "out", wire.from_stack(syn(host, REMOTE, mss)), "sent",
              syn(host, REMOTE, want))
        check(plain, "wan", wire.from_wan(syn(REMOTE, host, mss)), "to_stack",
              syn(REMOTE, host, want))


# -- Protocols without ports -----------------------------------------------------------------------

PORTLESS = {"gre": (47, GRE() / b"data"), "esp": (50, Raw(b"\0\0\0\7" + bytes(36))),
            "sctp": (132, SCTP(sport=9, dport=7) / SCTPChunkInit()), "6in4": (41, Raw(bytes(60))),
            "ipip": (4, IP(src="10.0.0.1", dst="10.0.0.2") / UDP()), "unknown": (253, Raw(b"x")),
            "empty": (254, Raw(b""))}


def portless(name, src, dst, **fields):
    proto, payload = PORTLESS[name]
    return IP(**{"src": src, "dst": dst, "proto": proto, "ttl": 57, "id": 7, **fields}) / payload


@pytest.fixture
def alone(bench, hook):
    """A line with an address of its own."""
    bench.load(offset=0, psid_len=0, psid=0)
    return Line(bench, hook)


def say(line, name, host=wire.HOST, remote=REMOTE, **fields):
    """A host sends; the address is translated and nothing else."""
    check(line, "out", wire.from_stack(portless(name, host, remote, **fields)), "sent",
          flat(portless(name, EXTERNAL, remote, **fields)))


def hear(line, name, host=wire.HOST, remote=REMOTE, **fields):
    """The remote sends; it goes to this host, nobody else."""
    check(line, "wan", wire.from_wan(portless(name, remote, EXTERNAL, **fields)), "to_stack",
          portless(name, remote, host, **fields))


@pytest.mark.parametrize("name", PORTLESS)
def test_portless_alone(alone, name):
    check(alone, "wan", wire.from_wan(portless(name, REMOTE, EXTERNAL)), "drop_in_no_session")
    say(alone, name)
    hear(alone, name)
    say(alone, name, flags="DF")
    flow = Flow(wire.HOST, 0, REMOTE, 0, PORTLESS[name][0])
    session = alone.bench.session(flow)
    assert (session.packets_out, session.packets_in) == (2, 1)
    for other in ({"remote": "198.51.100.8"}, {"name": "gre" if name != "gre" else "esp"}):
        row = {"name": name, "remote": REMOTE, **other}
        check(alone, "wan", wire.from_wan(portless(row["name"], row["remote"], EXTERNAL)),
              "drop_in_no_session")
    assert alone.bench.ask("deep")["findings"] == []


def test_portless_most_recent(alone):
    """Of two hosts that talk to the same remote the one that spoke last is meant."""
    say(alone, "gre")
    hear(alone, "gre")
    say(alone, "gre", OTHER_HOST)
    hear(alone, "gre", OTHER_HOST)
    say(alone, "esp", OTHER_HOST)
    say(alone, "gre")
    hear(alone, "gre")
    hear(alone, "esp", OTHER_HOST)
    assert alone.bench.ask("deep")["findings"] == []


def test_portless_expires(alone):
    """With its session ends what leads to it, unless another host has taken over."""
    say(alone, "gre")
    say(alone, "gre", OTHER_HOST)
    say(alone, "esp")
    alone.wait(200)
    say(alone, "gre", OTHER_HOST)
    alone.wait(200)
    alone.bench.sweep()
    assert [flow.int_addr for flow in alone.bench.sessions()] == [OTHER_HOST]
    hear(alone, "gre", OTHER_HOST)
    check(alone, "wan", wire.from_wan(portless("esp", REMOTE, EXTERNAL)), "drop_in_no_session")
    assert len(alone.bench.overlaps()) == 1
    assert alone.bench.ask("deep")["findings"] == []
    alone.bench.control("delete", flow=Flow(OTHER_HOST, 0, REMOTE, 0, 47))
    assert alone.bench.overlaps() == {} and alone.bench.live() == 0


def test_portless_fragments(alone):
    """Only the addresses count, so fragments are like any packet; the id stays the same."""
    def big(src, dst):
        return pieces(IP(src=src, dst=dst, proto=50, id=77) / Raw(bytes(range(256)) * 5))
    for before, after in zip(big(wire.HOST, REMOTE), big(EXTERNAL, REMOTE)):
        check(alone, "out", wire.from_stack(before), "sent", flat(after))
    for before, after in zip(big(REMOTE, EXTERNAL), big(REMOTE, wire.HOST)):
        check(alone, "wan", wire.from_wan(before), "to_stack", after)


@pytest.mark.parametrize("proto", [136, 33], ids=["udp-lite", "dccp"])
def test_portless_checksum_over_addresses(alone, proto):
    """RFC 3828 and RFC 4340: in both the checksum lies where UDP has it, over a pseudo header."""
    def packet(src, dst):
        body = bytearray(raw(UDP(sport=5000, dport=7, len=0, chksum=0)) + b"payload!")
        header = IP(src=src, dst=dst, proto=proto, id=7)
        pseudo = raw(header)[12:20] + bytes([0, proto]) + len(body).to_bytes(2, "big")
        total = sum(int.from_bytes((pseudo + body)[i:i + 2], "big")
                    for i in range(0, len(pseudo + body), 2))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        body[6:8] = (~total & 0xffff).to_bytes(2, "big")
        return header / Raw(bytes(body))
    check(alone, "out", wire.from_stack(packet(wire.HOST, REMOTE)), "sent",
          flat(packet(EXTERNAL, REMOTE)))
    check(alone, "wan", wire.from_wan(packet(REMOTE, EXTERNAL)), "to_stack",
          packet(REMOTE, wire.HOST))


@pytest.mark.parametrize("name", ["gre", "esp", "sctp"])
def test_portless_errors(alone, name):
    """ICMP errors about it find the host, so its path MTU discovery works."""
    def error(src, dst, sent):
        header = IP(src=src, dst=dst, flags="DF")
        return header / ICMP(type=3, code=4, nexthopmtu=1300) / Raw(raw(sent)[:28])
    before = error(ROUTER, EXTERNAL, portless(name, EXTERNAL, REMOTE))
    check(alone, "wan", wire.from_wan(before), "drop_in_icmp")
    say(alone, name)
    check(alone, "wan", wire.from_wan(before), "to_stack",
          error(ROUTER, wire.HOST, portless(name, wire.HOST, REMOTE)))
    got = error(wire.HOST, REMOTE, portless(name, REMOTE, wire.HOST))
    check(alone, "out", wire.from_stack(got), "sent",
          flat(error(EXTERNAL, REMOTE, portless(name, REMOTE, EXTERNAL))))


def test_portless_to_ourselves(alone):
    check(alone, "out", wire.from_stack(portless("gre", wire.HOST, EXTERNAL)),
          "drop_out_no_session")


@pytest.mark.parametrize("kind", [4, 5, 9, 10, 15, 17, 40])
def test_icmp_types_stay_refused(alone, kind):
    packet = ICMP(type=kind) / bytes(40)
    check(alone, "wan", wire.from_wan(IP(src=REMOTE, dst=EXTERNAL) / packet), "drop_in_protocol")
    check(alone, "out", wire.from_stack(IP(src=wire.HOST, dst=REMOTE) / packet),
          "drop_out_protocol")


@pytest.mark.parametrize("name", PORTLESS)
def test_portless_shared(bench, name):
    """Where the address is shared the host is told: protocol unreachable (RFC 792)."""
    bench.load()
    line, packet = Line(bench, "xdp"), portless(name, wire.HOST, REMOTE)
    before = bench.counters()
    run = line.run("out", wire.from_stack(packet))
    assert bench.counted(before) == {"drop_out_protocol": 1}
    assert run.verdict == "redirect" and run.data[12:14] == b"\x08\x00"
    answer = IP(run.data[14:])
    wire.assert_same(raw(answer), raw(
        IP(src=TUNNEL_FAR_END, dst=wire.HOST, id=answer.id, ttl=64, flags=answer.flags) /
        ICMP(type=3, code=2) / Raw(raw(packet)[:len(raw(answer)) - 28])))
    assert len(raw(answer)) >= 28 + min(28, len(packet) & ~1)
    check(line, "wan", wire.from_wan(portless(name, REMOTE, EXTERNAL)), "drop_in_protocol")


@pytest.mark.parametrize("packet", [
    portless("gre", wire.HOST, REMOTE, frag=10), portless("gre", wire.HOST, "224.0.0.1"),
    portless("gre", "0.0.0.0", REMOTE), portless("gre", EXTERNAL, REMOTE),
    IP(src=wire.HOST, dst=REMOTE) / ICMP(type=5) / bytes(28)],
    ids=["later fragment", "multicast", "no source", "our address", "ICMP redirect"])
def test_portless_shared_silently(bench, packet):
    """RFC 1812 section 4.3.2.7: no error about these."""
    bench.load()
    check(Line(bench, "xdp"), "out", wire.from_stack(packet), "drop_out_protocol")
