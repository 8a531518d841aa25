# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Static forwards: who reaches the target, through which firewall, and how long they last."""

import socket
import sys
import time

import pytest

from lab import HERE, HOSTS
from labnet import wait_until
from lablines import OCN

SERVER = '198.51.100.1'
OTHER_SERVER = '203.0.113.1'
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
PORTS = sorted(OCN.ports)
PORT = PORTS[40]
TARGET = 7000
MARK_RULES = '\n'.join(f'''
    insert rule inet fw {chain} iifname "mape0" meta mark & 0x00ff0000 != 0 accept'''
                       for chain in ('forward', 'input'))


@pytest.fixture(name='home', params=['tc', 'xdp'])
def home_fixture(make_lab, request, tmp_path):
    """An attached lab with servers in the LAN, whose firewall admits what is marked."""
    lab = make_lab()
    lab.config = tmp_path / 'mape.conf'
    lab.config.write_text('# forwards of this house\n')
    lab.hook = request.param
    lab.ce.nft(MARK_RULES)
    attach(lab)
    lab.serve()
    for host, role in ((lab.h1, 'h1'), (lab.h2, 'h2')):
        host.start([sys.executable, f'{HERE}/labservers.py', HOSTS[role]], ready='ready')
    yield lab
    doctor = lab.mape_json('doctor', check=False)
    audit = next(c for c in doctor['checks'] if c['name'] == 'audit')
    assert audit['ok'], audit
    assert not lab.peer.refused()


def attach(lab, *words):
    lab.mape('attach', 'eth2', 'br-lan', '--wan-hook', lab.hook, '--config', lab.config, *words)


def forward(lab, *words, **options):
    return lab.mape('forward', *words, **options)


def ask(ns, kind, port=PORT, address=OCN.ipv4, source=None, timeout=2.0):
    """(address, port) of a client as the target sees it; None without an answer."""
    with ns.socket(socket.AF_INET, kind) as s:
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        try:
            s.connect((address, port))
            s.sendall(b'WHO\n' if kind == TCP else b'WHO')
            got = s.recv(4096).split()
        except (socket.timeout, ConnectionError):
            return None
    return got[0].decode(), int(got[1])


@pytest.mark.parametrize('kind', [TCP, UDP], ids=['tcp', 'udp'])
def test_from_the_internet(home, kind):
    proto = 'tcp' if kind == TCP else 'udp'
    assert ask(home.srv, kind, source=SERVER, timeout=0.5) is None
    forward(home, 'add', proto, PORT, f'{HOSTS["h1"]}:{TARGET}')
    for server in (SERVER, OTHER_SERVER):
        for _ in range(3):
            assert ask(home.srv, kind, source=server)[0] == server
    listed = home.mape_json('forward', 'list')
    assert listed == [{'proto': proto, 'port': PORT, 'to': f'{HOSTS["h1"]}:{TARGET}', 'ok': True,
                       'why': None}]
    # The other protocol's port is another one.
    assert ask(home.srv, UDP if kind == TCP else TCP, source=SERVER, timeout=0.5) is None


def test_a_firewall_without_the_mark_rule_refuses(home):
    home.ce.nft('flush chain inet fw forward')
    home.ce.nft('''add rule inet fw forward ct state established,related accept
        add rule inet fw forward counter name refused''')
    forward(home, 'add', 'tcp', PORT, f'{HOSTS["h1"]}:{TARGET}')
    assert ask(home.srv, TCP, source=SERVER, timeout=0.5) is None
    assert home.counter('refused')


def test_from_the_lan(home):
    for proto in ('tcp', 'udp'):
        forward(home, 'add', proto, PORT, f'{HOSTS["h1"]}:{TARGET}')
    for kind in (TCP, UDP):
        address, port = ask(home.h2, kind)
        assert address == OCN.ipv4 and port in OCN.ports
        # To itself by the way around, too.
        assert ask(home.h1, kind)[0] == OCN.ipv4


@pytest.mark.parametrize('kind', [TCP, UDP], ids=['tcp', 'udp'])
def test_the_target_sends_from_the_forwarded_port(home, kind):
    proto = 'tcp' if kind == TCP else 'udp'
    forward(home, 'add', proto, PORT, f'{HOSTS["h2"]}:4500')
    with home.h2.socket(socket.AF_INET, kind) as s:
        s.settimeout(2)
        s.bind(('', 4500))
        s.connect((SERVER, 7000))
        s.sendall(b'WHO\n' if kind == TCP else b'WHO')
        assert s.recv(100).split() == [OCN.ipv4.encode(), str(PORT).encode()]


def test_to_a_target_that_has_a_port_already(home):
    """What it sends keeps its port; what comes in by the forward is answered from the forward's."""
    with home.h2.socket(socket.AF_INET, UDP) as s:
        s.settimeout(2)
        s.bind(('', 4500))
        s.sendto(b'WHO', (SERVER, 7000))
        before = s.recv(100).split()
        forward(home, 'add', 'udp', PORT, f'{HOSTS["h2"]}:4500')
        with home.srv.socket(socket.AF_INET, UDP) as outside:
            outside.settimeout(2)
            outside.bind((OTHER_SERVER, 999))
            outside.sendto(b'hello', (OCN.ipv4, PORT))
            data, sender = s.recvfrom(100)
            assert (data, sender) == (b'hello', (OTHER_SERVER, 999))
            s.sendto(b'answer', sender)
            assert outside.recvfrom(100) == (b'answer', (OCN.ipv4, PORT))
        s.sendto(b'WHO', (SERVER, 7000))
        assert s.recv(100).split() == before


def test_lasts_over_detach_and_attach(home):
    forward(home, 'add', 'tcp', PORT, f'{HOSTS["h1"]}:{TARGET}')
    forward(home, 'add', 'udp', PORT, f'{HOSTS["h2"]}:{TARGET}')
    assert home.config.read_text().startswith('# forwards of this house\nforward tcp ')
    home.mape('detach')
    listed = home.mape('forward', 'list', '--json', '--config', home.config, check=False)
    assert listed.returncode == 3 and 'not attached' in listed.stdout
    attach(home)
    assert ask(home.srv, TCP, source=SERVER)[0] == SERVER
    assert ask(home.srv, UDP, source=SERVER)[0] == SERVER


def test_what_does_not_fit_any_more_is_said(home):
    home.mape('detach')
    home.config.write_text(f'forward tcp 1 {HOSTS["h1"]}:22\n'
                           f'forward tcp {PORT} {HOSTS["h1"]}:{TARGET}\n'
                           f'[other]\nforward tcp {PORTS[50]} {HOSTS["h1"]}:22\n')
    attached = home.mape('attach', 'eth2', 'br-lan', '--wan-hook', home.hook, '--config',
                         home.config)
    assert f'{home.config}:1: not forwarded: port 1 ' in attached.stderr
    first, second = home.mape_json('forward', 'list')
    assert not first['ok'] and 'does not belong' in first['why']
    assert second['ok'] and ask(home.srv, TCP, source=SERVER)


def test_bad_config_file(home):
    home.mape('detach')
    home.config.write_text('\n[mape0]\nforwrad tcp 1 2\n')
    failed = home.mape('attach', 'eth2', 'br-lan', '--config', home.config, check=False)
    assert failed.returncode == 1 and f'{home.config}:3: unknown word' in failed.stderr
    assert home.mape('status', check=False).returncode == 3
    home.config.write_text('')
    attach(home)


def test_port_of_another_customer(home):
    failed = forward(home, 'add', 'tcp', 80, f'{HOSTS["h1"]}:80', check=False)
    first, last = OCN.ranges[0]
    assert failed.returncode == 1
    assert 'port 80 does not belong to this line' in failed.stderr
    assert f'{first}-{last}' in failed.stderr and '63 ranges' in failed.stderr
    home.mape('detach')
    attach(home, '--reserve-ranges', '1')
    failed = forward(home, 'add', 'tcp', 80, f'{HOSTS["h1"]}:80', check=False)
    assert f'reserved ports: {first}-{last}.' in failed.stderr
    forward(home, 'add', 'tcp', first, f'{HOSTS["h1"]}:{TARGET}')
    assert ask(home.srv, TCP, port=first, source=SERVER)
    counts = home.mape_json('status')['ports']['tcp']
    assert counts['reserved'] == 16
    assert counts['free'] + counts['used'] + counts['resting'] + counts['reserved'] == \
        counts['total']


def test_bad_targets(home):
    for target in ('192.168.1.10', '192.168.1.10:0', '300.1.1.1:1', '224.0.0.1:5', '127.0.0.1:80',
                   'h1:22', f'{OCN.ipv4}:22'):
        failed = forward(home, 'add', 'tcp', PORT, target, check=False)
        assert failed.returncode in (1, 2) and target in failed.stderr
    assert home.mape_json('forward', 'list') == []


def test_port_in_use(home):
    forward(home, 'add', 'tcp', PORT, f'{HOSTS["h1"]}:{TARGET}')
    again = forward(home, 'add', 'tcp', PORT, f'{HOSTS["h1"]}:{TARGET}')
    assert 'already' in again.stdout
    failed = forward(home, 'add', 'tcp', PORT, f'{HOSTS["h2"]}:{TARGET}', check=False)
    assert failed.returncode == 1 and f'forward del tcp {PORT}' in failed.stderr
    with home.h2.socket(socket.AF_INET, UDP) as s:
        s.settimeout(2)
        s.sendto(b'WHO', (SERVER, 7000))
        used = int(s.recv(100).split()[1])
    failed = forward(home, 'add', 'udp', used, f'{HOSTS["h1"]}:{TARGET}', check=False)
    assert failed.returncode == 1 and 'in use by 192.168.1.11' in failed.stderr
    assert '--reserve-ranges' in failed.stderr


def test_deleted(home):
    forward(home, 'add', 'tcp', PORT, f'{HOSTS["h1"]}:{TARGET}')
    forward(home, 'add', 'tcp', PORTS[60], f'{HOSTS["h1"]}:{TARGET}')
    with home.srv.socket(socket.AF_INET, TCP) as s:
        s.settimeout(2)
        s.bind((SERVER, 0))
        s.connect((OCN.ipv4, PORT))
        s.sendall(b'ECHO\n')
        forward(home, 'del', 'tcp', PORT)
        s.sendall(b'still here')
        assert s.recv(100) == b'still here'
    assert ask(home.srv, TCP, source=OTHER_SERVER, timeout=0.5) is None
    assert ask(home.srv, TCP, port=PORTS[60], source=SERVER)
    assert f' {PORT} ' not in home.config.read_text()
    failed = forward(home, 'del', 'tcp', PORT, check=False)
    assert failed.returncode == 1 and 'is not forwarded' in failed.stderr
    home.mape('detach')
    attach(home)
    assert [f['port'] for f in home.mape_json('forward', 'list')] == [PORTS[60]]


def test_added_and_deleted_while_nothing_is_used(home):
    for _ in range(3):
        forward(home, 'add', 'udp', PORT, f'{HOSTS["h1"]}:{TARGET}')
        forward(home, 'del', 'udp', PORT)
    counts = home.mape_json('status')['ports']['udp']
    assert counts['free'] == counts['total']


def test_router_itself(home):
    forward(home, 'add', 'tcp', PORT, 'self:7000')
    forward(home, 'add', 'udp', PORT, 'self:7000')
    home.ce.start([sys.executable, f'{HERE}/labservers.py', '192.0.0.2'], ready='ready')
    for kind in (TCP, UDP):
        assert ask(home.srv, kind, source=SERVER)[0] == SERVER
        assert ask(home.h1, kind)[0] == OCN.ipv4
    assert home.mape_json('forward', 'list')[0]['to'] == 'self:7000'


def test_bulk_by_the_fast_path(home):
    """A forwarded connection is a connection as any other: the fast path takes it."""
    forward(home, 'add', 'tcp', PORT, f'{HOSTS["h1"]}:{TARGET}')
    with home.srv.socket(socket.AF_INET, TCP) as s:
        s.settimeout(5)
        s.bind((SERVER, 0))
        s.connect((OCN.ipv4, PORT))
        s.sendall(b'ECHO\n')

        def fast():
            s.sendall(b'x' * 1000)
            got = 0
            while got < 1000:
                got += len(s.recv(1000 - got))
            time.sleep(0.05)
            return home.mape_json('stats')['outcomes']['fast_in']['packets']
        wait_until(fast, 'the fast path', timeout=5)
        flow = home.mape_json('flows', '--port', PORT)[0]
        assert flow['internal'] == f'{HOSTS["h1"]}:{TARGET}' and flow['offloaded']
        assert home.mape_json('flows', '--port', 1) == []
        assert home.mape_json('flush', '--host', HOSTS['h2'])['sessions'] == 0
        assert home.mape_json('flush', '--host', HOSTS['h1'], '--proto', 'tcp')['offloaded'] == 1
        hosts = home.mape_json('status')['hosts']
        assert hosts == [{'host': HOSTS['h1'], 'tcp': 1, 'udp': 0, 'icmp': 0, 'sessions': 1}]
