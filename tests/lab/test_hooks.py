# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every hook in XDP and in TC: bulk both ways unharmed and without a stall, on the fast path."""

import json
import threading

import pytest

from labinside import (FAST_PATH, KERNEL_PATH, attach, changed, drops, is_offloaded, outcomes,
                       wait_offloaded)
from labtraffic import tcp_connect, tcp_download, tcp_upload, udp_echo

HOOKS = 'tc', 'xdp', 'xdp-generic'
MODE = {'tc': ('tc', 'clsact'), 'xdp': ('xdp', 'native'), 'xdp-generic': ('xdp', 'generic')}
TRANSFER = 20_000_000
SERVER = '198.51.100.1'


@pytest.fixture(params=[f'{wan} {lan}' for wan in HOOKS for lan in HOOKS])
def line(request, make_lab):
    """An attached CE with each hook on the WAN and each on the LAN; gives the lab."""
    wan, lan = request.param.split()
    # XDP loses the fact that a checksum is only half done: such hooks are for wires.
    lab = make_lab(peer='bpf', wan='offload' if wan == 'tc' else 'wire',
                   lan='offload' if lan == 'tc' else 'wire')
    attach(lab, '--wan-hook', wan, '--lan-hook', lan)
    lab.hooks = wan, lan
    yield lab
    assert lab.peer.refused() == {} and lab.counter('invalid') == 0


def echo_all(s, data):
    """Send data to an ECHO server and read it back at the same time."""
    sender = threading.Thread(target=s.sendall, args=(data,))
    sender.start()
    back = b''
    while len(back) < len(data) and (block := s.recv(1 << 18)):
        back += block
    sender.join()
    return back


def iperf3(lab, *options):
    """Rates of the intervals of one stream, in bit/s."""
    server = lab.srv.start('iperf3 -s -1 --forceflush', ready='listening')
    out = lab.h1.run(['iperf3', '-c', SERVER, '-t', '2', '-i', '0.5', '-J', *options],
                     timeout=20).stdout
    server.wait(10)
    return [i['sum']['bits_per_second'] for i in json.loads(out)['intervals']]


def check_fast_path(line):
    """After its first packets a flow passes the stack no more."""
    with tcp_connect(line.h1, SERVER) as s:
        s.sendall(b'ECHO\n')
        internal = '{}:{}'.format(*s.getsockname())
        wait_offloaded(line, 'tcp', internal, lambda: echo_all(s, b'warm'))
        before, links = outcomes(line), line.ce.link_stats('mape0')
        data = bytes(range(256)) * 4096
        for _ in range(4):
            assert echo_all(s, data) == data
        delta, now = changed(before, outcomes(line)), line.ce.link_stats('mape0')
        assert is_offloaded(line, 'tcp', internal)
    assert all(delta[way] > 1000 for way in FAST_PATH), delta
    # At most the one packet of a revalidation.
    assert all(delta.get(way, 0) <= 1 for way in KERNEL_PATH), delta
    assert all(now[d]['packets'] - links[d]['packets'] <= 1 for d in ('rx', 'tx'))


def test_bulk(line):
    status = line.mape_json('status')
    assert [(h['hook'], h['mode']) for h in (status['wan_hook'], *status['lan'])] == \
        [MODE[hook] for hook in line.hooks]
    check_fast_path(line)
    assert tcp_upload(line.h1, SERVER, TRANSFER).ok
    assert tcp_download(line.h2, SERVER, TRANSFER).ok
    assert udp_echo(line.h2, SERVER, 20) == 20
    for options in ((), ('-R',)):
        rates = iperf3(line, *options)
        assert len(rates) >= 4 and min(rates) > 10e6, rates
    assert drops(line) == {}


def test_ipv6_forwarding_is_not_needed(make_lab):
    lab = make_lab(lan='wire')
    assert lab.ce.sysctl('net.ipv6.conf.all.forwarding') == '0'
    attach(lab, '--wan-hook', 'xdp', '--lan-hook', 'xdp')
    assert udp_echo(lab.h1, SERVER, 20) == 20
    assert outcomes(lab)['fast_out'] > 10
