# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The lab itself: its BRs let right packets through and refuse each kind of wrong one.

The CE here is made by hand: packets built by scapy, sent through a raw socket.
"""

import os
import signal
import socket
import subprocess
import sys

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

import lab as lab_module
from labnet import wait_until
from lablines import OCN, RFC, V6PLUS
from labpeers import BulkEnd
from labservers import PORT
from labsweep import sweep_stale
from labtraffic import ping

SERVER = '198.51.100.1'
DESTINATION_OPTIONS = bytes([4, 0, 4, 1, 4, 1, 1, 0])  # encapsulation limit 4, RFC 2473


class HandMadeCe:
    """A CE without NAPT: what is given goes into the tunnel as it is."""

    def __init__(self, lab, source=None):
        line = lab.line
        lab.ce.ip(f'address add {line.ce}/128 dev eth2 nodad')
        if source:
            lab.ce.ip(f'address add {source}/128 dev eth2 nodad')
        self.br = line.br
        self.socket = lab.ce.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_IPIP)
        self.socket.bind((source or line.ce, 0))
        self.socket.settimeout(2)

    def send(self, packet, hop_limit=64, tclass=0, options=b''):
        """Send an inner packet, given as scapy packet or bytes."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tclass)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, options)
        self.socket.sendto(bytes(packet), (self.br, 0))

    def receive(self):
        """The next inner packet from the BR."""
        data, sender = self.socket.recvfrom(65535)
        assert sender[0] == self.br
        return IP(data)

    def close(self):
        """No more."""
        self.socket.close()


@pytest.fixture
def ce(lab):
    """A hand-made CE in a lab with the checking BR and servers."""
    lab.serve()
    made = HandMadeCe(lab)
    yield made
    made.close()


def udp(line, sport, data=b'hello', **ip):
    """A UDP packet from the CE's address."""
    return IP(src=line.ipv4, dst=SERVER, **ip) / UDP(sport=sport, dport=PORT) / Raw(data)


@pytest.mark.parametrize('line', [OCN, V6PLUS, RFC], ids=lambda line: line.name)
@pytest.mark.parametrize('peer', ['br', 'bpf'])
def test_right_ports_come_back(make_lab, peer, line):
    lab = make_lab(peer=peer, line=line)
    lab.serve()
    ce = HandMadeCe(lab)
    ends = {line.ranges[0][0], line.ranges[0][1], line.ranges[-1][0], line.ranges[-1][1]}
    for port in ends:
        ce.send(udp(line, port))
        reply = ce.receive()
        assert (reply.src, reply.dst, reply[UDP].dport) == (SERVER, line.ipv4, port)
        assert reply[Raw].load == b'hello'
    assert lab.peer.ports('udp') == sorted(ends)
    assert not lab.peer.refused()
    ce.close()


@pytest.mark.parametrize('line', [OCN, V6PLUS, RFC], ids=lambda line: line.name)
@pytest.mark.parametrize('peer', ['br', 'bpf'])
def test_wrong_ports_are_refused(make_lab, peer, line):
    lab = make_lab(peer=peer, line=line)
    lab.serve()
    ce = HandMadeCe(lab)
    wrong = {line.ranges[0][0] - 1, line.ranges[0][1] + 1, line.ranges[-1][1] + 1, 80,
             line.psid << (16 - line.offset - line.psid_len)}
    for port in wrong:
        ce.send(udp(line, port))
    wait_until(lambda: lab.peer.refused() == {'outside_port_set': len(wrong)},
               'every packet to be refused')
    assert lab.peer.ports('udp') == []
    ce.close()


def test_sample_of_a_refused_packet(lab, ce):
    packet = bytes(udp(OCN, 80))
    ce.send(packet)
    wait_until(lab.peer.refused, 'the packet to be refused')
    sample, = lab.peer.stats()['samples']
    assert sample == {'kind': 'outside_port_set', 'hex': packet.hex(),
                      'outer_src': socket.inet_pton(socket.AF_INET6, OCN.ce).hex()}


def flip(packet, offset):
    """The bytes of a packet with one bit changed."""
    data = bytearray(bytes(packet))
    data[offset] ^= 1
    return bytes(data)


GOOD = udp(OCN, 1376)
TCP_SYN = IP(src=OCN.ipv4, dst=SERVER) / TCP(sport=1376, dport=PORT)
PING = IP(src=OCN.ipv4, dst=SERVER) / ICMP(id=1376)
WRONG = {
    'extension_header': (GOOD, {'options': DESTINATION_OPTIONS}),
    'hop_limit': (GOOD, {'hop_limit': 63}),
    'inner_header': (bytes(GOOD) + b'x', {}),
    'inner_checksum': (flip(GOOD, 10), {}),
    'inner_ttl': (udp(OCN, 1376, ttl=0), {}),
    'inner_source': (IP(src='153.240.16.2', dst=SERVER) / UDP(sport=1376, dport=PORT), {}),
    'inner_source private': (IP(src='192.168.1.10', dst=SERVER) / UDP(sport=1376, dport=PORT), {}),
    'no_port': (IP(src=OCN.ipv4, dst=SERVER, proto=47) / Raw(b'\0' * 20), {}),
    'l4_checksum': (flip(GOOD, 26), {}),
    'l4_checksum tcp': (flip(TCP_SYN, 36), {}),
    'l4_checksum icmp': (flip(PING, 22), {}),
    'ecn': (GOOD, {'tclass': 2}),
    'outside_port_set tcp': (IP(src=OCN.ipv4, dst=SERVER) / TCP(sport=1392), {}),
    'outside_port_set icmp': (IP(src=OCN.ipv4, dst=SERVER) / ICMP(id=1), {}),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_packets_are_refused(lab, ce, case):
    packet, outer = WRONG[case]
    ce.send(packet, **outer)
    wait_until(lambda: lab.peer.refused() == {case.split()[0]: 1}, 'the packet to be refused')
    assert lab.peer.stats()['up']['packets'] == 0


def test_outer_source_of_another_form_is_refused(lab):
    lab.serve()
    ce = HandMadeCe(lab, source='2400:4050:400:5600:0:99f0:1001:16')
    ce.send(GOOD)
    wait_until(lambda: lab.peer.refused() == {'outer_source': 1}, 'the packet to be refused')
    ce.close()


def test_ping_and_tcp_pass(lab, ce):
    ce.send(PING)
    reply = ce.receive()
    assert (reply[ICMP].type, reply[ICMP].id) == (0, 1376)
    ce.send(TCP_SYN)
    assert ce.receive()[TCP].flags == 'SA'
    assert not lab.peer.refused()
    assert (lab.peer.ports('icmp'), lab.peer.ports('tcp')) == ([1376], [1376])


def test_icmp_error_finds_the_ce(lab, ce):
    ce.send(udp(OCN, 1376, ttl=1))
    error = ce.receive()
    assert (error.src, error[ICMP].type) == ('198.51.100.253', 11)
    assert not lab.peer.refused()


def test_fragments_pass_both_ways(lab, ce):
    data = os.urandom(1200)
    for fragment in udp(OCN, 1376, data, id=7).fragment(600):
        ce.send(fragment)
    assert ce.receive()[Raw].load == data
    lab.srv.ip('route replace default via 198.51.100.253 mtu lock 600')
    ce.send(udp(OCN, 1376, data, id=8))
    got = [ce.receive() for _ in range(3)]
    assert sum(len(f) - 20 for f in got) == len(data) + 8
    assert not lab.peer.refused()


def test_outer_fragments_are_reassembled(lab, ce):
    ce.send(udp(OCN, 1376, b'x' * 1450))
    wait_until(lambda: lab.peer.stats()['up']['packets'] == 1, 'the packet in one piece')
    assert not lab.peer.refused()


def test_neighbour_discovery_decides(make_lab):
    lab = make_lab()
    lab.serve()
    ce = HandMadeCe(lab)
    lab.ce.ip(f'address del {OCN.ce}/128 dev eth2')
    lab.br.run(f'ping -c 1 -W 1 {OCN.ce}', check=False)
    neighbours = lab.br.ip_json(f'neigh show to {OCN.ce} dev wan')
    assert not neighbours or 'lladdr' not in neighbours[0]
    ce.close()


@pytest.mark.parametrize('wan', ['wire', 'offload'])
@pytest.mark.parametrize('reverse', [False, True], ids=['up', 'down'])
def test_bulk_peer_carries_super_packets(make_lab, wan, reverse):
    """The BPF peer against its own mirror image: the host itself has the shared address."""
    lab = make_lab(peer='bpf', wan=wan)
    lab.ce.ip(f'''address add {OCN.ce}/128 dev eth2 nodad
        route add {OCN.ipv4}/32 dev br-lan''')
    lab.h1.ip(f'''address add {OCN.ipv4}/32 dev eth0
        route replace default via 192.168.1.1 src {OCN.ipv4} mtu lock 1460''')
    lab.srv.ip('route replace default via 198.51.100.253 mtu lock 1460')
    mirror = BulkEnd(lab.ce, os.path.join(lab_module.BUILD, 'tests/peer.bpf.o'),
                     f'/sys/fs/bpf/{lab.prefix}ce', 'eth2', 'br-lan', OCN.ce, OCN.br, SERVER,
                     (0, 0, 0))
    assert ping(lab.h1, SERVER, ident=1376) == 1
    lab.srv.start('iperf3 -s -1 --forceflush', ready='listening')
    words = f'iperf3 -c {SERVER} -B {OCN.ipv4} --cport 1377 -t 2 -J' + (' -R' if reverse else '')
    # The control connection has a port of its own, which iperf3 does not let us choose.
    lab.h1.sysctl('net.ipv4.ip_local_port_range', '1378 1391')
    lab.h1.run(words)
    stats = lab.peer.stats()
    assert stats['down_super' if reverse else 'up_super'] > (100 if wan == 'offload' else -1)
    assert not lab.peer.refused() and not mirror.refused()
    assert stats['error'] == 0 and mirror.stats()['error'] == 0
    print(stats)


def test_capture_holds_the_tunnel(lab, ce):
    capture = lab.capture()
    ce.send(GOOD)
    ce.receive()
    packets = [p for p in capture.packets() if UDP in p]
    assert [(p[IP].src, p[IP].dst) for p in packets] == [(OCN.ipv4, SERVER), (SERVER, OCN.ipv4)]


def test_nothing_is_left_behind(make_lab):
    lab = make_lab(guest=True, peer='bpf')
    lab.serve()
    pids = [p.pid for ns in lab.namespaces.values() for p in ns.processes]
    lab.close()
    assert not [n for n in os.listdir('/run/netns') if n.startswith(lab.prefix)]
    assert not [n for n in os.listdir('/sys/fs/bpf') if n.startswith(lab.prefix)]
    assert not os.path.exists(lab.tmp)
    assert not [p for p in pids if os.path.exists(f'/proc/{p}')]


@pytest.mark.parametrize('sig', [signal.SIGTERM, signal.SIGKILL])
def test_dead_owner(root, sig):
    """A lab whose owner was killed goes at once or with the next sweep."""
    code = 'import lab, time; l = lab.Lab(); l.serve(); print(l.prefix, flush=True); time.sleep(60)'
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True,
                          cwd=os.path.dirname(lab_module.__file__)) as owner:
        prefix = owner.stdout.readline().strip()
        owner.send_signal(sig)
        owner.wait()
    sweep_stale()
    assert prefix and not [n for n in os.listdir('/run/netns') if n.startswith(prefix)]
