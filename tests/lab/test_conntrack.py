# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""conntrack sees only the kernel path, and yet nothing is invalid and nothing stays behind."""

import hashlib
import socket
import struct

import pytest

from labinside import attach, flows, outcomes, wait_offloaded
from labnet import wait_until
from labservers import pattern
from labtraffic import tcp_connect, udp_echo

LIBERAL = 'net.netfilter.nf_conntrack_tcp_be_liberal'
SERVER = '198.51.100.1'
TRANSFER = 100_000_000
COUNT = 100


def download(s, flush):
    """Fetch TRANSFER bytes with a flush in the middle; true when all are right."""
    want, got, n = hashlib.sha256(), hashlib.sha256(), 0
    s.sendall(f'SOURCE {TRANSFER} x\n'.encode())
    while n < TRANSFER and (data := s.recv(1 << 20)):
        got.update(data)
        if n < TRANSFER // 2 <= n + len(data):
            flush()
        n += len(data)
    for block in pattern('x', TRANSFER):
        want.update(block)
    return n == TRANSFER and got.digest() == want.digest()


def upload(s, flush):
    """Send TRANSFER bytes with a flush in the middle; true when the server got them."""
    digest, n = hashlib.sha256(), 0
    s.sendall(b'SINK\n')
    for block in pattern('x', TRANSFER):
        digest.update(block)
        s.sendall(block)
        if n < TRANSFER // 2 <= n + len(block):
            flush()
        n += len(block)
    s.shutdown(socket.SHUT_WR)
    answer = b''.join(iter(lambda: s.recv(4096), b''))
    return answer.decode().split() == [digest.hexdigest(), str(TRANSFER)]


def reset(s):
    """Make close() send RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def established(lab):
    """TCP entries of the CE's conntrack that are ESTABLISHED."""
    return lab.ce.run('conntrack -L -p tcp --state ESTABLISHED', check=False).stdout.splitlines()


def transfer(lab, i):
    """One transfer: up or down, ended by FIN or by RST, from either host."""
    host = (lab.h1, lab.h2)[i // 4 % 2]
    with tcp_connect(host, SERVER, timeout=30) as s:
        internal = '{}:{}'.format(*s.getsockname())

        def flush():
            said = lab.mape_json('flush')
            assert said['sessions'] >= 1
        assert (upload if i % 4 == 0 else download)(s, flush)
        if i % 2:
            reset(s)
    return internal


def test_transfers_with_flush(make_lab):
    lab = attach(make_lab(peer='bpf'))
    for i in range(COUNT):
        transfer(lab, i)
    counted = outcomes(lab)
    # Nearly all of it went beside the stack.
    assert counted['fast_out'] + counted['fast_in'] > 20 * (counted['kernel_out'] +
                                                            counted['kernel_in'])
    wait_until(lambda: not established(lab), 'conntrack to have no ESTABLISHED entry', 15)
    assert lab.counter('invalid') == 0 and lab.peer.refused() == {}


@pytest.mark.parametrize('way', ['server', 'client'])
def test_reset_of_an_offloaded_flow(make_lab, way):
    lab = attach(make_lab())
    with tcp_connect(lab.h1, SERVER) as s:
        internal = '{}:{}'.format(*s.getsockname())
        s.sendall(b'ECHO\n')

        def speak():
            s.sendall(b'x' * 1000)
            assert s.recv(1000)
        wait_offloaded(lab, 'tcp', internal, speak)
        for _ in range(20):
            speak()
        if way == 'client':
            reset(s)
        else:
            s.sendall(b'RESET')
            with pytest.raises(ConnectionResetError):
                while s.recv(1000):
                    pass
    wait_until(lambda: not established(lab), 'conntrack to have no ESTABLISHED entry', 15)
    assert lab.counter('invalid') == 0
    assert [f['state'] for f in flows(lab, 'tcp', internal)] == ['transitory']


def test_liberal_is_set_and_restored(make_lab):
    lab = make_lab()
    assert lab.ce.sysctl(LIBERAL) == '0'
    attach(lab)
    assert lab.ce.sysctl(LIBERAL) == '1'
    lab.mape('detach')
    assert lab.ce.sysctl(LIBERAL) == '0'


def test_liberal_changed_by_others_stays(make_lab):
    lab = make_lab()
    lab.ce.sysctl(LIBERAL, 1)
    attach(lab)
    lab.mape('detach')
    assert lab.ce.sysctl(LIBERAL) == '1'


def test_without_sysctl_tcp_is_not_offloaded(make_lab):
    lab = attach(make_lab(), '--no-sysctl')
    assert lab.ce.sysctl(LIBERAL) == '0'
    with tcp_connect(lab.h1, SERVER) as s:
        s.sendall(b'ECHO\n')
        for _ in range(20):
            s.sendall(b'x')
            assert s.recv(1) == b'x'
        assert not any(f['offloaded'] for f in flows(lab, 'tcp', '192.168.1.10'))
    assert outcomes(lab)['fast_out'] == 0
    assert udp_echo(lab.h1, SERVER, 20) == 20
    assert outcomes(lab)['fast_out'] > 0
    assert lab.counter('invalid') == 0
