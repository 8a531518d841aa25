# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fragments, inside the tunnel and of the tunnel itself, in any order, by every hook."""

import itertools
import os
import random
import socket
import struct
import threading
import time

import pytest

from lab import FIREWALL
from labinside import attach, changed, drops, map_dump, move_time, outcomes
from labnet import wait_until
from labpackets import IPV6, UDP, frames
from labservers import PORT
from labtraffic import checksum, ping, udp_echo, udp_socket, udp_who

SERVER = '198.51.100.1'
SIZES = 1, 7, 1432, 1433, 1472, 1473, 2880, 4000, 9000, 20011, 40000, 65507
SOURCE = 5000
MF = 0x2000
FRAGMENT = 44
SO_RCVBUFFORCE = 33


def attached(lab, *options):
    """The lab, attached, with hosts that let their packets be fragmented on the way."""
    for ns in lab.h1, lab.h2, lab.srv:
        ns.sysctl('net.ipv4.ip_no_pmtu_disc', 1)
    return attach(lab, *options)


@pytest.fixture(params=[f'{hook} {tracking}' for hook in ('tc', 'xdp', 'xdp-generic')
                        for tracking in ('conntrack', 'bare')])
def line(request, make_lab):
    """An attached CE with each hook, with a stateful firewall and without; gives the lab."""
    hook, tracking = request.param.split()
    lab = make_lab(lan='offload' if hook == 'tc' else 'wire',
                   firewall=FIREWALL if tracking == 'conntrack' else None)
    attached(lab, '--wan-hook', hook, '--lan-hook', hook)
    lab.tracking = tracking
    yield lab
    assert lab.peer.refused() == {} and drops(lab) == {}


@pytest.fixture
def plain(make_lab):
    """The default hooks, without a firewall: fragments stay as they are."""
    lab = attached(make_lab(firewall=None))
    yield lab
    assert lab.peer.refused() == {}


def cuts(length, parts):
    """[(offset, end)] of so many parts, all but the last multiples of eight bytes; the first one has
    room for the headers."""
    at = sorted(random.sample(range(4, length // 8), parts - 1))
    edges = [0, *(8 * a for a in at), length]
    return list(zip(edges, edges[1:]))


def datagram(source, target, data):
    """A UDP datagram between two (address, port), with its checksum, as its IP payload."""
    length = struct.pack('!H', 8 + len(data))
    head = struct.pack('!HH', source[1], target[1]) + length
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(target[0]) + b'\0\x11' + length
    return head + struct.pack('!H', checksum(pseudo + head + b'\0\0' + data) or 0xffff) + data


def packet(source, target, payload, ident=0, bits=0):
    """An IPv4 packet between two addresses; bits: MF and the offset in units of eight."""
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), ident, bits, 64, UDP, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def ipv4_fragments(source, target, data, parts):
    """The IPv4 fragments of a UDP datagram, in their order."""
    payload = datagram(source, target, data)
    ident = random.randrange(1, 65536)
    return [packet(source[0], target[0], payload[a:b], ident,
                   a // 8 | (MF if b < len(payload) else 0))
            for a, b in cuts(len(payload), parts)]


def ipv6_fragments(inner, parts):
    """The outer payloads (fragment header and data) of a fragmented tunnel packet."""
    ident = os.urandom(4)
    return [struct.pack('!BBH', 4, 0, a | (b < len(inner))) + ident + inner[a:b]
            for a, b in cuts(len(inner), parts)]


def in_every_order(make):
    """make(parts) for 2, 3 and 4 parts, anew for each order in which they can be sent."""
    for parts in 2, 3, 4:
        for order in itertools.permutations(range(parts)):
            data = os.urandom(1200)
            fragments = make(data, parts)
            yield data, [fragments[i] for i in order]


# How many fragments are sent before the first one in all of these orders together.
EARLY = 1 + 6 + 36


class Br:
    """Sends what a BR would, but in the order wanted, from the BR's address."""

    def __init__(self, lab):
        self.wan = lab.br.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.wan.bind(('wan', 0))
        self.eth = bytes.fromhex((lab.ce.mac('eth2') + lab.br.mac('wan')).replace(':', ''))
        self.addresses = b''.join(socket.inet_pton(socket.AF_INET6, a)
                                  for a in (lab.line.br, lab.line.ce))

    def send(self, payload, next_header=4):
        self.wan.send(self.eth + b'\x86\xdd' + struct.pack('!IHBB', 6 << 28, len(payload),
                                                           next_header, 64)
                      + self.addresses + payload)


def external(lab):
    """The other side of SOURCE at the server."""
    return udp_who(lab.h1, SERVER, source_port=SOURCE)


def test_every_size(line):
    """In the order in which kernels send fragments; back comes the same."""
    for size in SIZES:
        assert udp_echo(line.h1, SERVER, 3, size, source_port=SOURCE) == 3, size
    assert ping(line.h2, SERVER, 2, size=5000) == 2


def test_every_order_out(line):
    host = line.host_address('h1'), SOURCE
    raw = line.h1.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    before = outcomes(line)
    with raw, udp_socket(line.h1, SERVER, source_port=SOURCE) as s:
        for data, fragments in in_every_order(
                lambda *what: ipv4_fragments(host, (SERVER, PORT), *what)):
            for fragment in fragments:
                raw.sendto(fragment, (SERVER, 0))
            assert s.recv(2000) == data
    # conntrack has put them in order before they get to us.
    assert changed(before, outcomes(line)).get('fragment_held', 0) == \
        (0 if line.tracking == 'conntrack' else EARLY)


def test_every_order_in(line):
    br, target = Br(line), external(line)
    before = outcomes(line)
    with udp_socket(line.h1, SERVER, source_port=SOURCE) as s:
        for data, fragments in in_every_order(
                lambda *what: ipv4_fragments((SERVER, PORT), target, *what)):
            for fragment in fragments:
                br.send(fragment)
            assert s.recv(2000) == data
    assert changed(before, outcomes(line))['fragment_held'] == EARLY


def test_outer_fragments_in_every_order(line):
    br, target = Br(line), external(line)
    before, at_br = outcomes(line), line.capture(filter='icmp6')

    def make(data, parts):
        payload = datagram((SERVER, PORT), target, data)
        return ipv6_fragments(packet(SERVER, target[0], payload), parts)

    with udp_socket(line.h1, SERVER, source_port=SOURCE) as s:
        for data, fragments in in_every_order(make):
            for fragment in fragments:
                br.send(fragment, FRAGMENT)
            assert s.recv(2000) == data
    delta = changed(before, outcomes(line))
    assert delta['reassembled'] == delta['kernel_in'] == 2 + 6 + 24
    # The stack has seen none of it: nothing about parameters or time to the BR.
    assert all(f[14 + IPV6] >= 128 for f in frames(at_br))


def test_long_packets_of_the_br(make_lab):
    """Longer than the tunnel's MTU, so the BR's kernel fragments outside."""
    lab = attached(make_lab(br_mtu=4000))
    for size in SIZES:
        assert udp_echo(lab.h1, SERVER, 2, size, source_port=SOURCE) == 2, size
    assert outcomes(lab)['reassembled'] > 10 and drops(lab) == {}


def test_last_first(plain):
    """The longest datagram of all, in the wrong order from one end to the other."""
    br, target = Br(plain), external(plain)
    payload = datagram((SERVER, PORT), target, os.urandom(65507))
    pieces = [packet(SERVER, target[0], payload[a:a + 1440], 77,
                     a // 8 | (MF if a + 1440 < len(payload) else 0))
              for a in range(0, len(payload), 1440)]
    with udp_socket(plain.h1, SERVER, source_port=SOURCE) as s:
        for piece in reversed(pieces):
            br.send(piece)
        assert s.recv(65536) == payload[8:]
    assert drops(plain) == {}


def waiting(lab):
    """How many fragments wait."""
    return sum(entry['value']['held'] for entry in map_dump(lab, 'frag_count'))


@pytest.mark.parametrize('side', ['lan', 'wan', 'outer'])
def test_flood_of_orphans(plain, side):
    """100,000 of them cost nobody else a packet (RFC 4787 REQ-14a)."""
    br, target = Br(plain), external(plain)
    before = outcomes(plain)
    orphan = os.urandom(1400)
    host = plain.h2.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def flood(first, count):
        for i in range(first, first + count):
            if i % 100 == 0:  # else the sender's own backlog would overflow
                time.sleep(0.0005)
            if side == 'lan':
                host.sendto(packet('192.168.1.11', SERVER, orphan, i % 65535 + 1, 185), (SERVER, 0))
            elif side == 'wan':
                br.send(packet(SERVER, target[0], orphan, i % 65535 + 1, 185))
            else:
                br.send(struct.pack('!BBHI', 4, 0, 1480, i) + orphan, FRAGMENT)

    flooder = threading.Thread(target=flood, args=(1, 100_000))
    flooder.start()
    good = sent = 0
    while flooder.is_alive():
        sent += 2
        good += ping(plain.h1, SERVER, 1) + udp_echo(plain.h1, SERVER, 1, 9000)
        time.sleep(0.05)  # each takes a new port and a new id, of which there are 1008
    flooder.join()
    # One may get lost in the backlog of this machine's processor, which the flood keeps full.
    assert sent > 20 and good >= sent - 1
    held = changed(before, outcomes(plain))['fragment_held']
    assert held > 99_000
    assert waiting(plain) == 128
    move_time(plain, 16)
    wait_until(lambda: not waiting(plain), 'what has waited too long to be dropped')
    assert drops(plain) == {{'lan': 'drop_out_fragment', 'wan': 'drop_in_fragment',
                             'outer': 'drop_in_outer_fragment'}[side]: held}


def test_two_processors(plain):
    """The first fragment on one and the other one on another, at the same moment."""
    br, target = Br(plain), external(plain)
    pairs = [ipv4_fragments((SERVER, PORT), target, struct.pack('!I', i) * 300, 2)
             for i in range(3000)]
    go = threading.Barrier(2)

    def send(which, cpu):
        os.sched_setaffinity(0, {cpu})
        for pair in pairs:
            go.wait()
            br.send(pair[which])

    got = set()
    with udp_socket(plain.h1, SERVER, source_port=SOURCE, timeout=1.0) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        cpus = sorted(os.sched_getaffinity(0))
        threads = [threading.Thread(target=send, args=(n, cpus[n % len(cpus)])) for n in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while len(got) < len(pairs):
            data = s.recv(2000)
            assert data == data[:4] * 300
            got.add(data[:4])
    held = outcomes(plain)['fragment_held']
    assert held and drops(plain) == {}
