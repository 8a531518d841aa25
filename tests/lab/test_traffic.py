# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real traffic through an attached CE: what arrives, under which ports, and what the line saw."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import HOSTS, SERVERS
from labinside import address, attach, audit_is_right, drops, map_dump
from labnet import run
from labpackets import ETHER, ICMP, ICMP6, TCP, UDP, tunnelled
from labservers import PORT
from labtraffic import (ping, tcp_download, tcp_upload, tcp_who, udp_echo, udp_socket, udp_who)

CONNECTIONS = 2000
HERE = 'h1', 'h2'


@pytest.fixture
def line(lab):
    """A lab with servers and an attached CE; gives the lab."""
    yield attach(lab)
    assert lab.peer.refused() == {}
    assert lab.counter('invalid') == 0


def connect_many(lab, n, servers=SERVERS[:8]):
    """Short TCP connections from both hosts; what the servers saw."""
    def one(i):
        return tcp_who(lab.namespaces[HERE[i % 2]], servers[i // 2 % len(servers)])
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, range(n)))


@pytest.mark.parametrize('role', HERE)
def test_every_protocol(line, role):
    host = line.namespaces[role]
    assert ping(host, SERVERS[0], 5) == 5
    assert udp_echo(host, SERVERS[1], 20) == 20
    assert tcp_upload(host, SERVERS[2], 5_000_000).ok
    assert tcp_download(host, SERVERS[8], 5_000_000).ok
    assert drops(line) == {}


def test_one_mapping_for_every_destination(line):
    seen = {udp_who(line.h1, server, source_port=5000) for server in SERVERS}
    assert len(seen) == 1 and seen.pop()[0] == line.line.ipv4


def test_2000_connections(line):
    seen = connect_many(line, CONNECTIONS)
    assert {a for a, _ in seen} == {line.line.ipv4}
    ports = {p for _, p in seen}
    assert ports <= line.line.ports
    used = [any(first <= p <= last for p in ports) for first, last in line.line.ranges]
    assert sum(used) == 63
    # More connections than ports: some share a port towards different servers.
    tcp = line.mape_json('status')['ports']['tcp']
    assert tcp['used'] > 900 and tcp['overlapped'] > 0
    # All by one gateway: the kernel has room for a thousand neighbours.
    assert len(line.ce.ip_json('neigh show dev mape0 nud all')) == 1
    assert drops(line) == {} and audit_is_right(line)


def test_maps_are_readable(line):
    with udp_socket(line.h1, SERVERS[0], source_port=5000) as s:
        s.send(b'WHO')
        external = int(s.recv(100).split()[1])
        session, = [r for r in map_dump(line, 'sessions') if r['key']['int_port'] == 5000]
        mapping, = [r for r in map_dump(line, 'mappings') if r['key']['port'] == 5000]
        port, = [r['value'] for r in map_dump(line, 'ports') if r['value']['refs']]
        by_name = {name: run(['bpftool', '-j', 'map', 'dump', 'name', name]).stdout
                   for name in ('sessions', 'mappings', 'ports')}
    key, value = session['key'], session['value']
    assert (address(key['int_addr']), address(key['rem_addr'])) == (HOSTS['h1'], SERVERS[0])
    assert (key['rem_port'], key['proto'], value['ext_port']) == (PORT, UDP, external)
    assert address(mapping['key']['addr']) == HOSTS['h1']
    assert (mapping['key']['proto'], mapping['value']['ext_port']) == (UDP, external)
    assert (address(port['owner']['addr']), port['owner']['port']) == (HOSTS['h1'], 5000)
    for name, field in (('sessions', 'ext_port'), ('mappings', 'ext_port'), ('ports', 'owner')):
        assert f'"{field}"' in by_name[name] and json.loads(by_name[name])


def test_every_packet_on_the_line(line):
    capture = line.capture()
    for role in HERE:
        host = line.namespaces[role]
        assert ping(host, SERVERS[0], 3) == 3
        assert udp_echo(host, SERVERS[1], 10) == 10
        assert tcp_upload(host, SERVERS[2], 1_000_000).ok
        assert tcp_download(host, SERVERS[3], 1_000_000).ok
    connect_many(line, 200)
    rest = []
    packets = tunnelled(capture, line.line, rest)
    for proto, least in ((ICMP, 12), (UDP, 40), (TCP, 2000)):
        assert sum(p.proto == proto for p in packets) >= least
    labels = {}
    for p in packets:
        if p.out:
            flow = p.proto, p.port(), p.inner[16:20], p.l4[2:4] if p.proto != ICMP else b''
            labels.setdefault(flow, set()).add(p.flow_label)
    # One for each session, on the kernel and on the fast path, and hardly two alike.
    assert all(len(own) == 1 for own in labels.values())
    assert len(set.union(*labels.values())) > len(labels) * 0.9 > 100
    # Besides the tunnel the line carries nothing but neighbour discovery and the like.
    assert all(f[12:14] == b'\x86\xdd' and f[ETHER + 6] in (0, ICMP6) for f in rest)
