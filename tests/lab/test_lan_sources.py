# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which sources are translated: those of the LAN, and nobody else's (RFC 7084 S-2)."""

import socket

import pytest

from labinside import attach, changed, drops, outcomes
from labnet import wait_until
from labservers import PORT

SERVER = '198.51.100.1'
PUBLIC, NETWORK = '203.0.113.77', '203.0.113.64/26'


@pytest.fixture(name='home')
def home_fixture(make_lab):
    """A lab in which h1 has a public address besides its own, of which the CE knows."""
    lab = make_lab(firewall=None)
    lab.h1.ip(f'address add {PUBLIC}/32 dev eth0')
    lab.ce.sysctl('net.ipv4.conf.all.rp_filter', 0)
    lab.ce.sysctl('net.ipv4.conf.br-lan.rp_filter', 0)
    return lab


def ask(lab, source):
    """Who the server says it is that asks; None without an answer."""
    with lab.h1.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.bind((source, 0))
        s.sendto(b'WHO', (SERVER, PORT))
        try:
            return s.recv(100).split()[0].decode()
        except socket.timeout:
            return None


def test_forged(home):
    """A public source that is not of the LAN gets no port of ours; the counter says why."""
    attach(home)
    assert ask(home, '192.168.1.10') == home.line.ipv4
    assert ask(home, PUBLIC) is None
    wait_until(lambda: drops(home) == {'drop_out_source': 1}, 'the packet to be counted')


@pytest.mark.parametrize('how', ['option', 'device'])
def test_public_lan(home, how):
    """Unless it is: as an option says, or because a LAN device has it."""
    if how == 'device':
        home.ce.ip('address add 203.0.113.65/26 dev br-lan')
        attach(home)
    else:
        home.ce.ip(f'route add {PUBLIC}/32 dev br-lan')
        attach(home, '--lan-source', NETWORK)
    assert ask(home, PUBLIC) == home.line.ipv4
    assert drops(home) == {}


def test_routed_back(home):
    """A host that is no longer there: its answers take the default route, but not the tunnel."""
    attach(home)
    with home.h1.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('192.168.1.10', 5000))
        s.connect((SERVER, PORT))
        s.send(b'hello')
        s.settimeout(2)
        assert s.recv(100) == b'hello'
        external = int(home.mape_json('flows')[0]['external'].split(':')[1])
    home.ce.ip('address del 192.168.1.1/24 dev br-lan')
    with home.srv.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((SERVER, 7001))
        before = outcomes(home)
        s.sendto(b'late', (home.line.ipv4, external))
    wait_until(lambda: outcomes(home)['drop_out_source'], 'the packet to be counted')
    # It came in once. The stack may have told its sender of a better way, which goes nowhere.
    rose = changed(before, outcomes(home))
    rose.pop('drop_out_protocol', None)
    assert rose == {'kernel_in': 1, 'drop_out_source': 1}
