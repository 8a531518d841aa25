# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other tunnels than MAP-E with a shared address: an IPv4 prefix, IPIP, DS-Lite, lw4o6; and
protocols without ports."""

import errno
import socket

import pytest

from labinside import audit_is_right, attach, drops, flows, outcomes, refused
from lablines import OCN
from labplain import LOCAL, PlainLab
from labtraffic import (ping, tcp_connect, tcp_download, tcp_upload, tcp_who, udp_echo, udp_socket,
                        udp_who)
from labnet import wait_until

SERVER = '198.51.100.1'
PREFIX, ROUTER, HOSTS = '192.0.2.8/29', '192.0.2.9', ('192.0.2.10', '192.0.2.11')
# RFC 7597 section 6: the IPv4 prefix of the rule, and no PSID.
PREFIX_CE = '2400:4050:400:5600:0:c000:208:0'
SHAPES = {
    'map-e': ('--prefix', OCN.prefix, '--rule', f'ipv6={OCN.prefix},ipv4={PREFIX},ea=0'),
    'ipip': ('--tunnel', 'ipip', '--local', LOCAL, '--ip4', PREFIX)}
GRE = 47


@pytest.fixture(name='plain')
def plain_fixture(request, root):  # pylint: disable=unused-argument
    """A function that makes a PlainLab, which ends with the test and refused nothing."""
    labs = []

    def make(*behind, **options):
        labs.append(PlainLab(*behind, **options))
        return labs[-1]
    yield make
    for lab in labs:
        assert lab.refused() == []
        lab.close()


def check_traffic(lab, role, address):
    """A little of everything; the server sees the host's own address and port."""
    host = lab.namespaces[role]
    assert ping(host, SERVER, 2) == 2
    assert udp_who(host, SERVER, source_port=7) == (address, 7)
    assert tcp_who(host, SERVER)[0] == address
    assert udp_echo(host, SERVER, 2, size=4000) == 2  # in fragments
    assert tcp_upload(host, SERVER, 300_000).ok and tcp_download(host, SERVER, 300_000).ok


@pytest.mark.parametrize('hook', ['tc', 'xdp'])
@pytest.mark.parametrize('shape', SHAPES)
def test_prefix(plain, shape, hook):
    """The LAN uses the line's own prefix, and is reached there."""
    lab = plain(PREFIX, local=PREFIX_CE if shape == 'map-e' else LOCAL, firewall=None)
    lab.own_prefix(ROUTER, *HOSTS)
    lab.mape('attach', 'eth2', 'br-lan', '--br', OCN.br, '--wan-hook', hook, *SHAPES[shape])
    status = lab.mape_json('status')
    assert (status['tunnel'], status['napt'], status['fast_path']) == (shape, False, False)
    for role, address in zip(('h1', 'h2'), HOSTS):
        check_traffic(lab, role, address)
    assert ping(lab.ce, SERVER) == 1  # from the router's own address in the prefix
    with lab.h1.socket(socket.AF_INET, socket.SOCK_STREAM) as s:  # from outside, unasked
        s.bind(('', 22))
        s.listen()
        with tcp_connect(lab.srv, HOSTS[0], 22) as client:
            assert s.accept()[1] == client.getsockname()
    assert drops(lab) == {} and flows(lab, 'udp', HOSTS[0]) == []
    said = refused(lab, 'forward', 'add', 'tcp', '80', f'{HOSTS[0]}:80')
    assert 'no NAPT' in said['error']
    assert lab.mape_json('attach', 'eth2', 'br-lan', '--br', OCN.br, '--wan-hook', hook,
                         *SHAPES[shape])['changed'] is False
    lab.mape('detach')


def test_prefix_source(plain):
    """What is not of the prefix neither leaves nor arrives."""
    lab = plain(PREFIX, '192.0.2.16/29', firewall=None)
    lab.own_prefix(ROUTER, *HOSTS)
    lab.ce.ip('address add 192.0.2.17/29 dev br-lan')
    lab.h2.ip('''address add 192.0.2.18/29 dev eth0
        route replace default via 192.0.2.17 src 192.0.2.18''')
    lab.mape('attach', 'eth2', 'br-lan', '--br', OCN.br, *SHAPES['ipip'])
    assert udp_who(lab.h2, SERVER) is None
    assert ping(lab.srv, '192.0.2.18', timeout=0.3) == 0
    wait_until(lambda: set(drops(lab)) == {'drop_out_source', 'drop_in_not_ours'}, 'the drops')
    assert ping(lab.h1, '192.0.2.12', timeout=0.3) == 0
    lab.mape('attach', 'eth2', 'br-lan', '--br', OCN.br, *SHAPES['ipip'], '--replace',
             '--lan-source', '192.0.2.16/29')
    assert udp_who(lab.h2, SERVER)[0] == '192.0.2.18'


@pytest.mark.parametrize('hook', ['tc', 'xdp'])
def test_ds_lite(plain, hook):
    """The hosts' private addresses arrive at the AFTR, which here needs no NAT."""
    lab = plain('192.168.1.0/24', '192.0.0.2/32')
    lab.mape('attach', 'eth2', 'br-lan', '--tunnel', 'ds-lite', '--br', OCN.br, '--local', LOCAL,
             '--wan-hook', hook)
    status = lab.mape_json('status')
    assert (status['tunnel'], status['napt']) == ('ds-lite', False)
    assert status['rule']['ce_ipv6'] == LOCAL
    check_traffic(lab, 'h1', '192.168.1.10')
    assert udp_who(lab.ce, SERVER)[0] == '192.0.0.2'  # the B4 itself: RFC 6333 section 5.7
    assert drops(lab) == {}


def test_ds_lite_from_the_wans_address(plain):
    lab = plain('192.168.1.0/24', local='2400:4050:400:5600::2')
    lab.mape('attach', 'eth2', 'br-lan', '--tunnel', 'ds-lite', '--br', OCN.br)
    assert udp_who(lab.h1, SERVER)[0] == '192.168.1.10'
    lab.mape('detach')
    assert lab.wan_ready()


LW4O6 = ('--tunnel', 'lw4o6', '--ip4', OCN.ipv4, '--psid', '22', '--psid-len', '6',
         '--psid-offset', '6')


@pytest.mark.parametrize('words, local', [
    (('--local', LOCAL), LOCAL),
    (('--prefix', OCN.prefix), '2400:4050:400:5600:0:99f0:1001:16')], ids=['address', 'prefix'])
def test_lw4o6(plain, words, local):
    """The port set of OCN's line; RFC 7596 section 5.1 has the address of the second."""
    lab = plain(OCN.ipv4, local=local)
    lab.mape('attach', 'eth2', 'br-lan', '--br', OCN.br, *LW4O6, *words)
    status = lab.mape_json('status')
    assert (status['tunnel'], status['napt'], status['fast_path']) == ('lw4o6', True, True)
    assert status['rule']['ports']['ranges'] == [list(r) for r in OCN.ranges]
    for who in (tcp_who, udp_who):
        address, port = who(lab.h1, SERVER)
        assert address == OCN.ipv4 and port in OCN.ports
    assert tcp_download(lab.h2, SERVER, 300_000).ok
    assert drops(lab) == {} and audit_is_right(lab)


def raw_socket(ns, proto=GRE, peer=None, own=''):
    """A raw socket, connected to a peer if there is one, so that it hears of errors."""
    s = ns.socket(socket.AF_INET, socket.SOCK_RAW, proto)
    s.settimeout(3)
    s.bind((own, 0))
    if peer:
        s.connect((peer, 0))
    return s


@pytest.mark.parametrize('hook', ['tc', 'xdp'])
def test_address_of_ones_own(plain, hook):
    """IPIP with one address: all ports, and protocols without ports, by the last host that spoke."""
    lab = plain('192.0.2.5/32', firewall=None)  # conntrack wants real SCTP
    lab.mape('attach', 'eth2', 'br-lan', '--tunnel', 'ipip', '--br', OCN.br, '--local', LOCAL,
             '--ip4', '192.0.2.5', '--wan-hook', hook)
    assert lab.mape_json('status')['napt'] is True
    assert udp_who(lab.h1, SERVER)[0] == '192.0.2.5' and tcp_who(lab.h2, SERVER)[0] == '192.0.2.5'
    for proto, name in ((GRE, 'gre'), (50, 'esp'), (132, 'sctp'), (253, 'other')):
        with raw_socket(lab.srv, proto, own=SERVER) as server, raw_socket(lab.h1, proto, SERVER) as h1, \
                raw_socket(lab.h2, proto, SERVER) as h2:
            for host, role in ((h1, 'h1'), (h2, 'h2'), (h1, 'h1')):
                out, back = (f'{way} {role}'.encode() for way in ('from', 'to'))
                host.send(out)
                packet, (sender, _) = server.recvfrom(100)
                assert (packet[20:], sender) == (out, '192.0.2.5')
                server.sendto(back, ('192.0.2.5', 0))
                assert host.recv(100)[20:] == back
        found = flows(lab, name, lab.host_address('h1'))
        assert [(f['packets'], f['offloaded']) for f in found] == [(4, False)]
    assert drops(lab) == {} and audit_is_right(lab)


@pytest.mark.parametrize('proto', [GRE, 50, 253])
def test_refused_where_the_address_is_shared(lab, proto):
    """The host is told at once: protocol unreachable."""
    attach(lab)
    with raw_socket(lab.h1, proto, SERVER) as s:
        s.send(b'\0\0\x08\0' + bytes(20))  # a GRE header
        with pytest.raises(OSError) as refusal:
            s.recv(100)
    assert refusal.value.errno == errno.ENOPROTOOPT
    assert drops(lab) == {'drop_out_protocol': 1} and outcomes(lab)['kernel_out'] == 0


WRONG = {
    'needs --ip4': ('--tunnel', 'ipip', '--local', LOCAL),
    'means nothing with --tunnel ds-lite': ('--tunnel', 'ds-lite', '--ip4', '192.0.2.5'),
    'has no port set': ('--tunnel', 'ipip', '--ip4', '192.0.2.5', '--psid-len', '4'),
    'has one address': ('--tunnel', 'lw4o6', '--ip4', '192.0.2.0/24'),
    'without its length': ('--tunnel', 'lw4o6', '--ip4', '192.0.2.5', '--psid', '3'),
    '--rule is for MAP-E': ('--tunnel', 'ds-lite', '--rule', OCN.rule_option),
    'for other tunnels than MAP-E': ('--local', LOCAL),
    '--prefix means nothing': ('--tunnel', 'ds-lite', '--prefix', OCN.prefix),
    'a mesh needs the NAPT': ('--tunnel', 'ds-lite', '--mesh', 'on'),
    'does not fit': ('--tunnel', 'lw4o6', '--ip4', '192.0.2.5', '--psid', '16', '--psid-len', '4')}


def test_wrong_options(plain):
    lab = plain()
    before = lab.ce.ip_json('address show'), lab.ce.ip_json('-4 route show')
    for why, words in WRONG.items():
        said = refused(lab, 'attach', 'eth2', 'br-lan', '--br', OCN.br, *words)
        assert said['error'] and said['hint'], why
        if why != 'does not fit':
            assert why in said['error']
    for words in (('--ip4', '192.0.2.1/29'), ('--ip4', 'x'), ('--local', '::1'),
                  ('--local', '192.0.2.1'), ('--ip4', '0.0.0.0/0')):
        refused(lab, 'attach', 'eth2', '--tunnel', 'ipip', *words, code=2)
    assert before == (lab.ce.ip_json('address show'), lab.ce.ip_json('-4 route show'))
