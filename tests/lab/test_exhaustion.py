# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What happens when ports run out, and that all of them come back."""

import contextlib

import pytest

from labcrowd import ELSEWHERE, THERE, Crowd, let_all_end, refused
from labinside import flows, move_time, outcomes, sweep
from labnet import wait_until
from lablines import SMALL, V6PLUS
from labstun import ENDS, PLACES, IcmpEnd, TcpEnd, UdpEnd

# Idle seconds until a session of which no more is heard has ended: RFC 4787 REQ-5, RFC 7857
# section 2.1, RFC 5508 REQ-2.
ENDED_AFTER = {'udp': 300, 'tcp': 240, 'icmp': 60}
REST = 120  # RFC 6888 REQ-8


@pytest.fixture(name='home')
def home_fixture(stun_lab):
    """A function that attaches a line in a mode."""
    def make(line, mode='address', hook='tc'):
        return stun_lab('--filtering', mode, hook=hook, line=line)
    return make


def counts(lab, proto):
    """`status`: the ports of a protocol by use."""
    return lab.mape_json('status')['ports'][proto]


def let_time_pass(crowd, end_after):
    """The others keep talking while one ends."""
    for _ in range(2):
        move_time(crowd.lab, end_after * 2 / 3)
        crowd.talk()
    sweep(crowd.lab)


@pytest.mark.parametrize('proto', ENDS)
@pytest.mark.parametrize('line, hook, mode', [
    (SMALL, 'tc', 'address'), (SMALL, 'xdp', 'address'), (SMALL, 'tc', 'address-port'),
    (V6PLUS, 'tc', 'address')], ids=lambda value: getattr(value, 'name', value))
def test_one_destination(home, line, hook, mode, proto):
    """As many sessions as there are ports; one more when one has ended."""
    lab = home(line, mode, hook)
    unused = counts(lab, proto)
    assert unused['free'] == unused['total'] == len(line.ports)
    with Crowd(lab, proto) as crowd:
        assert sorted(crowd.contact(len(line.ports))) == sorted(line.ports)
        event = refused(lab, late := crowd.one())
        assert refused(lab, late)['number'] == event['number'] + 1
        crowd.talk()
        assert counts(lab, proto) == {**unused, 'free': 0, 'used': unused['total']}

        gone = crowd.ends[7]
        external = gone.contact(THERE)
        crowd.leave(gone)
        if proto == 'tcp':
            wait_until(lambda: flows(lab, 'tcp', f'{gone.host}:{gone.port}')[0]['state'] ==
                       'fin', 'the end of a connection')
        refused(lab, late)
        crowd.talk()
        let_time_pass(crowd, ENDED_AFTER[proto])
        assert counts(lab, proto)['used'] == unused['total'] - 1
        assert late.contact(THERE) == external
        refused(lab, crowd.one())
        crowd.talk()
    let_all_end(lab)
    assert counts(lab, proto) == unused
    assert lab.mape_json('status')['hosts'] == []


@pytest.mark.parametrize('mode', ['address', 'address-port'])
@pytest.mark.parametrize('proto', ENDS)
def test_ports_serve_several_destinations(home, proto, mode):
    """RFC 7857 section 3: again as many sessions with another server, and not one more."""
    lab = home(SMALL, mode)
    total = len(SMALL.ports)
    with Crowd(lab, proto) as crowd:
        for place in (THERE, ELSEWHERE):
            assert sorted(crowd.contact(total, place)) == sorted(SMALL.ports)
            refused(lab, crowd.one(), place=place)
        assert outcomes(lab)['overlapped'] == counts(lab, proto)['overlapped'] == total
        crowd.talk()
    let_all_end(lab)
    assert counts(lab, proto)['free'] == total


@pytest.mark.parametrize('cls', [UdpEnd, TcpEnd], ids=lambda cls: cls.proto)
def test_open_ports_are_never_shared(home, cls):
    """Where anybody may send to a mapped port its end has it for itself, for any number of
    servers."""
    lab = home(SMALL, 'endpoint')
    with Crowd(lab, cls.proto) as crowd:
        crowd.contact(len(SMALL.ports))
        late = crowd.one()
        for place in PLACES:
            refused(lab, late, place=place)
        for end in crowd.ends[:-1]:
            assert end.contact(ELSEWHERE) == end.contact(THERE)
        assert outcomes(lab)['overlapped'] == 0


def test_protocols_do_not_share_their_ports(home):
    """RFC 7857 section 5: each has the whole set."""
    lab = home(SMALL)
    with contextlib.ExitStack() as stack:
        crowds = [stack.enter_context(Crowd(lab, proto)) for proto in ENDS]
        for crowd in crowds:
            assert sorted(crowd.contact(len(SMALL.ports))) == sorted(SMALL.ports)
        for crowd in crowds:
            refused(lab, crowd.one())
            crowd.talk()


@pytest.mark.parametrize('cls', [UdpEnd, IcmpEnd], ids=lambda cls: cls.proto)
def test_rest(home, cls):
    """RFC 6888 REQ-8: where anybody may send to a mapped port it serves nobody else for two
    minutes, and then the next. Half of the ports are given back a minute after the others."""
    lab = home(V6PLUS, 'endpoint')
    proto, idle, half = cls.proto, ENDED_AFTER[cls.proto], len(V6PLUS.ports) // 2
    unused = counts(lab, proto)

    def passes(seconds):
        """Later: the ports by use, if not zero."""
        move_time(lab, seconds)
        sweep(lab)
        return {use: n for use, n in counts(lab, proto).items() if n and use != 'total'}
    with Crowd(lab, proto) as crowd:
        early = crowd.contact(half)
        stay = Crowd(lab, proto)
        later = stay.contact(half)
        passes(idle * 2 / 3)
        stay.talk()
        assert passes(idle * 2 / 3) == {'resting': half, 'used': half}
        refused(lab, late := crowd.one())
        assert passes(idle / 3 + 1) == {'resting': 2 * half}
        refused(lab, late)
        assert passes(REST - idle / 3) == {'free': half, 'resting': half}
        assert sorted(crowd.contact(half)) == sorted(early)
        refused(lab, late)
        assert passes(idle / 3 + 1) == {'free': half, 'used': half}
        assert sorted(crowd.contact(half)) == sorted(later)
        refused(lab, late)
