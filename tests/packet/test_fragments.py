# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fragments: of the inner packet in any order, of the tunnel itself, wrong ones, and how many."""
import itertools

import pytest
from scapy.all import ICMP, IP, IPv6, IPv6ExtHdrFragment, Raw, UDP, raw

import wire
from bench import CHECKSUM_COMPLETE
from check import check
from line import NO_TC_DECAP
from pieces import (Round, cuts, ipv4_piece, ipv4_pieces, ipv6_piece, ipv6_pieces)
from wire import BR2, HOST, REMOTE

LIFE = 15  # seconds that a datagram is remembered and a fragment waits
BODY = bytes(range(256)) * 2
FREE = {"flags": 0}  # may be fragmented

ORDERS = [order for parts in (2, 3, 4) for order in itertools.permutations(range(parts))]


@pytest.fixture
def rounds(line):
    if line.hook == "tc" and not line.bench.tc_decap:
        pytest.skip(NO_TC_DECAP)
    rounds = Round(line)
    yield rounds
    rounds.close()


@pytest.fixture(autouse=True)
def counted(request, line):
    """A function: the counters that have risen since the test began or the last call."""
    before = [line.bench.counters()]

    def since():
        rise = line.bench.counted(before[0])
        before[0] = line.bench.counters()
        return rise
    yield since
    line.bench.now(line.bench.offset // 10 ** 9 + LIFE + 1)
    line.bench.sweep()  # leaves nothing waiting for the next test


def arrive(path, piece, **outer):
    return wire.from_stack(piece) if path == "out" else wire.from_wan(piece, **outer)


def talk(line, path, proto="udp", **parts):
    """A conversation, its datagram as it comes in, and as it has to leave, both whole."""
    c = line.open(proto)
    parts = {"body": BODY, "ip": FREE, **parts}
    if path == "out":
        return c, c.out(**parts), c.out_nat(**parts)
    return c, c.back(**parts), c.back_nat(**parts)


def leaves(line, path, piece):
    """The frame in which a translated piece leaves."""
    return raw(line.sent(piece) if path == "out" else line.to_stack(piece))


def with_id(packet, data, at):
    """The packet with the id that a frame has whose IPv4 header is at this offset."""
    packet = IP(raw(packet))
    packet.id = int.from_bytes(data[at + 4:at + 6], "big")
    packet.chksum = None
    return packet


def trimmed(frame):
    """Without what follows the IPv4 packet: short ones leave with padding, which stacks ignore."""
    at = 14 if frame[12:14] == b"\x08\0" else 54
    return frame[:at + int.from_bytes(frame[at + 2:at + 4], "big")]


def assert_left(line, path, frames, whole, where, first=True):
    """These frames are the datagram, cut like this, with one id; the first one leads."""
    at = 54 if path == "out" else 14
    assert len({frame[at + 4:at + 6] for frame in frames}) == 1
    want = [leaves(line, path, piece)
            for piece in ipv4_pieces(with_id(whole, frames[0], at), where)]
    got = [trimmed(frame) for frame in frames]
    if first:
        wire.assert_same(want[0], got[0])
    assert sorted(got) == sorted(want)


# -- Inner fragments ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["out", "wan"])
@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
def test_every_order(line, rounds, counted, proto, path):
    early = 0
    for order in ORDERS:
        c, there, here = talk(line, path, proto)
        counted()
        where = cuts(len(raw(there)) - 20, len(order))
        pieces = [arrive(path, piece) for piece in ipv4_pieces(there, where)]
        frames = rounds.feed(path, [pieces[i] for i in order])
        assert_left(line, path, frames, here, where)
        early = order.index(0)
        want = {"kernel_out" if path == "out" else "kernel_in": len(order),
                "fragment_held": early}
        assert counted() == {name: n for name, n in want.items() if n}
        session = line.session(c)
        assert (session.packets_out, session.packets_in) == \
            ((len(order) + 1, 0) if path == "out" else (1, len(order)))


@pytest.mark.parametrize("path", ["out", "wan"])
@pytest.mark.parametrize("last", [1, 7, 8, 19, 20, 21])
def test_short_last_piece(line, rounds, path, last):
    """Shorter than what the kernel wants to be left of an IPv6 packet."""
    _, there, here = talk(line, path)
    length = len(raw(there)) - 20
    where = [(0, 16), (16, 16 + last)]
    there, here = (IP(raw(p)[:20 + 16 + last]) for p in (there, here))
    assert length > 16 + last
    for packet in there, here:
        packet.len = packet.chksum = None
    for order in (0, 1), (1, 0):
        pieces = [arrive(path, piece) for piece in ipv4_pieces(there, where)]
        assert_left(line, path, rounds.feed(path, [pieces[i] for i in order]), here, where)


@pytest.mark.parametrize("path", ["out", "wan"])
def test_interleaved(line, rounds, path):
    """Two datagrams of two hosts with the same id to or from the same remote, and one of TCP."""
    talks = [talk(line, path, proto) for proto in ("udp", "tcp", "icmp")]
    if path == "out":
        other = line.open("udp", int_addr="192.168.1.11")
        talks.append((other, other.out(body=BODY, ip=FREE), other.out_nat(body=BODY, ip=FREE)))
    where = cuts(len(BODY), 3)
    pieces = [[arrive(path, ipv4_piece(there, a, b, flags="MF")) for a, b in where]
              for _, there, _ in talks]
    for i in (2, 0, 1):
        for mine, (_, there, here) in zip(pieces, talks):
            frames = rounds.feed(path, [mine[i]])
            if i == 2:
                assert frames == []
                continue
            assert len(frames) == (2 if i == 0 else 1)
            at = 54 if path == "out" else 14
            want = [leaves(line, path, ipv4_piece(with_id(here, frames[0], at), *where[j],
                                                  flags="MF"))
                    for j in ((0, 2) if i == 0 else (1,))]
            assert [trimmed(f) for f in frames] == want


def test_directions_do_not_mix(line, rounds):
    """The same addresses, id and protocol from LAN and WAN are two datagrams (FRG-06)."""
    c = line.open("udp")
    line.bench.set(ip4=wire.EXTERNAL)
    where = cuts(len(BODY), 2)
    out, back = c.out(body=BODY, ip=FREE), c.back(body=BODY, ip=FREE)
    assert rounds.feed("wan", [arrive("wan", ipv4_piece(back, *where[1]))]) == []
    assert len(rounds.feed("out", [arrive("out", ipv4_piece(out, *where[0]))])) == 1
    assert len(rounds.feed("wan", [arrive("wan", ipv4_piece(back, *where[0]))])) == 2


@pytest.mark.parametrize("path", ["out", "wan"])
def test_the_record_decides(line, rounds, path):
    """A session that has ended, or has another port by now, changes nothing (FRG-07)."""
    c, there, here = talk(line, path)
    where = cuts(len(raw(there)) - 20, 3)
    pieces = [arrive(path, piece) for piece in ipv4_pieces(there, where)]
    frames = rounds.feed(path, pieces[:1])
    line.bench.control("delete", c.flow)
    frames += rounds.feed(path, pieces[1:2])
    line.send(c)
    frames += rounds.feed(path, pieces[2:])
    assert_left(line, path, frames, here, where)


@pytest.mark.parametrize("path", ["out", "wan"])
def test_a_complete_datagram_is_forgotten(line, rounds, counted, path):
    """Its id may be used again at once, by anybody, in any order; repetitions do not matter."""
    first, second = talk(line, path), talk(line, path)
    where = [(0, 200), (200, 400), (400, len(BODY) + 8)]
    for _, there, here in first, second:
        pieces = [arrive(path, piece) for piece in ipv4_pieces(there, where)]
        assert rounds.feed(path, pieces[2:]) == []
        counted()
        assert_left(line, path, rounds.feed(path, pieces[:1]), here, [where[0], where[2]])
        assert len(rounds.feed(path, [pieces[2]])) == 1
        assert len(rounds.feed(path, [pieces[1]])) == 1
        assert rounds.feed(path, [pieces[1]]) == []
        line.wait(LIFE + 1)
        line.bench.sweep()


@pytest.mark.parametrize("path", ["out", "wan"])
def test_waiting_ends(line, rounds, counted, path):
    """After 15 s the sweep counts what nobody came for, and the first one comes alone."""
    _, there, _ = talk(line, path)
    pieces = [arrive(path, piece)
              for piece in ipv4_pieces(there, cuts(len(raw(there)) - 20, 2))]
    counted()
    assert rounds.feed(path, pieces[1:]) == []
    line.wait(LIFE - 1)
    line.bench.sweep()
    assert counted() == {"fragment_held": 1}
    line.wait(2)
    line.bench.sweep()
    assert counted() == {f"drop_{'out' if path == 'out' else 'in'}_fragment": 1}
    assert len(rounds.feed(path, pieces[:1])) == 1


@pytest.mark.parametrize("where", [[(0, 200), (200, 400), (400, 520)],
                                   [(0, 200), (200, 248), (248, 520)]])
def test_sum_of_the_device(line, rounds, where):
    """A checksum that the WAN has computed over the whole frame stays right."""
    if not line.checksum_complete:
        pytest.skip("this kernel's test runs check no such sum (since Linux 6.15)")
    _, there, here = talk(line, "wan")
    pieces = [wire.from_wan(piece) for piece in ipv4_pieces(there, where)]
    frames = rounds.feed("wan", pieces, flags=CHECKSUM_COMPLETE)
    assert_left(line, "wan", frames, here, where)
    frames = rounds.feed("wan", [ipv6_piece(there, 0, 540)], flags=CHECKSUM_COMPLETE)
    assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]


@pytest.mark.parametrize("path", ["out", "wan"])
def test_a_datagram_is_remembered_for_15_s(line, rounds, counted, path):
    _, there, _ = talk(line, path)
    pieces = [arrive(path, piece)
              for piece in ipv4_pieces(there, cuts(len(raw(there)) - 20, 3))]
    assert len(rounds.feed(path, pieces[:1])) == 1
    line.wait(LIFE - 1)
    assert len(rounds.feed(path, pieces[1:2])) == 1
    line.wait(2)
    assert rounds.feed(path, pieces[2:]) == []
    assert counted()["fragment_held"] == 1


def test_ecn_of_each_piece(line, rounds, counted):
    """Congestion on the way concerns the piece that met it; what cannot tell is dropped."""
    _, there, here = talk(line, "wan", ip={**FREE, "tos": 2})
    where = cuts(len(raw(there)) - 20, 2)
    pieces = ipv4_pieces(there, where)
    frames = rounds.feed("wan", [wire.from_wan(pieces[1], tc=3), wire.from_wan(pieces[0])])
    want = [ipv4_piece(here, *where[0]), ipv4_piece(here, *where[1], tos=3)]
    assert [trimmed(f) for f in frames] == [leaves(line, "wan", piece) for piece in want]
    counted()
    _, there, _ = talk(line, "wan")
    pieces = ipv4_pieces(there, where)
    assert rounds.feed("wan", [wire.from_wan(pieces[1], tc=3)]) == []
    assert counted()["drop_in_ecn"] == 1


def test_hairpinned(line, rounds):
    a, b = line.open("udp"), line.open("udp", int_addr="192.168.1.11")
    there = line.talk("udp", rem_addr=wire.EXTERNAL, rem_port=b.external[1], int_addr=HOST,
                      int_port=a.internal[1])
    back = line.talk("udp", rem_addr=wire.EXTERNAL, rem_port=a.external[1],
                     int_addr="192.168.1.11", int_port=b.internal[1])
    line.bench.run("mape_out", raw(wire.from_stack(back.out())))
    line.bench.run("mape_out", raw(wire.from_stack(there.out())))
    packet = there.out(body=BODY, ip=FREE)
    want = IP(src=wire.EXTERNAL, dst="192.168.1.11", flags=0, ttl=57) / UDP(
        sport=a.external[1], dport=b.internal[1]) / Raw(BODY)
    where = cuts(len(raw(packet)) - 20, 3)
    pieces = [arrive("out", piece) for piece in ipv4_pieces(packet, where)]
    frames = rounds.feed("out", [pieces[2], pieces[0], pieces[1]])
    want = ipv4_pieces(with_id(want, frames[0], 14), where)
    assert sorted(trimmed(f) for f in frames) == sorted(raw(line.to_stack(p)) for p in want)


# -- Wrong ones --------------------------------------------------------------------------------

def pieces_that_are_wrong(proto, there):
    """(why, the fragment, what is counted but for the direction)."""
    header = {"udp": 8, "tcp": 20, "icmp": 8}[proto]
    yield "a tiny first one", ipv4_piece(there, 0, header - 8 or 0), "bad"
    yield "nothing at all", ipv4_piece(there, 64, 64), "bad"
    yield "not a multiple of eight", ipv4_piece(there, 64, 71), "bad"
    yield "a first one likewise", ipv4_piece(there, 0, 71), "bad"
    yield "beyond the end of a datagram", ipv4_piece(there, 0, 200, frag=8180, flags=0), "bad"
    yield "the last one possible", ipv4_piece(there, 0, 64, frag=8181, flags=0), None
    if proto == "tcp":
        yield "a piece of the header", ipv4_piece(there, 8, 64), "bad"
        yield "its end", ipv4_piece(there, 16, 64), "bad"
    yield "right behind the header", ipv4_piece(there, 24, 64), None


@pytest.mark.parametrize("path", ["out", "wan"])
@pytest.mark.parametrize("proto", ["udp", "tcp", "icmp"])
def test_wrong(line, rounds, counted, path, proto):
    _, there, _ = talk(line, path, proto)
    counted()
    for why, piece, count in pieces_that_are_wrong(proto, there):
        assert rounds.feed(path, [arrive(path, piece)]) == [], why
        want = f"drop_{'out' if path == 'out' else 'in'}_fragment_{count}"
        assert counted() == {want if count else "fragment_held": 1}, why


@pytest.mark.parametrize("path", ["out", "wan"])
@pytest.mark.parametrize("early", [False, True])
def test_overlapping_the_first_one(line, rounds, counted, path, early):
    _, there, _ = talk(line, path)
    counted()
    first, other = ipv4_piece(there, 0, 64), ipv4_piece(there, 56, 120)
    frames = [arrive(path, piece) for piece in ((other, first) if early else (first, other))]
    assert len(rounds.feed(path, frames)) == 1
    rise = counted()
    assert rise[f"drop_{'out' if path == 'out' else 'in'}_fragment_bad"] == 1
    assert rise.get("fragment_held", 0) == early


@pytest.mark.parametrize("path", ["out", "wan"])
def test_protocols_without_ports_do_not_wait(line, rounds, counted, path):
    c, there, _ = talk(line, path)
    for fields in {"flags": "MF"}, {"frag": 100}:
        piece = ipv4_piece(there, 0, 64, proto=47, **{"flags": 0, **fields})
        sent = rounds.feed(path, [arrive(path, piece)])
        # The sender of a first fragment is told so.
        told = path == "out" and "flags" in fields
        assert [IP(frame[14:])[ICMP].code for frame in sent] == ([2] if told else [])
    assert counted()[f"drop_{'out' if path == 'out' else 'in'}_protocol"] == 2


@pytest.mark.parametrize("path", ["out", "wan"])
def test_errors_in_pieces(line, rounds, counted, path):
    """No error is longer than any MTU."""
    c = line.open("udp")
    quoted = raw(c.back() if path == "out" else c.out_nat()) + bytes(60)
    error = (IP(src=HOST, dst=REMOTE) if path == "out" else IP(src=REMOTE, dst=wire.EXTERNAL)) / \
        ICMP(type=3, code=3) / Raw(quoted)
    counted()
    assert rounds.feed(path, [arrive(path, ipv4_piece(error, 0, 64))]) == []
    assert counted() == {f"drop_{'out' if path == 'out' else 'in'}_fragment_bad": 1}


@pytest.mark.parametrize("path, length", [("out", 1600), ("wan", 1560)])
def test_too_long_to_wait(line, rounds, counted, path, length):
    """In order any length is right; else up to 1,600 bytes from the IP header on."""
    _, there, here = talk(line, path, body=bytes(4000))
    counted()
    size = (length - 20) // 8 * 8
    for more in 8, 0:
        where = [(0, 800), (800, 800 + size + more)]
        pieces = [arrive(path, ipv4_piece(there, a, b, flags="MF")) for a, b in where]
        assert rounds.feed(path, pieces[1:]) == []
        assert list(counted()) == [f"drop_{'out' if path == 'out' else 'in'}_fragment_long"
                                   if more else "fragment_held"]
    assert len(rounds.feed(path, pieces)) == 3


@pytest.mark.parametrize("fields, count", [
    ({"dst": "192.0.2.2"}, "drop_in_not_ours"), ({"len": 600}, "drop_in_malformed")])
def test_later_ones_are_checked_too(line, rounds, counted, fields, count):
    _, there, _ = talk(line, "wan")
    counted()
    piece = ipv4_piece(there, 64, 128, **fields)
    assert rounds.feed("wan", [wire.from_wan(piece)]) == []
    assert counted() == {count: 1}
    assert rounds.feed("wan", [wire.from_wan(ipv4_piece(there, 64, 128),
                                             src="2001:db8:b1::1")]) == []
    assert counted() == {"drop_in_not_br": 1}


@pytest.mark.parametrize("bits", [{"flags": "MF"}, {"frag": 9, "flags": 0}])
def test_no_fast_path(line, bits):
    """And the session stays on it."""
    c = line.open_fast("udp")
    frame = wire.from_lan(ipv4_piece(c.out(body=BODY, ip=FREE), 0, 64, **bits))
    check(line, "lan", frame, "pass")
    if "frag" not in bits:
        line.run("out", wire.from_stack(ipv4_piece(c.out(body=BODY, ip=FREE), 0, 64, **bits)))
    assert line.session(c).offloaded


# -- How many ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["out", "wan"])
def test_waiting_is_bounded(line, rounds, counted, path):
    """128 of each kind wait, the latest; those of other kinds stay."""
    _, there, _ = talk(line, path)
    other = "wan" if path == "out" else "out"
    _, elsewhere, _ = talk(line, other)
    assert rounds.feed(other, [arrive(other, ipv4_piece(elsewhere, 64, 128))]) == []
    for i in range(1, 201):
        there.id = i
        assert rounds.feed(path, [arrive(path, ipv4_piece(there, 64, 128))]) == []
    rise = counted()
    assert rise[f"drop_{'out' if path == 'out' else 'in'}_fragment"] == 200 - 128
    for i, frames in (72, 1), (73, 2), (200, 2):
        there.id = i
        assert len(rounds.feed(path, [arrive(path, ipv4_piece(there, 0, 64))])) == frames
    assert len(rounds.feed(other, [arrive(other, ipv4_piece(elsewhere, 0, 64))])) == 2


def test_records_are_bounded(line, rounds):
    """4,096 datagrams are remembered, the latest."""
    _, there, _ = talk(line, "out")
    prog, ifindex = line.prog("out"), line.bench.devices["mape0x"]
    piece = bytearray(raw(wire.from_stack(ipv4_piece(there, 0, 64))))
    frames = []
    for i in range(1, 5001):
        piece[18:20] = i.to_bytes(2, "big")
        piece[24:26] = b"\0\0"  # the checksum does not matter here
        frames.append(bytes(piece))
    line.bench.run_all(prog, frames)
    assert len(line.bench.dump("fragments")) == 4096
    later = ipv4_piece(there, 64, 128)
    for i, known in (904, False), (905, True), (5000, True):
        later.id = i
        later.chksum = None
        run = line.bench.run(prog, raw(wire.from_stack(later)), ifindex=ifindex)
        assert run.to_br == known


# -- Outer fragments -----------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [False, True])
def test_outer_in_every_order(line, rounds, counted, fast):
    """Reassembled, and then as if it had come in one piece; offloaded sessions take the stack."""
    for order in ORDERS:
        c, there, here = talk(line, "wan")
        if fast:
            line.offload(c)
        counted()
        where = cuts(len(raw(there)), len(order))
        pieces = ipv6_pieces(there, where)
        frames = rounds.feed("wan", [pieces[i] for i in order])
        assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]
        assert counted() == {"fragment_held": len(order) - 1, "reassembled": 1, "kernel_in": 1}


@pytest.mark.parametrize("length", [28, 29, 1452, 1453, 2000, 4000])
def test_outer_lengths(line, rounds, length):
    c = line.open("udp")
    there, here = (make(body=bytes(length - 28), ip=FREE) for make in (c.back, c.back_nat))
    step = max((length // 3 + 7) // 8 * 8, 32)
    where = [(a, min(a + step, length)) for a in range(0, length, step)]
    for order in where, where[::-1]:
        frames = rounds.feed("wan", [ipv6_piece(there, *at) for at in order])
        assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]


def test_atomic(line, rounds, counted):
    """Alone, whatever else waits with the same id (RFC 6946)."""
    _, there, here = talk(line, "wan")
    length = len(raw(there))
    assert rounds.feed("wan", [ipv6_piece(there, 64, 128)]) == []
    counted()
    frames = rounds.feed("wan", [ipv6_piece(there, 0, length)])
    assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]
    assert counted() == {"reassembled": 1, "kernel_in": 1}


OVERLAPS = {
    "with the one before": [(0, 64), (56, 128)],
    "with the one behind": [(64, 128), (0, 72)],
    "one inside another": [(0, 64), (64, 192), (80, 88)],
    "one around another": [(0, 64), (80, 88), (64, 192)],
    "the same start": [(64, 128), (64, 136)],
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_outer_overlap(line, rounds, counted, name):
    """The whole packet is dropped, with what is still to come of it (RFC 5722)."""
    _, there, here = talk(line, "wan")
    counted()
    length = len(raw(there))
    parts = OVERLAPS[name]
    assert rounds.feed("wan", [ipv6_piece(there, *at) for at in parts]) == []
    assert counted() == {"fragment_held": len(parts) - 1, "drop_in_outer_overlap": len(parts)}
    for at in (0, 64), (64, 128), (128, length):
        assert rounds.feed("wan", [ipv6_piece(there, *at)]) == []
    assert counted() == {"drop_in_outer_overlap": 3}
    # Another packet is not concerned.
    frames = rounds.feed("wan", ipv6_pieces(there, cuts(length, 2), ident=8))
    assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]


@pytest.mark.parametrize("parts", [[(0, 64), None, (120, 128)], [None, (0, 64), (120, 128)]])
def test_outer_beyond_the_end(line, rounds, counted, parts):
    """Two ends, or something behind the end."""
    _, there, _ = talk(line, "wan")
    counted()
    length = len(raw(there))
    pieces = [ipv6_piece(there, *(at or (length // 8 * 8 - 8, length))) for at in parts]
    pieces[2].getlayer(IPv6ExtHdrFragment).m = 0
    assert rounds.feed("wan", pieces) == []
    assert counted() == {"fragment_held": 2, "drop_in_outer_overlap": 3}


def test_outer_repetition(line, rounds, counted):
    """Networks repeat packets; the repetition alone is dropped."""
    _, there, here = talk(line, "wan")
    counted()
    pieces = ipv6_pieces(there, cuts(len(raw(there)), 3))
    frames = rounds.feed("wan", [pieces[0], pieces[0], pieces[2], pieces[2], pieces[1]])
    assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]
    assert counted() == {"fragment_held": 2, "drop_in_outer_overlap": 2, "reassembled": 1,
                         "kernel_in": 1}


def outer_bad(there):
    piece = ipv6_piece(there, 64, 71)
    yield "not a multiple of eight", piece
    piece = ipv6_piece(there, 0, 200)
    piece.getlayer(IPv6ExtHdrFragment).offset = 8180
    yield "beyond 65,535 bytes", piece
    yield "nothing at all", ipv6_piece(there, 64, 64)
    piece = ipv6_piece(there, 64, 128)
    piece[IPv6].plen = 100
    yield "longer than the frame", piece
    piece = ipv6_piece(there, 64, 128)
    piece[IPv6].plen = 7
    yield "shorter than its header", piece
    yield "a first one without inner header", ipv6_piece(there, 0, 16)
    yield "a first one without ports", ipv6_piece(there, 0, 24)


def test_outer_bad_lengths(line, rounds, counted):
    _, there, _ = talk(line, "wan")
    counted()
    for why, piece in outer_bad(there):
        assert rounds.feed("wan", [piece]) == [], why
        assert counted() == {"drop_in_outer_bad": 1}, why


def test_outer_first_part_of_tcp(line, rounds, counted):
    """The whole TCP header has to be in it (RFC 7112)."""
    _, there, _ = talk(line, "wan", "tcp")
    counted()
    assert rounds.feed("wan", [ipv6_piece(there, 0, 32), ipv6_piece(there, 0, 40)]) == []
    assert counted() == {"drop_in_outer_bad": 1, "fragment_held": 1}


def test_outer_beyond_the_bounds(line, rounds, counted):
    """Five parts, 4,001 bytes, or a part of more than 1,600 with its headers."""
    c = line.open("udp")
    there = c.back(body=bytes(5000), ip=FREE)
    counted()
    where = [(a, a + 64) for a in range(0, 320, 64)]
    assert rounds.feed("wan", ipv6_pieces(there, where)) == []
    assert counted() == {"fragment_held": 4, "drop_in_outer_long": 5}
    assert rounds.feed("wan", [ipv6_piece(there, 0, 64, ident=8),
                               ipv6_piece(there, 3944, 4008, ident=8)]) == []
    assert counted() == {"fragment_held": 1, "drop_in_outer_long": 2}
    assert rounds.feed("wan", [ipv6_piece(there, 0, 1552, ident=9),
                               ipv6_piece(there, 0, 1560, ident=10)]) == []
    assert counted() == {"fragment_held": 1, "drop_in_outer_long": 1}


def test_outer_waiting_ends(line, rounds, counted):
    _, there, _ = talk(line, "wan")
    counted()
    assert rounds.feed("wan", [ipv6_piece(there, 0, 64)]) == []
    line.wait(LIFE + 1)
    line.bench.sweep()
    assert counted() == {"fragment_held": 1, "drop_in_outer_fragment": 1}


def test_outer_sources_do_not_mix(line, rounds):
    _, there, here = talk(line, "wan")
    where = cuts(len(raw(there)), 2)
    one, other = ipv6_pieces(there, where), ipv6_pieces(there, where, src=BR2)
    assert rounds.feed("wan", [one[0], other[1]]) == []
    assert len(rounds.feed("wan", [one[1], other[0]])) == 2


@pytest.mark.parametrize("part", [0, 1, 2])
def test_outer_congestion(line, rounds, counted, part):
    """One part that met congestion means the packet did (RFC 3168 section 5.3)."""
    _, there, here = talk(line, "wan", ip={**FREE, "tos": 2})
    where = cuts(len(raw(there)), 3)
    pieces = [ipv6_piece(there, *at, tc=3 if i == part else 2) for i, at in enumerate(where)]
    here.tos = 3
    frames = rounds.feed("wan", pieces)
    assert [trimmed(f) for f in frames] == [leaves(line, "wan", here)]


def test_outer_and_inner(line, rounds):
    """Inner fragments in outer ones, each in the wrong order."""
    _, there, here = talk(line, "wan")
    where = cuts(len(raw(there)) - 20, 2, header=64)
    frames = []
    for ident, piece in enumerate(reversed(ipv4_pieces(there, where))):
        parts = ipv6_pieces(piece, cuts(len(raw(piece)), 2), ident=ident)
        frames += rounds.feed("wan", reversed(parts))
    assert_left(line, "wan", frames, here, where)


def test_outer_from_others(line, rounds, counted):
    _, there, _ = talk(line, "wan")
    counted()
    assert rounds.feed("wan", [ipv6_piece(there, 0, 64, src="2001:db8:b1::1")]) == []
    assert counted() == {"drop_in_not_br": 1}


@pytest.mark.parametrize("change", [{"nh": 17}, {"nh": 58}, {"nh": 43}])
def test_other_fragments_are_untouched(line, rounds, change):
    """Of whatever else talks to our CE address."""
    frame = wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC,
                       IPv6(src=wire.BR, dst=wire.CE, nh=44) /
                       IPv6ExtHdrFragment(m=1, **change) / Raw(BODY))
    run = rounds.program("wan", frame)
    assert run.verdict == "pass"
    wire.assert_same(frame, run.data)
