# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A mesh of three CEs and a BR: customers reach each other without the BR, and only as
themselves."""

import os
import socket
import struct

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from labinside import attach, audit_is_right, drops, outcomes, wait_offloaded
from lablines import OCN
from labmesh import OTHER, SAME, MeshLab
from labnet import wait_until
from labpackets import frames
from labtraffic import udp_socket
from labwan import Wan, counted

TCP, UDP4 = socket.SOCK_STREAM, socket.SOCK_DGRAM


@pytest.fixture(name='mesh', params=['tc', 'xdp'])
def mesh_fixture(request, root):  # pylint: disable=unused-argument
    """The lab with its two more CEs; mesh.start(OPTION...) attaches all of them."""
    with MeshLab() as lab:
        def start(*options, neighbours=None):
            attach(lab, '--wan-hook', request.param, *options)
            for one in (lab.same, lab.other):
                one.attach(*(options if neighbours is None else neighbours))
            return lab
        lab.start = start
        yield lab
        assert lab.peer.refused() == {}


def who(ns, neighbour, kind):
    """What the host behind another CE sees of a client: (address, port)."""
    with ns.socket(socket.AF_INET, kind) as s:
        s.settimeout(5)
        s.connect((neighbour.line.ipv4, neighbour.port))
        s.sendall(b'WHO\n' if kind == TCP else b'WHO')
        address, port = s.recv(100).split()
        return address.decode(), int(port)


def ends(captured):
    """The outer addresses of captured tunnel packets, as (source, destination)."""
    packets = [IPv6(frame[14:]) for frame in captured]
    return {(p.src, p.dst) for p in packets if p.nh == 4}


def assert_ends(capture, *pairs):
    """A capture has packets between all these, and no others."""
    def so_far():
        with open(capture.path, 'rb') as f:
            data, at, found = f.read(), 24, []
        while at + 16 <= len(data):
            length, = struct.unpack_from('=I', data, at + 8)
            found.append(data[at + 16:at + 16 + length])
            at += 16 + length
        return [frame for frame in found if len(frame) >= 54]
    # tcpdump may be late on a busy machine.
    wait_until(lambda: ends(so_far()) >= set(pairs), f'tunnel packets between {pairs}')
    assert ends(frames(capture)) == set(pairs)


@pytest.mark.parametrize('kind', [TCP, UDP4], ids=['tcp', 'udp'])
def test_without_the_br(mesh, kind):
    lab = mesh.start('--mesh', 'on')
    relayed = lab.peer.stats()['up']['packets']
    capture = lab.capture(filter='ip6 proto 4')
    for neighbour in (lab.same, lab.other):
        for role in ('h1', 'h2'):
            address, port = who(lab.namespaces[role], neighbour, kind)
            assert address == OCN.ipv4 and port in OCN.ports
    assert_ends(capture, (OCN.ce, SAME.ce), (SAME.ce, OCN.ce), (OCN.ce, OTHER.ce),
                (OTHER.ce, OCN.ce))
    assert lab.peer.stats()['up']['packets'] == relayed
    assert drops(lab) == {} and audit_is_right(lab)


def test_on_the_fast_path(mesh):
    """An offloaded session goes to the other CE too."""
    lab = mesh.start('--mesh', 'on')
    with udp_socket(lab.h1, OTHER.ipv4, port=lab.other.port, source_port=5000) as s:
        def speak():
            s.send(b'hello')
            assert s.recv(100) == b'hello'
        wait_offloaded(lab, 'udp', '192.168.1.10:5000', speak)
        before, capture = outcomes(lab), lab.capture(filter='ip6 proto 4')
        for size in (1, 100, 1400):
            data = os.urandom(size)
            s.send(data)
            assert s.recv(2000) == data
        after = outcomes(lab)
    assert_ends(capture, (OCN.ce, OTHER.ce), (OTHER.ce, OCN.ce))
    assert [after[n] - before[n] for n in ('fast_out', 'fast_in', 'kernel_out')] == [3, 3, 0]


def test_the_others_send_directly(mesh):
    """By default this line sends to the BR, and hears who sends directly."""
    lab = mesh.start(neighbours=('--mesh', 'on'))
    assert lab.mape_json('status')['mesh'] == {'mode': 'receive', 'rules': 160}
    capture = lab.capture(filter='ip6 proto 4')
    assert who(lab.h1, lab.other, TCP)[0] == OCN.ipv4
    assert_ends(capture, (OCN.ce, OCN.br), (OTHER.ce, OCN.ce))
    assert lab.peer.stats()['down']['packets'] > 0
    assert drops(lab) == {}


def test_off(mesh):
    """Then nobody but the BR is heard."""
    lab = mesh.start('--mesh', 'off', neighbours=('--mesh', 'on'))
    assert lab.mape_json('status')['mesh'] == {'mode': 'off', 'rules': 0}
    with udp_socket(lab.h1, OTHER.ipv4, port=lab.other.port) as s:
        s.send(b'WHO')
        wait_until(lambda: drops(lab) == {'drop_in_not_br': 1}, 'the direct answer to be dropped')


def test_forged(mesh):
    """Whatever another CE claims to be, it is found out, packet by packet."""
    lab = mesh.start('--mesh', 'on')
    own, foreign = OTHER.ranges[3][0], OTHER.ranges[3][0] + 16
    cases = {
        'drop_in_no_session': (OTHER.ce, OTHER.ipv4, own),  # believed, but nobody asked
        'drop_in_mesh_address': (OTHER.ce, SAME.ipv4, own),
        'drop_in_mesh_port': (OTHER.ce, OTHER.ipv4, foreign),
        'drop_in_not_br': (OTHER.ce, '198.51.100.1', own),
    }
    with Wan(lab) as wan:
        for name, (outer, source, port) in cases.items():
            inner = IP(src=source, dst=OCN.ipv4) / UDP(sport=port, dport=OCN.ranges[0][0]) / b'x'
            assert counted(lab, lambda: wan.tunnel(inner, outer)) == {name: 1}
        inner = IP(src=SAME.ipv4, dst=OCN.ipv4) / UDP(sport=own, dport=OCN.ranges[0][0]) / b'x'
        for _ in range(1000):
            wan.tunnel(inner, OTHER.ce)
        wait_until(lambda: outcomes(lab)['drop_in_mesh_address'] == 1001, 'all to be counted')
    assert who(lab.h1, lab.other, UDP4)[0] == OCN.ipv4
