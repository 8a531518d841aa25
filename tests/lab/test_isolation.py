# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What must not come in is dropped with the counter that says why; what is not ours passes
untouched."""

import os
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6,
                                IPv6ExtHdrDestOpt)
from scapy.packet import Raw

from labinside import attach, changed, drops, flows, outcomes, wait_offloaded
from lablines import OCN
from labpackets import frames
from labservers import PORT
from labtraffic import udp_socket
from labwan import IPIP, Wan, counted

SERVER = '198.51.100.1'
IPV6, GRE = 41, 47


@pytest.fixture(params=['tc', 'xdp', 'xdp-generic'])
def line(request, make_lab):
    """An attached CE with each WAN hook and no firewall in the way; gives the lab."""
    lab = make_lab(firewall=None)
    yield attach(lab, '--wan-hook', request.param)
    assert lab.peer.refused() == {}


@pytest.fixture
def wan(line):
    """The WAN of the lab."""
    with Wan(line) as made:
        yield made


def udp(dst=OCN.ipv4, dport=None, **ip):
    """A UDP packet of the server."""
    return IP(src=SERVER, dst=dst, **ip) / UDP(sport=PORT, dport=dport or OCN.ranges[0][0]) / b'x'


def quoted(port):
    """An ICMP error about a packet that the CE never sent."""
    return IP(src=SERVER, dst=OCN.ipv4) / ICMP(type=3, code=3) / \
        IP(src=OCN.ipv4, dst=SERVER) / UDP(sport=port, dport=PORT) / b'x'


OTHER = '2001:db8::66'
PORT_IN_SET, FOREIGN = OCN.ranges[0][0], OCN.ranges[0][0] - 1
DROPS = {
    'not from the BR': ('drop_in_not_br', udp(), {'source': OTHER}),
    'inner not IPv4': ('drop_in_malformed', Raw(b'\x60' + bytes(39)), {}),
    'shorter than it says': ('drop_in_malformed', Raw(bytes(udp())[:-1]), {}),
    'header too short': ('drop_in_malformed', Raw(bytes(udp())[:12]), {}),
    'length below header': ('drop_in_malformed', udp(len=19), {}),
    'other inner address': ('drop_in_not_ours', udp(dst='153.240.16.2'), {}),
    'LAN address': ('drop_in_not_ours', udp(dst='192.168.1.10'), {}),
    'foreign port': ('drop_in_foreign_port', udp(dport=FOREIGN), {}),
    'system port': ('drop_in_foreign_port', udp(dport=80), {}),
    'foreign port TCP': ('drop_in_foreign_port',
                         IP(src=SERVER, dst=OCN.ipv4) / TCP(sport=PORT, dport=FOREIGN), {}),
    'foreign identifier': ('drop_in_foreign_port',
                           IP(src=SERVER, dst=OCN.ipv4) / ICMP(type=0, id=FOREIGN), {}),
    'unasked UDP': ('drop_in_no_session', udp(), {}),
    'unasked TCP': ('drop_in_no_session',
                    IP(src=SERVER, dst=OCN.ipv4) / TCP(sport=PORT, dport=PORT_IN_SET), {}),
    'unasked ping': ('drop_in_no_session',
                     IP(src=SERVER, dst=OCN.ipv4) / ICMP(id=PORT_IN_SET), {}),
    'early fragment': ('fragment_held', udp(frag=100), {}),
    'broken fragment': ('drop_in_fragment_bad', udp(frag=8190), {}),
    'GRE': ('drop_in_protocol', IP(src=SERVER, dst=OCN.ipv4, proto=GRE) / Raw(bytes(20)), {}),
    'error about nothing': ('drop_in_icmp', quoted(PORT_IN_SET), {}),
    'congestion': ('drop_in_ecn', udp(), {'tc': 3}),
}


@pytest.mark.parametrize('hook', ['tc', 'xdp'])
def test_drops(make_lab, hook):
    """All kinds in one lab: each is counted once, by its name, and reaches nobody."""
    lab = attach(make_lab(firewall=None), '--wan-hook', hook)
    capture = lab.capture(lab.h1, 'eth0', 'ip')
    with Wan(lab) as wan:
        for case, (name, inner, outer) in DROPS.items():
            delta = counted(lab, lambda: wan.tunnel(inner, **outer))
            assert delta == {name: 1}, case
    assert frames(capture) == []
    assert lab.ce.link_stats('mape0')['rx']['packets'] == 0


def test_filtering(line, wan):
    """By default a remote address that was spoken to may answer from any port, no other."""
    with udp_socket(line.h1, SERVER, source_port=5000) as s:
        def speak():
            s.send(b'hello')
            assert s.recv(100) == b'hello'
        wait_offloaded(line, 'udp', '192.168.1.10:5000', speak)
        external = int(flows(line, 'udp', '192.168.1.10:5000')[0]['external'].split(':')[1])
        stranger = IP(src='198.51.100.2', dst=OCN.ipv4) / UDP(sport=PORT, dport=external) / b'x'
        assert counted(line, lambda: wan.tunnel(stranger)) == {'drop_in_no_session': 1}
        known = IP(src=SERVER, dst=OCN.ipv4) / UDP(sport=PORT + 1, dport=external) / b'x'
        assert counted(line, lambda: wan.tunnel(known)).get('kernel_in') == 1
        right = IP(src=SERVER, dst=OCN.ipv4) / UDP(sport=PORT, dport=external) / b'right'
        assert counted(line, lambda: wan.tunnel(right)) == {'fast_in': 1}
        assert s.recv(100) == b'right'
        # The same from somebody who is not the BR.
        assert counted(line, lambda: wan.tunnel(right, OTHER)) == {'drop_in_not_br': 1}
        speak()


def receiver(lab, protocol):
    """A socket of the CE that gets IPv6 payloads of a next header."""
    s = lab.ce.socket(socket.AF_INET6, socket.SOCK_RAW, protocol)
    s.settimeout(2)
    return s


@pytest.mark.parametrize('to', [OCN.ce, OCN.wan_address.split('/')[0]], ids=['ce', 'wan'])
def test_other_next_headers_pass(line, wan, to):
    """To the CE address all but IPv4-in-IPv6 passes, to others that too; byte by byte."""
    before = outcomes(line)
    payload = os.urandom(200)
    for protocol in (IPV6, GRE, 50, 132, 253) + ((IPIP,) if to != OCN.ce else ()):
        with receiver(line, protocol) as s:
            wan.send(IPv6(src=OCN.br, dst=to, nh=protocol) / Raw(payload))
            assert s.recv(2000) == payload, protocol
    with line.ce.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.bind((to, 9999))
        wan.send(IPv6(src=OCN.br, dst=to) / UDP(sport=9, dport=9999) / Raw(payload))
        assert s.recv(2000) == payload
    if to != OCN.ce:
        # To the CE address this would be a tunnel packet with an extension header to skip.
        with receiver(line, IPIP) as s:
            inner = bytes(udp())
            wan.send(IPv6(src=OCN.br, dst=to) / IPv6ExtHdrDestOpt(nh=IPIP) / Raw(inner))
            assert s.recv(2000) == inner
    assert not changed(before, outcomes(line))


def test_native_ipv6_and_neighbour_discovery(line, wan):
    """The CE answers for its address and for pings to it, as if nothing were attached."""
    before = outcomes(line)
    capture = line.capture(line.br, 'wan', 'icmp6')
    solicit = IPv6(src='fe80::1', dst='ff02::1:ff00:1600', hlim=255) / \
        ICMPv6ND_NS(tgt=OCN.ce) / ICMPv6NDOptSrcLLAddr(lladdr=line.br.mac('wan'))
    wan.ether.dst = '33:33:ff:00:16:00'
    wan.send(solicit)
    wan.ether.dst = line.ce.mac('eth2')
    payload = os.urandom(1000)
    line.br.run(f'ping -6 -c 3 -i 0.1 -W 2 -s 1000 {OCN.wan_address.split("/")[0]}')
    line.ce.run(f'ping -6 -c 3 -i 0.1 -W 2 -s 1000 {OCN.br}')
    wan.send(IPv6(src=OCN.br, dst=OCN.ce) / ICMPv6EchoRequest(id=7, data=payload))
    line.br.run(f'ping -6 -c 2 -i 0.1 -W 2 {OCN.ce}')  # the answers come after those above
    answers = frames(capture)
    target = socket.inet_pton(socket.AF_INET6, OCN.ce)
    assert any(f[54] == 136 and f[62:78] == target for f in answers)
    assert any(f[54] == 129 and f[22:38] == target and f[62:] == payload for f in answers)
    assert not changed(before, outcomes(line)) and drops(line) == {}
