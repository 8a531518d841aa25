#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tests/bench/bench.py [--quick] [--accept] [GROUP...]

Groups are cost, rate, sessions, memory, attach, bulk and guest; --quick has the first three.
Measures the named groups, by default all, and prints a table; results.json and results.svg go to
build/bench/. Each row is two things measured alternately in one run: ratios mean something on any
machine, absolute numbers only on yours. docs/PERFORMANCE.md explains method and rows.

--quick     two minutes: fewer rounds and rows, compared with accepted.json beside this file; fails
            when a ratio is more than 15 % worse than the accepted one
--accept    with --quick: write accepted.json anew
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from router import BUILD, FIREWALL, SNAT  # noqa: E402  (first: it knows where the lab is)
import bulk  # noqa: E402
import cost  # noqa: E402
import plot  # noqa: E402
import rates  # noqa: E402
import stock  # noqa: E402
from labnet import LabError  # noqa: E402
from rows import table  # noqa: E402

ACCEPTED = os.path.join(HERE, 'accepted.json')
WORSE = 0.15
GROUPS = {
    'cost': lambda tmp, cpu: cost.cost_rows(1000, 60, 'robin') +
    cost.cost_rows(1000000, 30, 'random'),
    'rate': lambda tmp, cpu: rates.rate_rows(tmp, cpu, 11, 200000),
    'sessions': lambda tmp, cpu: rates.session_rows(tmp, cpu, 9, 5000),
    'memory': lambda tmp, cpu: [cost.memory_row(1000000, 200000)],
    'attach': lambda tmp, cpu: [rates.attach_row(tmp, cpu, 5)],
    'bulk': lambda tmp, cpu: bulk.bulk_rows(4, 2),
    'guest': lambda tmp, cpu: stock.guest_rows(11, 5000),
}
QUICK = {
    'cost': lambda tmp, cpu: cost.cost_rows(1000, 40, 'robin'),
    'rate': lambda tmp, cpu: rates.rate_rows(tmp, cpu, 9, 200000),
    'sessions': lambda tmp, cpu: rates.session_rows(tmp, cpu, 5, 5000),
}


def measure(groups, names):
    """(rows of the named groups, names of the groups that could not be measured)."""
    tmp = tempfile.mkdtemp(prefix='mape-bench-')
    rows, failed = [], []
    try:
        for name in names:
            began = time.monotonic()
            try:
                rows += groups[name](tmp, os.cpu_count() - 1)
            except (LabError, subprocess.SubprocessError) as e:
                print(f'{name}: FAILED, {e}', file=sys.stderr)
                failed.append(name)
            print(f'{name}: {time.monotonic() - began:.0f} s', file=sys.stderr)
    finally:
        shutil.rmtree(tmp)
    return [row.result() for row in rows], failed


def key(result):
    """What a row is known by among the accepted ones."""
    return f'{result["row"]} / {result["what"]}'


def worse(results):
    """Lines about rows that fell behind what was accepted. The better quartile has to be behind: a
    busy machine spreads the rounds, but seldom moves all of them."""
    with open(ACCEPTED, encoding='utf-8') as f:
        accepted = json.load(f)
    lines = []
    for r in results:
        before = accepted.get(key(r))
        if not before or not r['ratio']:
            continue
        low, high = r['spread']
        change = before / low if r['at_most'] else high / before
        if r.get('invalid') or change < 1 - WORSE:
            lines.append(f'{key(r)}: {r["ratio"]:.2f}, accepted was {before:.2f}'
                         f'{"; " + r["invalid"] if r.get("invalid") else ""}')
    return lines


def write(results):
    """results.json and results.svg."""
    folder = os.path.join(BUILD, 'bench')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'results.json'), 'w', encoding='utf-8') as f:
        json.dump(results, f, indent=1)
    if any(r['ratio'] for r in results):
        with open(os.path.join(folder, 'results.svg'), 'w', encoding='utf-8') as f:
            f.write(plot.svg(results))


def main(arguments):
    quick, accept = '--quick' in arguments, '--accept' in arguments
    groups = QUICK if quick else GROUPS
    names = [a for a in arguments if not a.startswith('--')] or list(groups)
    if set(arguments) - {'--quick', '--accept'} - set(groups):
        print(__doc__, file=sys.stderr)
        return 2
    results, failed = measure(groups, names)
    if not results:
        return 1
    write(results)
    print(f'Linux {platform.release()}, {os.cpu_count()} processors, '
          f'load {os.getloadavg()[0]:.1f}; medians of alternate rounds\n')
    print('\n'.join(table(results)))
    print(f'\nRuleset of the SNAT rows:\n{SNAT}\n... with ruleset, on both sides:\n{FIREWALL}')
    if not quick or failed:
        return 1 if failed else 0
    if accept:
        with open(ACCEPTED, 'w', encoding='utf-8') as f:
            json.dump({key(r): r['ratio'] for r in results if r['ratio']}, f, indent=1)
            f.write('\n')
        return 0
    fallen = worse(results)
    print('\n'.join(['More than 15 % worse than accepted:'] + fallen if fallen else
                    ['No ratio is more than 15 % worse than accepted.']))
    return 1 if fallen else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
