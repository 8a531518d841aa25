# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Super-packets (GSO, GRO) and half-done checksums pass whole, and are right at both ends."""

import pytest

from labinside import attach, drops, outcomes, wait_offloaded
from labtraffic import tcp_connect, tcp_download, tcp_upload, udp_echo

SERVER = '198.51.100.1'
TRANSFER = 50_000_000
SEGMENTS = TRANSFER // 1420


@pytest.fixture(params=['fast', 'kernel'])
def line(request, make_lab):
    """An attached CE, all offloads on; gives the lab."""
    lab = make_lab(peer='bpf', wan='offload', lan='offload')
    yield attach(lab, *(['--no-fast-path'] if request.param == 'kernel' else []))
    assert lab.peer.refused() == {} and lab.counter('invalid') == 0
    assert drops(lab) == {}


def sums_wrong(ns):
    """Packets that a host has found to have a wrong checksum."""
    words = ns.run('nstat -asz TcpInCsumErrors UdpInCsumErrors IcmpInCsumErrors '
                   'IpInHdrErrors').stdout.split('\n')[1:]
    return sum(int(w.split()[1]) for w in words if w)


def test_super_packets_both_ways(line):
    before = line.peer.stats()
    assert tcp_upload(line.h1, SERVER, TRANSFER).ok
    assert tcp_download(line.h1, SERVER, TRANSFER).ok
    stats = {name: n - before[name] for name, n in line.peer.stats().items()}
    for way in ('up', 'down'):
        assert stats[f'{way}_super'] > 500
        # Mostly super-packets: far fewer packets than segments.
        assert stats[f'{way}_packets'] < SEGMENTS // 2
    counted = outcomes(line)
    for way in ('out', 'in'):
        # A super-packet counts its segments.
        assert counted[f'fast_{way}'] + counted[f'kernel_{way}'] > SEGMENTS
    assert sums_wrong(line.h1) == 0 and sums_wrong(line.srv) == 0


def test_half_done_checksums(line):
    """A veth with its offloads on leaves every checksum to the receiver."""
    assert udp_echo(line.h1, SERVER, 20, size=1200) == 20
    with tcp_connect(line.h2, SERVER) as s:
        s.sendall(b'ECHO\n')

        def speak():
            s.sendall(b'x')
            assert s.recv(1) == b'x'
        for _ in range(20):
            speak()
        if line.mape_json('status')['fast_path']:
            wait_offloaded(line, 'tcp', '{}:{}'.format(*s.getsockname()), speak)
            speak()
    assert sums_wrong(line.h1) == sums_wrong(line.h2) == sums_wrong(line.srv) == 0


def test_segments_on_a_wire(make_lab):
    """Super-packets from a LAN with offloads, cut on the WAN: each segment is right."""
    lab = make_lab(lan='offload')
    attach(lab)
    assert tcp_upload(lab.h1, SERVER, 10_000_000).ok
    assert lab.peer.refused() == {}
