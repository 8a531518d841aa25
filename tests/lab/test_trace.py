# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What attach and detach leave: nothing, whether they end, fail or are killed, and all that others
have put beside them."""

import json
import os
import random
import shutil

import pytest

from lab import BUILD, SERVERS
from labinside import outcomes, use
from labnet import run
from labpeers import BPFFS
from labsnapshot import Unchanged
from labtraffic import ping, udp_echo

SERVER = SERVERS[0]
NOT_ATTACHED = 3
STEPS = 100  # more than attach has


@pytest.mark.parametrize('hooks', ['tc tc', 'xdp xdp', 'xdp-generic xdp-generic'])
def test_detach_leaves_all_as_it_was(make_lab, hooks):
    wan, lan = hooks.split()
    lab = make_lab(lan='wire')
    lab.serve()
    with Unchanged(lab):
        lab.mape('attach', 'eth2', 'br-lan', '--wan-hook', wan, '--lan-hook', lan)
        use(lab)
        assert outcomes(lab)['fast_out'] > 0
        lab.mape('detach', 'eth2')


def test_replaced_by_others_stays(quick):
    """Detach removes what attach made, not what somebody has put in its place since."""
    quick.mape('attach', 'eth2', 'br-lan')
    quick.ce.ip('''link del mape0
        link add mape0 type veth peer name other''')
    said = quick.mape('detach')
    assert 'mape0' in said.stderr and 'other' in quick.ce.run('ip link').stdout


@pytest.mark.parametrize('hooks', ['tc tc', 'xdp xdp'])
def test_failure_at_every_step(make_lab, hooks):
    wan, lan = hooks.split()
    lab = make_lab(lan='wire', peer=None)
    lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
    clean = Unchanged(lab)
    for n in steps():
        said = with_fault(lab, n, 'attach', 'eth2', 'br-lan', '--wan-hook', wan, '--lan-hook', lan)
        if not said.returncode:
            break
        assert said.returncode == 1 and 'injected failure' in said.stderr
        clean.check()
    assert 10 < n < STEPS - 1
    lab.mape('detach')
    clean.check()


def steps():
    """Every step with MAPE_LONG=1; else every third one, beginning somewhere else each time."""
    stride = 1 if os.environ.get('MAPE_LONG') else 3
    first = random.randint(1, stride)
    print(f'steps {first}, {first + stride}, ...')
    return range(first, STEPS, stride)


def with_fault(lab, fault, *words):
    """mape-xdp, built with failure points, fails at the given one."""
    return lab.ce.run(['env', f'MAPE_FAULT={fault}', f'{BUILD}/tests/mape-xdp-faults',
                       *map(str, words)], check=False)


def test_kill_at_every_step_of_attach(quick):
    """The next command repairs, whichever it is: an attach works, a detach leaves nothing."""
    words = 'attach', 'eth2', 'br-lan'
    clean = Unchanged(quick)
    for i, n in enumerate(steps()):
        if not with_fault(quick, f'{n}:kill', *words).returncode:
            break
        if i % 2:
            quick.mape(*words)
            assert ping(quick.h1, SERVER) == 1
        assert quick.mape('detach', check=False).returncode in (0, NOT_ATTACHED)
        clean.check()
    assert 10 < n < STEPS - 1


def test_kill_at_every_step_of_detach(quick):
    words = 'attach', 'eth2', 'br-lan'
    clean = Unchanged(quick)
    for i, n in enumerate(steps()):
        quick.mape(*words)
        died = with_fault(quick, f'{n}:kill', 'detach').returncode
        if i % 2:
            quick.mape(*words)
            assert ping(quick.h1, SERVER) == 1
        said = quick.mape('detach', check=False)
        assert said.returncode in (0, NOT_ATTACHED)
        clean.check()
        if not died:
            break
    assert 5 < n < STEPS - 1


@pytest.mark.parametrize('words', [('status',), ('flush',), ('stats',), ('flows',), ('doctor',),
                                   ('attach', 'eth2', 'br-lan')], ids=lambda words: words[0])
def test_killed_command_disturbs_nobody(quick, words):
    quick.mape('attach', 'eth2', 'br-lan')
    use(quick)
    for delay in (0, 0.005, 0.02, 0.05):
        quick.ce.run(['timeout', '-s', 'KILL', str(delay or 0.001), quick.binary, *words],
                     check=False)
        assert udp_echo(quick.h1, SERVER, 5) == 5
    assert quick.mape_json('status')['warnings'] == []
    use(quick)
    quick.mape('detach')


# -- Others on the same devices --------------------------------------------------------------------

class Foreign:
    """Counting filters on the WAN's ingress (foreign.bpf.c); a context manager."""

    def __init__(self, lab):
        self.lab = lab
        self.pins = f'{BPFFS}/{lab.prefix}foreign'
        os.mkdir(self.pins)
        run(['bpftool', 'prog', 'loadall', f'{BUILD}/tests/foreign.bpf.o', self.pins,
             'type', 'classifier', 'pinmaps', self.pins])

    def add(self, program, prio):
        """Put one of the programs there."""
        self.lab.ce.run(f'tc filter add dev eth2 ingress prio {prio} '
                        f'bpf da object-pinned {self.pins}/{program}')

    def hits(self):
        """Packets that foreign_next and foreign_end have seen."""
        out = run(['bpftool', '-j', 'map', 'dump', 'pinned', f'{self.pins}/foreign_hits']).stdout
        return [entry['formatted']['value'] for entry in json.loads(out)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.pins)


def neighbour(lab):
    """Traffic on the WAN that is not the tunnel's."""
    lab.ce.run('ping -6 -c 1 -W 2 fe80::1%eth2')


@pytest.mark.parametrize('hook', ['tc', 'xdp'])
def test_foreign_filters_stay_and_work(quick, hook):
    """One before ours that goes on, one after ours that ends: each sees what it must."""
    with Foreign(quick) as foreign:
        quick.ce.run('tc qdisc add dev eth2 clsact')
        foreign.add('foreign_next', 100)
        foreign.add('foreign_end', 1000)
        with Unchanged(quick):
            quick.mape('attach', 'eth2', 'br-lan', '--wan-hook', hook)
            first, last = foreign.hits()
            use(quick)
            assert ping(quick.h1, SERVER, 50) == 50
            neighbour(quick)
            # Ours takes the tunnel's packets; the rest goes on to the next.
            now = foreign.hits()
            assert now[0] > first + 50 and 0 < now[1] - last < 20
            quick.mape('detach')
        now = foreign.hits()
        neighbour(quick)
        assert all(b > a for a, b in zip(now, foreign.hits()))


def test_filter_added_later_keeps_its_clsact(quick):
    with Foreign(quick) as foreign:
        quick.mape('attach', 'eth2', 'br-lan')
        foreign.add('foreign_end', 1000)
        assert 'clsact' in quick.mape('detach').stderr
        now = foreign.hits()
        neighbour(quick)
        assert foreign.hits()[1] > now[1]
