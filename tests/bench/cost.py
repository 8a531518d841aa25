# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Program cost and memory: what build/tests/cost and build/tests/memory measure."""

import json
import os
import statistics
import subprocess

from router import BUILD
from rows import Row


def program(name, *words):
    """Runs a program of the bench, which prints one JSON object."""
    return json.loads(subprocess.run([os.path.join(BUILD, 'tests', name), *map(str, words)],
                                     check=True, stdout=subprocess.PIPE, text=True).stdout)


def net(samples, name, way):
    """The cost of an XDP program by itself: the run behind the rewriter, less the rewriter in front
    of an empty program, plus the empty program alone."""
    empty = statistics.median(samples['xdp_empty'])
    return [a - b + empty for a, b in zip(samples[name], samples[f'xdp_{way}_rewriter'])]


def cost_rows(sessions, rounds, order):
    """Rows of one number of sessions."""
    samples = program('cost', sessions, rounds, order)['samples']
    what = f'{sessions:,} sessions, {"round robin" if order == "robin" else "at random"}'
    rows = []
    for way, label in (('out', 'LAN to WAN'), ('in', 'WAN to LAN')):
        ours = net(samples, f'xdp_{way}', way)
        rows.append(Row(f'XDP cost, {label}, {what}', 'ns', ours,
                        net(samples, f'xdp_{way}_lookup', way), 'one hash lookup',
                        bar=2.5, at_most=True))
        if way == 'out':
            rows.append(Row(f'XDP cost, {label}, {what}', 'ns', ours,
                            net(samples, 'xdp_out_fib', way), 'FIB lookup + redirect'))
        rows.append(Row(f'XDP cost, {label}, {what}', 'ns', ours,
                        [statistics.median(samples['xdp_empty'])] * len(ours), 'empty program'))
        rows.append(Row(f'TC cost, {label}, {what}', 'ns', samples[f'tc_{way}'],
                        samples[f'tc_{way}_room'], 'one hash lookup + adjust_room'))
    return rows


def memory_row(sessions, endpoints):
    """How many sessions fit in 1 GiB."""
    got = program('memory', sessions, endpoints)
    accounted, total = sum(got['maps'].values()), max(got['bytes'], 1)
    parts = ', '.join(f'{name} {size / sessions:.0f}' for name, size in got['maps'].items())
    return Row(f'sessions in 1 GiB, {endpoints:,} endpoints', 'M',
               [sessions * 2 ** 30 / total / 1e6], [1.0], f'a million; {total / sessions:.0f} bytes a session: {parts}', bar=4.0,
               valid='' if total >= accounted else 'other processes gave memory back meanwhile')
