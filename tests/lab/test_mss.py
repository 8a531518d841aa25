# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the tunnel changes in a packet besides address and port: MSS, TTL, ECN, hop limit."""

import socket
import struct

import pytest

from labinside import attach, wait_offloaded
from labpackets import TCP, UDP, frames, tunnelled
from labservers import PORT
from labtraffic import tcp_connect, udp_socket

SERVER = '198.51.100.1'
MSS = 1420  # 1500 - 40 of IPv6 - 40 of IPv4 and TCP
SYN = 2
HOOKS = [('tc', 'tc'), ('xdp', 'xdp')]


@pytest.fixture(params=HOOKS, ids='-'.join)
def line(request, make_lab):
    """An attached CE; gives the lab."""
    wan, lan = request.param
    lab = make_lab(lan='wire' if lan == 'xdp' else 'offload')
    yield attach(lab, '--wan-hook', wan, '--lan-hook', lan)
    assert lab.peer.refused() == {}


def mss_of(packet):
    """The MSS option of the TCP header, which the kernel puts first."""
    kind, length, mss = struct.unpack('!BBH', packet[20:24])
    assert (kind, length) == (2, 4)
    return mss


def inner(capture, proto):
    """(source, TTL, TOS, transport) of the IPv4 packets of a capture without tunnel."""
    return [(socket.inet_ntoa(f[26:30]), f[22], f[15], f[34:]) for f in frames(capture)
            if f[12:14] == b'\x08\0' and f[23] == proto]


def test_mss_is_clamped_both_ways(line):
    at_server = line.capture(line.srv, 'eth0', 'tcp')
    at_host = line.capture(line.h1, 'eth0', 'tcp')
    on_line = line.capture()
    with tcp_connect(line.h1, SERVER) as s:
        s.sendall(b'WHO\n')
        assert s.recv(100)
        assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= MSS
    syn, = [p for p in inner(at_server, TCP) if p[3][13] & SYN and p[0] != SERVER]
    syn_ack, = [p for p in inner(at_host, TCP) if p[3][13] & SYN and p[0] == SERVER]
    assert mss_of(syn[3]) == MSS and mss_of(syn_ack[3]) == MSS
    tunnelled(on_line, line.line)  # the sums are right


def test_lower_mss_stays(line):
    capture = line.capture(line.srv, 'eth0', 'tcp')
    with line.h1.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
        s.settimeout(5)
        s.connect((SERVER, PORT))
    assert {mss_of(p[3]) for p in inner(capture, TCP) if p[3][13] & SYN and p[0] != SERVER} == \
        {1000}


def test_ttl_falls_once(line):
    """One hop is the CE, one the BR; both paths count the same."""
    at_server = line.capture(line.srv, 'eth0', 'udp')
    at_host = line.capture(line.h1, 'eth0', 'udp')
    on_line = line.capture()
    with udp_socket(line.h1, SERVER, source_port=5000) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 77)

        def speak():
            s.send(b'hello')
            assert s.recv(100) == b'hello'
        wait_offloaded(line, 'udp', '192.168.1.10:5000', speak)
        for _ in range(5):
            speak()
    # The BR is a router of its own: CE 76, BR 75.
    assert {p.ttl for p in tunnelled(on_line, line.line) if p.out} == {76}
    assert {p[1] for p in inner(at_server, UDP) if p[0] != SERVER} == {75}
    down = {p[1] for p in inner(at_host, UDP) if p[0] == SERVER}
    assert down == {62}


@pytest.mark.parametrize('ecn', [0, 1, 2, 3])
def test_ecn_is_copied_outside(line, ecn):
    """DSCP is not (marked packets meet the access network's limits); inside both stay."""
    at_server = line.capture(line.srv, 'eth0', 'udp')
    on_line = line.capture()
    with udp_socket(line.h1, SERVER, source_port=5000) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xb8 | ecn)

        def speak():
            s.send(b'hello')
            assert s.recv(100) == b'hello'
        wait_offloaded(line, 'udp', '192.168.1.10:5000', speak)
        speak()
    sent = [p for p in tunnelled(on_line, line.line) if p.out]
    assert len(sent) >= 3
    assert {p.traffic_class for p in sent} == {ecn} and {p.tos for p in sent} == {0xb8 | ecn}
    assert {p.hop_limit for p in sent} == {64}
    assert {p[2] for p in inner(at_server, UDP) if p[0] != SERVER} == {0xb8 | ecn}
