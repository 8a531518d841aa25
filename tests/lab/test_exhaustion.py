# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What happens when ports run out, and that all of them come back."""

import contextlib

import pytest

from labinside import audit_is_right, changed, flows, move_time, outcomes, sweep
from labnet import wait_until
from lablines import SMALL, V6PLUS
from labstun import ENDS, PLACES, Servers, TcpEnd, UdpEnd, told_at_once

THERE, ELSEWHERE = PLACES[0], PLACES[5]
HOSTS = 'h1', 'h2'
# Idle seconds until a session of which no more is heard has ended (RFC 4787 REQ-5, RFC 7857
# section 2.1, RFC 5508 REQ-2); the longest of all is that of an established TCP connection.
ENDED_AFTER = {'udp': 300, 'tcp': 240, 'icmp': 60}
ALL_ENDED = 7440 + 240


@pytest.fixture(name='home')
def home_fixture(make_lab):
    """A function that attaches a line in a mode: the lab, with .servers."""
    labs = []

    def make(line, mode='address', hook='tc'):
        lab = make_lab(line=line, lan='wire' if hook == 'xdp' else 'offload')
        lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
        lab.mape('attach', 'eth2', 'br-lan', '--filtering', mode, '--wan-hook', hook,
                 '--lan-hook', hook, '--rule', line.rule_option, '--iid', line.iid)
        lab.servers = Servers(lab)
        labs.append(lab)
        return lab
    yield make
    for lab in labs:
        lab.servers.close()
        assert lab.peer.refused() == {} and audit_is_right(lab)
        assert lab.counter('invalid') == lab.counter('refused') == 0


class Crowd:
    """Ends of one protocol, from both hosts in turn; a context manager."""

    def __init__(self, lab, proto):
        self.lab = lab
        self.cls = ENDS[proto]
        self.ends = []

    def one(self):
        """A new end that has spoken to nobody."""
        end = self.cls(self.lab.servers, HOSTS[len(self.ends) % 2])
        self.ends.append(end)
        return end

    def contact(self, n, place=THERE):
        """n new ends speak to a server; their external ports as it saw them."""
        seen = [self.one().contact(place) for _ in range(n)]
        assert {address for address, _ in seen} == {self.lab.line.ipv4}
        return [port for _, port in seen]

    def talk(self):
        """Everybody speaks as before."""
        for end in self.ends:
            end.talk()

    def leave(self, end):
        """One of them ends."""
        self.ends.remove(end)
        end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in self.ends:
            end.close()


def counts(lab, proto):
    """`status`: the ports of a protocol by use."""
    return lab.mape_json('status')['ports'][proto]


def refused_once(lab, end, place=THERE):
    """The end is told at once that there is no port, and `stats` counts that one packet."""
    before = outcomes(lab)
    with told_at_once():
        end.contact(place)
    after = changed(before, outcomes(lab))
    assert {name: n for name, n in after.items() if name.startswith('drop')} == \
        {'drop_out_no_port': 1}


def let_time_pass(crowd, end_after):
    """The others keep talking while one ends."""
    for _ in range(2):
        move_time(crowd.lab, end_after * 2 / 3)
        crowd.talk()
    sweep(crowd.lab)


def let_all_end(lab):
    """Time passes until every session is over. More than once: the last FIN may be on its way."""
    def ended():
        move_time(lab, ALL_ENDED)
        sweep(lab)
        return lab.mape_json('flows') == []
    wait_until(ended, 'all sessions to end')


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
        refused_once(lab, late := crowd.one())
        refused_once(lab, late)
        crowd.talk()
        assert counts(lab, proto) == {**unused, 'free': 0, 'used': unused['total']}

        gone = crowd.ends[7]
        external = gone.contact(THERE)
        crowd.leave(gone)
        if proto == 'tcp':
            wait_until(lambda: flows(lab, 'tcp', f'{gone.host}:{gone.port}')[0]['state'] ==
                       'fin', 'the end of a connection')
        refused_once(lab, late)
        crowd.talk()
        let_time_pass(crowd, ENDED_AFTER[proto])
        assert counts(lab, proto)['used'] == unused['total'] - 1
        assert late.contact(THERE) == external
        refused_once(lab, crowd.one())
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
            refused_once(lab, crowd.one(), place)
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
            refused_once(lab, late, place)
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
            refused_once(lab, crowd.one())
            crowd.talk()
