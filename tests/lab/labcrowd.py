# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Many ends at once, and how those that get no port hear of it."""

import contextlib
import errno

from labinside import changed, move_time, outcomes, sweep
from labnet import wait_until
from labstun import ENDS, PLACES

THERE, ELSEWHERE = PLACES[0], PLACES[5]
ALL_ENDED = 7440 + 240  # seconds: an established TCP connection lives longest (RFC 5382 REQ-5)


class Crowd:
    """Ends of one protocol, from these hosts in turn; a context manager."""

    def __init__(self, lab, proto, roles=('h1', 'h2')):
        self.lab = lab
        self.roles = roles
        self.cls = ENDS[proto]
        self.ends = []

    def one(self):
        """A new end that has spoken to nobody."""
        end = self.cls(self.lab.servers, self.roles[len(self.ends) % len(self.roles)])
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


@contextlib.contextmanager
def told_at_once():
    """A contact inside is refused with what ICMP 3/13 means to a socket (RFC 5508 REQ-8)."""
    try:
        yield
    except OSError as e:
        assert e.errno == errno.EHOSTUNREACH, e
    else:
        raise AssertionError('nobody was refused')


def refused(lab, end, reason='drop_out_no_port', place=THERE):
    """The end is told at once, `stats` counts that one packet, and the newest of `events`, which is
    returned, says who and why."""
    before = outcomes(lab)
    with told_at_once():
        end.contact(place)
    after = changed(before, outcomes(lab))
    assert {name: n for name, n in after.items() if name.startswith('drop')} == {reason: 1}
    event = lab.mape_json('events')['events'][-1]
    remote = '{}:{}'.format(place[0], 0 if end.proto == 'icmp' else place[1])
    assert [event[key] for key in ('proto', 'host', 'remote', 'reason')] == \
        [end.proto, f'{end.host}:{end.port}', remote, reason]
    return event


def let_all_end(lab):
    """Time passes until every session is over. More than once: the last FIN may be on its way."""
    def ended():
        move_time(lab, ALL_ENDED)
        sweep(lab)
        return lab.mape_json('flows') == []
    wait_until(ended, 'all sessions to end')
