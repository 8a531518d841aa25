# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Limits per LAN host (RFC 6888 REQ-4, REQ-5): who is at one is told, and nobody else notices."""

import time

import pytest

from labcrowd import ELSEWHERE, THERE, Crowd, let_all_end, refused, told_at_once
from labinside import drops
from labnet import LabError
from labstun import ENDS, TcpEnd, UdpEnd

PORTS, RATE = 10, 5


@pytest.fixture(name='home', params=['tc', 'xdp'])
def home_fixture(stun_lab, request):
    """A function that attaches with options."""
    return lambda *options: stun_lab(*map(str, options), hook=request.param)


def held(lab, proto):
    """{host: ports of a protocol that it holds} of `status`."""
    return {h['host']: h[proto] for h in lab.mape_json('status')['hosts']}


@pytest.mark.parametrize('proto', ENDS)
def test_ports(home, proto):
    lab = home('--host-ports', PORTS)
    with Crowd(lab, proto, ['h1']) as first, Crowd(lab, proto, ['h2']) as second:
        first.contact(PORTS)
        late = first.one()
        refused(lab, late, 'drop_out_host_ports')
        assert len(set(second.contact(PORTS))) == PORTS
        refused(lab, second.one(), 'drop_out_host_ports')
        assert held(lab, proto) == {'192.168.1.10': PORTS, '192.168.1.11': PORTS}
        # A port that one has serves any number of servers.
        for end in first.ends[:PORTS]:
            assert end.contact(ELSEWHERE) == end.contact(THERE)
        # Another protocol's ports are counted for themselves.
        other = 'udp' if proto != 'udp' else 'tcp'
        with Crowd(lab, other, ['h1']) as third:
            third.contact(PORTS)
            refused(lab, third.one(), 'drop_out_host_ports')
        first.talk()
        second.talk()


@pytest.mark.parametrize('proto', ENDS)
def test_ports_given_back(home, proto):
    lab = home('--host-ports', PORTS)
    for _ in range(2):
        with Crowd(lab, proto, ['h1']) as crowd:
            crowd.contact(PORTS)
            refused(lab, crowd.one(), 'drop_out_host_ports')
        let_all_end(lab)
        assert held(lab, proto) == {}


def in_one_second(function):
    """What function() returns when it began and ended in the same second of the clock."""
    for _ in range(5):
        # The instance's clock is a coarse one, up to 10 ms behind.
        time.sleep(1.02 - time.monotonic() % 1)
        second = int(time.monotonic())
        result = function()
        if int(time.monotonic()) == second:
            return result
    raise LabError('this machine is too slow to do it within a second')


def opened(crowd):
    """How many new ends get through until one is refused, with two more refused after it."""
    for n in range(4 * RATE):
        try:
            crowd.one().contact(THERE)
        except OSError:
            break
    for _ in range(2):
        with told_at_once():
            crowd.one().contact(THERE)
    return n


@pytest.mark.parametrize('cls', [UdpEnd, TcpEnd], ids=lambda cls: cls.proto)
def test_rate(home, cls):
    lab = home('--host-rate', RATE)
    with Crowd(lab, cls.proto, ['h1']) as first, Crowd(lab, cls.proto, ['h2']) as second:
        first.contact(1)
        second.contact(1)

        def both():
            return opened(first), len(second.contact(RATE - 1))
        assert in_one_second(both) == (RATE, RATE - 1)
        assert drops(lab).keys() == {'drop_out_host_rate'}
        event = lab.mape_json('events')['events'][-1]
        assert (event['host'], event['reason']) == \
            (f'{first.ends[-1].host}:{first.ends[-1].port}', 'drop_out_host_rate')
        # A second later the next five.
        assert in_one_second(lambda: opened(first)) == RATE
        first.talk()
        second.talk()
