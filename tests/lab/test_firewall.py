# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The fast path goes nowhere that the CE's firewall and routes would not."""

import contextlib
import socket
import struct
import threading

import pytest

from lab import HOSTS
from labinside import (attach, changed, flows, is_offloaded, move_time, outcomes, wait_offloaded)
from labnet import wait_until
from labpackets import UDP, frames
from labservers import PORT
from labtraffic import tcp_connect, tcp_who, udp_echo, udp_who

SERVER, OTHER = '198.51.100.1', '203.0.113.8'
NO_H1 = f'insert rule inet fw forward ip saddr {HOSTS["h1"]} drop'
# Seconds, each a little more than what bpf/offload.h says.
REVALIDATION, PASSAGE = 17, 3


@pytest.fixture
def line(make_lab):
    """An attached CE; gives the lab."""
    lab = attach(make_lab())
    yield lab
    assert lab.peer.refused() == {} and lab.counter('invalid') == 0


class Talk:
    """A UDP flow of a host with an echo server."""

    def __init__(self, ns, server=SERVER, source_port=5000):
        self.socket = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('', source_port))
        self.socket.connect((server, PORT))
        self.socket.settimeout(0.3)
        self.ok = True

    def say(self):
        """One datagram; true when it comes back."""
        try:
            self.socket.send(b'hello')
            return self.socket.recv(100) == b'hello'
        except (socket.timeout, ConnectionError):
            return False

    def must_say(self):
        """One datagram, which comes back."""
        assert self.say()

    def close(self):
        """End it."""
        self.socket.close()


@pytest.fixture
def talk():
    """Makes Talks that end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **kw: stack.enter_context(contextlib.closing(Talk(*args, **kw)))


def test_new_connections_of_a_blocked_host(line):
    line.ce.nft(NO_H1)
    with pytest.raises(socket.timeout):
        tcp_connect(line.h1, SERVER, timeout=1.5).close()
    assert udp_who(line.h1, SERVER) is None
    assert tcp_who(line.h2, SERVER)[0] == line.line.ipv4
    assert outcomes(line)['kernel_out'] > 0 and not flows(line, 'tcp', HOSTS['h1'])


def test_blocked_host_loses_its_offloaded_flow(line, talk):
    h1, h2 = talk(line.h1), talk(line.h2)
    wait_offloaded(line, 'udp', f'{HOSTS["h1"]}:5000', h1.must_say)
    wait_offloaded(line, 'udp', f'{HOSTS["h2"]}:5000', h2.must_say)
    line.ce.nft(NO_H1)
    h1.must_say()  # offloaded: the firewall has not been asked again
    move_time(line, REVALIDATION)
    h1.say()       # the one packet that asks
    h2.must_say()
    move_time(line, PASSAGE)
    assert not h1.say() and not h1.say()
    assert not is_offloaded(line, 'udp', f'{HOSTS["h1"]}:5000')
    for _ in range(3):
        h2.must_say()
    assert is_offloaded(line, 'udp', f'{HOSTS["h2"]}:5000')


def test_flood_from_outside_ends_as_well(line, talk):
    """The inbound direction ends with the outbound one, also when the host is silent after it."""
    h1 = talk(line.h1)
    wait_offloaded(line, 'udp', f'{HOSTS["h1"]}:5000', h1.must_say)
    address, port = flows(line, 'udp', f'{HOSTS["h1"]}:5000')[0]['external'].split(':')
    line.ce.nft(f'{NO_H1}; insert rule inet fw forward ip daddr {HOSTS["h1"]} drop')
    move_time(line, REVALIDATION)
    h1.say()
    move_time(line, PASSAGE)
    before = outcomes(line)
    with line.srv.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as s:
        s.bind((SERVER, 0))
        s.sendto(struct.pack('!HHHH', PORT, int(port), 13, 0) + b'hello', (address, 0))
    wait_until(lambda: changed(before, outcomes(line)), 'the datagram to be counted')
    assert changed(before, outcomes(line)) == {'kernel_in': 1}


def test_allowed_flow_survives_revalidation(line, talk):
    h1 = talk(line.h1)
    wait_offloaded(line, 'udp', f'{HOSTS["h1"]}:5000', h1.must_say)
    for _ in range(5):
        before = outcomes(line)
        move_time(line, REVALIDATION)
        for _ in range(3):
            h1.must_say()
        delta = changed(before, outcomes(line))
        assert delta.get('kernel_out') == 1 and delta.get('fast_out') == 2
        assert 'kernel_in' not in delta and delta.get('fast_in') == 3


def test_dnat_is_not_undone(line, talk):
    line.ce.nft(f'''table ip nat {{
        chain prerouting {{
            type nat hook prerouting priority dstnat
            iifname "br-lan" ip daddr {OTHER} dnat to {SERVER}
        }}
    }}''')
    capture = line.capture(line.srv, 'eth0', 'udp')
    h1 = talk(line.h1, server=OTHER)
    for _ in range(20):
        h1.must_say()  # the answer comes from OTHER: the socket is connected
    flow, = flows(line, 'udp', f'{HOSTS["h1"]}:5000')
    assert flow['remote'] == f'{SERVER}:{PORT}' and not flow['offloaded']
    assert outcomes(line)['fast_out'] == outcomes(line)['fast_in'] == 0
    with tcp_connect(line.h1, OTHER) as s:
        s.sendall(b'WHO\n')
        assert s.recv(100)
    targets = {socket.inet_ntoa(f[30:34]) for f in frames(capture) if f[23] == UDP}
    assert targets == {SERVER, line.line.ipv4}


def test_masquerade_is_not_offloaded(line, talk):
    line.ce.nft('''table ip nat {
        chain postrouting {
            type nat hook postrouting priority srcnat
            oifname "mape0" masquerade
        }
    }''')
    h1, h2 = talk(line.h1), talk(line.h2)
    for _ in range(10):
        h1.must_say()
        h2.must_say()
    assert tcp_who(line.h1, SERVER)[0] == line.line.ipv4
    assert outcomes(line)['fast_out'] == outcomes(line)['fast_in'] == 0
    assert len(flows(line, 'udp', '192.0.0.2')) == 2


class Forger:
    """h3, which sends datagrams with h1's address and port through its own bridge."""

    def __init__(self, lab):
        from scapy.layers.inet import IP, UDP as Udp
        from scapy.layers.l2 import Ether
        self.socket = lab.h3.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(('eth0', 0))
        self.frame = bytes(
            Ether(src=lab.h3.mac('eth0'), dst=lab.ce.mac('br-guest')) /
            IP(src=HOSTS['h1'], dst=SERVER) / Udp(sport=5000, dport=PORT) / b'forged')

    def say(self):
        """One forged datagram."""
        self.socket.send(self.frame)


@pytest.mark.parametrize('lan', [('br-lan',), ('br-lan', 'br-guest')], ids='+'.join)
def test_forged_flow(make_lab, talk, lan):
    lab = attach(make_lab(guest=True), lan=lan)
    assert udp_echo(lab.h3, SERVER, 3) == 3
    h1, forger = talk(lab.h1), Forger(lab)
    wait_offloaded(lab, 'udp', f'{HOSTS["h1"]}:5000', h1.must_say)
    capture = lab.capture(lab.h3, 'eth0', 'udp and inbound')
    at_h1 = lab.capture(lab.h1, 'eth0', 'udp and inbound')
    stop = threading.Event()

    def forge():
        while not stop.wait(0.01):
            forger.say()
    thread = threading.Thread(target=forge)
    thread.start()
    try:
        for _ in range(200):
            # Answers to forged ones come to h1, whose address it is.
            h1.socket.send(b'hello')
            wait_until(lambda: h1.socket.recv(100) == b'hello', 'the echo', interval=0)
    finally:
        stop.set()
        thread.join()
        forger.socket.close()
    assert frames(capture) == []
    assert len(frames(at_h1)) >= 190  # of the 200 that came; the capture may miss the last
    wait_offloaded(lab, 'udp', f'{HOSTS["h1"]}:5000', h1.say)
    assert lab.peer.refused() == {}


def test_forged_mac_on_the_same_bridge(line, talk):
    """Another host of the LAN with h1's address is not h1."""
    h1 = talk(line.h1)
    wait_offloaded(line, 'udp', f'{HOSTS["h1"]}:5000', h1.must_say)
    from scapy.layers.inet import IP, UDP as Udp
    from scapy.layers.l2 import Ether
    before = outcomes(line)
    with line.h2.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('eth0', 0))
        s.send(bytes(Ether(src=line.h2.mac('eth0'), dst=line.ce.mac('br-lan')) /
                     IP(src=HOSTS['h1'], dst=SERVER) / Udp(sport=5000, dport=PORT) / b'forged'))
    wait_until(lambda: changed(before, outcomes(line)), 'the forged datagram to be counted')
    assert 'fast_out' not in changed(before, outcomes(line))
    wait_offloaded(line, 'udp', f'{HOSTS["h1"]}:5000', h1.say)
