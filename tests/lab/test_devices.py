# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Kinds of devices as WAN and LAN: each works, or attach says why not and what to do."""

import socket
import sys

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether

from labinside import (attach, audit_is_right, changed, drops, outcomes, refused, use,
                       wait_offloaded)
from lablines import OCN
from labnet import LabError, wait_until
from labtraffic import tcp_who, udp_echo, udp_socket
from labwan import Wan

SERVER = '198.51.100.1'


@pytest.fixture(name='make')
def make_fixture(make_lab):
    """A function that makes a lab whose CE does not wait for duplicate address detection."""
    labs = []

    def make(**options):
        lab = make_lab(**{'lan': 'wire', 'firewall': None, **options})
        lab.serve()
        lab.ce.sysctl('net.ipv6.conf.default.accept_dad', 0)
        lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
        labs.append(lab)
        return lab
    yield make
    for lab in labs:
        assert lab.peer.refused() == {}


def add_or_skip(lab, link):
    """Make a device of a kind that not every kernel has."""
    try:
        lab.ce.ip(f'link add {link}')
    except LabError as error:
        pytest.skip(f'this kernel has no such device: {error}')


def move_wan(lab, dev):
    """Let the addresses and routes of eth2 be those of a device above it."""
    lab.ce.ip(f'''address flush dev eth2 scope global
        link set {dev} up
        address add {OCN.wan_address} dev {dev} nodad
        route replace ::/0 via fe80::1 dev {dev}''')
    lab.ce.sysctl(f'net.ipv6.conf.{dev}.accept_dad', 0)
    wait_until(lambda: not any(a.get('tentative') for a in lab.ce.ip_json(
        f'-6 address show dev {dev}')[0]['addr_info']), f'{dev} of the CE')


def offload(lab, role='h1', port=5000):
    """A UDP session on the fast path: packets that it then takes."""
    host = lab.namespaces[role]
    with udp_socket(host, SERVER, source_port=port) as s:
        def speak():
            s.send(b'hello')
            assert s.recv(100) == b'hello'
        wait_offloaded(lab, 'udp', f'{lab.host_address(role)}:{port}', speak)
        before = outcomes(lab)
        for _ in range(5):
            speak()
    delta = changed(before, outcomes(lab))
    return delta.get('fast_out', 0), delta.get('fast_in', 0)


HOOKS = [('tc', 'tc'), ('xdp-generic', 'tc'), ('tc', 'xdp-generic')]


@pytest.mark.parametrize('wan, lan', HOOKS)
def test_macvlan_as_wan(make, wan, lan):
    lab = make()
    lab.ce.ip('link add link eth2 name wan0 type macvlan mode private')
    move_wan(lab, 'wan0')
    lab.mape('attach', 'wan0', 'br-lan', '--wan-hook', wan, '--lan-hook', lan)
    use(lab)
    assert min(offload(lab)) >= 4
    assert drops(lab) == {} and audit_is_right(lab)


@pytest.mark.parametrize('wan', ['tc', 'xdp-generic'])
def test_bridge_as_wan(make, wan):
    lab = make()
    lab.ce.ip('''link add br-wan type bridge forward_delay 0 mcast_snooping 0
        link set eth2 master br-wan''')
    move_wan(lab, 'br-wan')
    said = refused(lab, 'attach', 'eth2', 'br-lan', '--prefix', OCN.prefix)
    assert "'eth2' is a port of the bridge 'br-wan'" in said['error'] and said['hint']
    lab.mape('attach', 'br-wan', 'br-lan', '--wan-hook', wan)
    use(lab)
    assert min(offload(lab)) >= 4
    assert drops(lab) == {} and audit_is_right(lab)


@pytest.mark.parametrize('wan', ['tc', 'xdp-generic'])
def test_vlan_as_wan_and_lan(make, wan):
    """The devices above the tag; the hooks see the frames without it."""
    lab = make()
    add_or_skip(lab, 'link eth2 name eth2.5 type vlan id 5')
    lab.ce.ip('link add link lan1 name lan1.7 type vlan id 7')
    lab.br.ip('''link add link wan name wan.5 type vlan id 5
        link set wan.5 up addrgenmode none
        address add fe80::1/64 dev wan.5 nodad
        route replace ''' + OCN.prefix + ' dev wan.5')
    lab.ce.ip('''link set lan1 nomaster
        link set lan1.7 up
        address add 192.168.7.1/24 dev lan1.7''')
    lab.h1.ip('''link add link eth0 name eth0.7 type vlan id 7
        link set eth0.7 up
        address add 192.168.7.10/24 dev eth0.7
        route replace default via 192.168.7.1''')
    move_wan(lab, 'eth2.5')
    lab.mape('attach', 'eth2.5', 'lan1.7', 'br-lan', '--wan-hook', wan)
    use(lab)
    assert drops(lab) == {} and audit_is_right(lab)


@pytest.mark.parametrize('lan', ['tc', 'xdp', 'xdp-generic'])
def test_bridge_with_several_ports(make, lan):
    """Hosts behind two ports, each on the fast path."""
    lab = make()
    lab.mape('attach', 'eth2', 'br-lan', '--lan-hook', lan)
    for role in ('h1', 'h2'):
        assert min(offload(lab, role)) >= 4
    # h1 talks to h2 through the bridge, which is not ours to touch.
    with lab.h2.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            lab.h1.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(('', 9))
        server.settimeout(3)
        client.sendto(b'neighbour', (lab.host_address('h2'), 9))
        assert server.recv(100) == b'neighbour'
    assert drops(lab) == {}


@pytest.mark.parametrize('lan', ['tc', 'xdp'])
def test_host_moves_to_another_port(make, lan):
    """The session follows: first over the stack, then on the fast path again."""
    lab = make()
    lab.mape('attach', 'eth2', 'br-lan', '--lan-hook', lan)
    assert min(offload(lab)) >= 4
    # h1's address and MAC are now behind h2's port.
    mac = lab.h1.mac('eth0')
    lab.h1.ip('link set eth0 down')
    lab.h2.ip(f'''link set eth0 down
        link set eth0 address {mac}
        link set eth0 up
        address flush dev eth0 scope global
        address add {lab.host_address('h1')}/24 dev eth0
        route replace default via 192.168.1.1''')
    with udp_socket(lab.h2, SERVER, source_port=5000) as s:
        def speak():
            s.send(b'moved')
            assert s.recv(100) == b'moved'
        wait_until(lambda: udp_echo(lab.h2, SERVER) == 1, 'the new port')
        wait_offloaded(lab, 'udp', '192.168.1.10:5000', speak)
    assert drops(lab) == {}


def test_ports_and_loopback_are_refused(make):
    lab = make()
    before = lab.ce.ip_json('address show')
    for words, why in ((('eth2', 'lan1'), "the LAN 'lan1' is a port of the bridge 'br-lan'"),
                       (('lan1',), "the WAN 'lan1' is a port of the bridge 'br-lan'"),
                       (('eth2', 'lo'), "the LAN 'lo' is the loopback device"),
                       (('lo', 'br-lan'), "the WAN 'lo' is the loopback device")):
        said = refused(lab, 'attach', *words, '--prefix', OCN.prefix)
        assert why in said['error'] and said['hint']
    assert before == lab.ce.ip_json('address show')


def test_l3_device_as_wan_is_refused(make):
    lab = make()
    lab.ce.run('ip tuntap add dev ppp0 mode tun')
    said = refused(lab, 'attach', 'ppp0', 'br-lan', '--prefix', OCN.prefix)
    assert 'no Ethernet header' in said['error'] and 'IPoE' in said['hint']


def tunnel_to_h3(lab):
    """A VPN whose other end is the namespace h3: two TUN devices, a process between them."""
    script = '''
import ctypes, fcntl, os, select, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def tun(ns):
    with open('/run/netns/' + ns) as f:
        assert not libc.setns(f.fileno(), 0x40000000)
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH14x', b'vpn0', 0x1001))
    return fd
a, b = map(tun, sys.argv[1:])
poll = select.poll()
poll.register(a, select.POLLIN)
poll.register(b, select.POLLIN)
print('ready', flush=True)
while True:
    for fd, _ in poll.poll():
        packet = os.read(fd, 65536)
        try:
            os.write(b if fd == a else a, packet)
        except OSError:
            pass  # the other end is not up yet
'''
    lab.ce.start([sys.executable, '-c', script, lab.ce.name, lab.h3.name], ready='ready')
    lab.ce.ip('''link set vpn0 up
        address add 192.168.9.1/24 dev vpn0''')
    lab.h3.ip('''link set vpn0 up
        address add 192.168.9.10/24 dev vpn0
        route replace default via 192.168.9.1 dev vpn0''')


@pytest.mark.parametrize('named', [False, True], ids=['not named', 'as LAN'])
@pytest.mark.parametrize('lan', ['tc', 'xdp'])
def test_l3_device_as_lan(make, lan, named):
    """A VPN's hosts use the tunnel by the kernel path, named as LAN or not."""
    lab = make(guest=True)
    tunnel_to_h3(lab)
    said = lab.mape('attach', 'eth2', 'br-lan', *(['vpn0'] if named else []), '--lan-hook', lan)
    assert ('vpn0 has no Ethernet header' in said.stdout + said.stderr) == named
    assert tcp_who(lab.h3, SERVER)[0] == OCN.ipv4
    assert udp_echo(lab.h3, SERVER, 5) == 5
    assert outcomes(lab)['fast_out'] == 0
    assert min(offload(lab)) >= 4
    assert drops(lab) == {} and audit_is_right(lab)
    bad = [c for c in lab.mape_json('doctor', check=False)['checks']
           if c['name'] in ('lan', 'lan-hooks') and not c['ok']]
    assert bad == []


def test_only_l3_devices_as_lan(make):
    lab = make(guest=True)
    tunnel_to_h3(lab)
    lab.mape('attach', 'eth2', 'vpn0')
    status = lab.mape_json('status')
    assert status['fast_path'] is False
    assert status['lan'][0]['hook'] is None and 'Ethernet' in status['lan'][0]['reason']
    assert udp_echo(lab.h3, SERVER, 5) == 5


@pytest.mark.parametrize('wan, lan', [('tc', 'tc'), ('xdp', 'xdp')])
def test_tagged_frames_on_the_parent(make, wan, lan):
    """They are another network's: neither decapsulated nor sent on the fast path."""
    lab = make()
    attach(lab, '--wan-hook', wan, '--lan-hook', lan)
    assert min(offload(lab)) >= 4
    before = outcomes(lab)
    inner = IP(src=lab.host_address('h1'), dst=SERVER) / UDP(sport=5000, dport=7000) / b'tagged'
    with lab.h1.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('eth0', 0))
        s.send(bytes(Ether(src=lab.h1.mac('eth0'), dst=lab.ce.mac('br-lan')) / Dot1Q(vlan=5) /
                     inner))
    answer = IP(src=SERVER, dst=OCN.ipv4) / UDP(sport=7000, dport=OCN.ranges[0][0]) / b'tagged'
    with Wan(lab) as w:
        w.socket.send(bytes(w.ether / Dot1Q(vlan=5) / IPv6(src=OCN.br, dst=OCN.ce, nh=4) / answer))
        assert changed(before, outcomes(lab)) == {}
        w.tunnel(answer / b'plain')
        wait_until(lambda: sum(changed(before, outcomes(lab)).values()) == 1, 'the frame untagged')
