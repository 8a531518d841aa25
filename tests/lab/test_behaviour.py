# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""NAT behaviour as STUN servers find it (RFC 5780): mapping, filtering and hairpinning, seen from
three addresses with two ports each, through a firewall that admits only what is marked."""

import contextlib

import pytest

from lab import FIREWALL
from labcrowd import Crowd, refused
from labinside import drops, flows, outcomes
from lablines import OCN, SMALL
from labstun import ADDRESSES, ENDS, PLACES, TcpEnd, UdpEnd, admitted, exchange

MODES = 'address', 'endpoint', 'address-port'
HOOKS = 'tc', 'xdp'
FIRST, SECOND = PLACES[0], PLACES[3]
SPOKEN = 5  # rounds of talk, enough for the fast path

# include/mape/config.h, enum mape_mark, in the default mask. Others have no say.
MARKS = '''
        iifname "mape0" meta mark & 0x00ff0000 == 0x00010000 counter name filter accept
        iifname "mape0" meta mark & 0x00ff0000 == 0x00020000 counter name hairpin accept
        counter name refused'''
ADMITTING = FIREWALL.replace('counter refused { }',
                             'counter refused { }\n    counter filter { }\n    counter hairpin { }')
ADMITTING = ADMITTING.replace('\n        counter name refused', MARKS, 1)


@pytest.fixture(name='home')
def home_fixture(stun_lab):
    """A function that attaches in a mode."""
    def make(mode, hook='tc', line=OCN):
        return stun_lab('--filtering', mode, hook=hook, line=line, firewall=ADMITTING)
    return make


def same_everywhere(end):
    """The one external address and port under which every server sees this end."""
    seen = {end.contact(place) for place in PLACES}
    assert len(seen) == 1
    address, port = seen.pop()
    assert address == end.lab.line.ipv4 and port in end.lab.line.ports
    return address, port


def check_filter(end, mode, contacted):
    """Each of the six places gets in or not, as the mode says; the servers contacted go on."""
    for place in PLACES:
        assert end.admits(place) == admitted(mode, place, contacted), place
    end.talk()


@pytest.mark.parametrize('hook', HOOKS)
@pytest.mark.parametrize('mode', MODES)
def test_mapping_is_endpoint_independent(home, mode, hook):
    lab = home(mode, hook)
    for proto, cls in ENDS.items():
        before = outcomes(lab)['fast_out']
        with contextlib.ExitStack() as stack:
            ends = [stack.enter_context(cls(lab.servers, role, port))
                    for role in ('h1', 'h2') for port in (4000, 4001)]
            seen = [same_everywhere(end) for end in ends]
            for _ in range(SPOKEN):
                for end, external in zip(ends, seen):
                    end.talk()
                    assert same_everywhere(end) == external
        assert len(set(seen)) == len(ends), proto
        assert outcomes(lab)['fast_out'] > before
    assert drops(lab) == {}


@pytest.mark.parametrize('hook', HOOKS)
@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('cls', [UdpEnd, TcpEnd], ids=lambda cls: cls.proto)
def test_filtering(home, cls, mode, hook):
    lab = home(mode, hook)
    with cls(lab.servers, 'h1') as end, cls(lab.servers, 'h2', end.port) as other:
        for place in PLACES:  # what another host does opens nothing
            other.contact(place)
        contacted = [FIRST]
        end.contact(FIRST)
        check_filter(end, mode, contacted)
        contacted.append(SECOND)
        end.contact(SECOND)
        check_filter(end, mode, contacted)
        # Nobody in the LAN asked: the firewall was told so by the mark, and by no other.
        assert (lab.counter('filter') > 0) == (mode != 'address-port')
        assert lab.counter('hairpin') == 0


@pytest.mark.parametrize('mode', MODES)
def test_filtering_of_queries(home, mode):
    """No filter mode lets in a reply from somebody who was not asked."""
    lab = home(mode)
    with ENDS['icmp'](lab.servers, 'h1') as end:
        end.contact(FIRST)
        for address in ADDRESSES[1:]:
            assert not end.admits((address, 0))
        end.talk()


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('cls', [UdpEnd, TcpEnd], ids=lambda cls: cls.proto)
def test_reload_changes_nothing(home, cls, mode):
    lab = home(mode)
    with cls(lab.servers, 'h1') as end:
        external = end.contact(FIRST)
        end.contact(SECOND)
        for _ in range(3):
            lab.mape(*lab.words)
            end.talk()
            check_filter(end, mode, [FIRST, SECOND])
            assert end.contact(FIRST) == external
        assert same_everywhere(end) == external


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('cls', [UdpEnd, TcpEnd], ids=lambda cls: cls.proto)
def test_exhaustion_changes_nothing(home, cls, mode):
    """The neighbour takes every other port, and asks for more."""
    lab = home(mode, line=SMALL)
    with cls(lab.servers, 'h1') as end, Crowd(lab, cls.proto, ['h2']) as others:
        external = end.contact(FIRST)
        others.contact(len(SMALL.ports) - 1)
        refused(lab, late := others.one())
        check_filter(end, mode, [FIRST])
        end.contact(SECOND)
        check_filter(end, mode, [FIRST, SECOND])
        assert same_everywhere(end) == external
        refused(lab, late)
        others.talk()


# -- Hairpinning -----------------------------------------------------------------------------------

def try_hairpin(sender, external):
    """How far a datagram came: 'hairpin' or 'drop_in_no_session'."""
    before = outcomes(sender.lab)
    sender.send(external)
    after = outcomes(sender.lab)
    way, = [name for name in ('hairpin', 'drop_in_no_session') if after[name] > before[name]]
    return way


@pytest.mark.parametrize('hook', HOOKS)
@pytest.mark.parametrize('mode', MODES)
def test_hairpin_udp(home, mode, hook):
    """RFC 4787 REQ-9. The receiver's filter counts as for anybody else."""
    lab = home(mode, hook)
    for caller in ('h2', 'h1'):  # the other host of the bridge, and the same host
        hairpin_udp(lab, mode, caller)


def hairpin_udp(lab, mode, caller):
    """a and b speak to each other by their external addresses, then c to a."""
    with UdpEnd(lab.servers, 'h1') as a, UdpEnd(lab.servers, caller) as b, \
            UdpEnd(lab.servers, 'h2') as c:
        to_a, to_b, to_c = (end.contact(FIRST) for end in (a, b, c))
        assert try_hairpin(b, to_a) == ('hairpin' if mode == 'endpoint' else 'drop_in_no_session')
        if mode == 'endpoint':
            assert a.receive()[1] == to_b
        for _ in range(SPOKEN):
            for sender, receiver, target, source in ((a, b, to_b, to_a), (b, a, to_a, to_b)):
                sent = sender.send(target)
                assert receiver.receive() == (sent, source)
        # A third one comes from an address that was contacted, but from another port.
        assert try_hairpin(c, to_a) == \
            ('drop_in_no_session' if mode == 'address-port' else 'hairpin')
        if mode != 'address-port':
            assert a.receive()[1] == to_c
        # Who has asked for it himself needs no mark.
        assert (lab.counter('hairpin') > 0) == (mode != 'address-port')
        assert lab.counter('filter') == 0
        for end in (a, b, c):
            end.talk()


@pytest.mark.parametrize('hook', HOOKS)
@pytest.mark.parametrize('mode', MODES)
def test_hairpin_tcp(home, mode, hook):
    """RFC 5382 REQ-8: to a listener, or where the filter wants it by simultaneous open."""
    lab = home(mode, hook)
    for caller in ('h2', 'h1'):
        hairpin_tcp(lab, mode, caller)


def hairpin_tcp(lab, mode, caller):
    """a connects to b's external address."""
    with TcpEnd(lab.servers, 'h1') as a, TcpEnd(lab.servers, caller) as b:
        to_a, to_b = a.contact(FIRST), b.contact(FIRST)
        if mode == 'endpoint':
            here, there = listened_hairpin(a, b, to_b)
        else:
            here, there = punched_hairpin(a, b, to_a, to_b)
        with here, there:
            assert here.getpeername() == to_b and there.getpeername() == to_a
            for _ in range(SPOKEN):
                exchange(here, there)
            # Who has asked for it himself needs no mark.
            assert (lab.counter('hairpin') > 0) == (mode == 'endpoint')
            assert lab.counter('filter') == 0
            assert not any(f['offloaded'] for f in flows(lab, 'tcp', f'{a.host}:{a.port}')
                           if f['remote'].startswith(lab.line.ipv4))
        a.talk()
        b.talk()


def listened_hairpin(a, b, to_b):
    """a connects to b's external address, where b listens."""
    listener = b.listen()
    s = a.connect(to_b)
    accepted, _ = listener.accept()
    accepted.settimeout(5)
    return s, accepted


def punched_hairpin(a, b, to_a, to_b):
    """b's SYN is refused, but a's then finds somebody who has asked for it."""
    there = b.socket()
    before = outcomes(a.lab)['drop_in_no_session']
    there.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        there.connect(to_a)
    assert outcomes(a.lab)['drop_in_no_session'] == before + 1
    here = a.connect(to_b)
    there.settimeout(5)
    return here, there


@pytest.mark.parametrize('hook', HOOKS)
@pytest.mark.parametrize('mode', MODES)
def test_hairpinned_error(home, mode, hook):
    """RFC 5508 REQ-7: b's socket is gone, and a hears of it, by b's external address."""
    lab = home(mode, hook)
    with UdpEnd(lab.servers, 'h1') as a, UdpEnd(lab.servers, 'h2') as b:
        to_a, to_b = a.contact(FIRST), b.contact(FIRST)
        b.send(to_a)  # so that the filter lets a in
        if mode == 'endpoint':
            a.receive()
        a.send(to_b)
        assert b.receive()[1] == to_a
        b.close()
        a.send(to_b)
        with pytest.raises(ConnectionRefusedError):
            a.receive()
        assert a.icmp_error() == (to_b, lab.line.ipv4, 3, 3)


@pytest.mark.parametrize('hook', HOOKS)
def test_hairpinned_reset(home, hook):
    lab = home('endpoint', hook)
    with TcpEnd(lab.servers, 'h1') as a, TcpEnd(lab.servers, 'h2') as b:
        a.contact(FIRST)
        to_b = b.contact(FIRST)
        with pytest.raises(ConnectionRefusedError):
            a.connect(to_b)
        a.talk()
        b.talk()
