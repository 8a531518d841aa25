# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packet rate, new sessions per second and attach time, between the generators of router.py."""

import contextlib
import time

from router import (FIREWALL, LAN, WAN, Floor, MapeTc, MapeXdp, Router, Snat, SnatFiltered,
                    mape)
from rows import Row

DIRECTION = {LAN: 'LAN to WAN', WAN: 'WAN to LAN'}
FAST_SHARE = 0.98  # of the packets; the rest revalidates their sessions in the stack


@contextlib.contextmanager
def standing(*setups):
    """Routers of these (class, arguments), all at once; they end with the block."""
    with contextlib.ExitStack() as stack:
        routers = []
        for make, arguments in setups:
            routers.append(make(**arguments))
            stack.callback(routers[-1].close)
        yield routers


def per_second(shot):
    """Packets per second that arrived."""
    return shot['arrived'] * 1e9 / shot['ns']


def lost(shot):
    """Why a shot does not count, if it does not: routers that drop are fast."""
    return f'{shot["sent"] - shot["arrived"]} of {shot["sent"]} packets did not arrive' \
        if shot['arrived'] < shot['sent'] else ''


def outcome(router, key):
    """A counter of a mape-xdp router."""
    return router.json('stats')['outcomes'][key]['packets']


def rate_rows(tmp, cpu, rounds, packets):
    """Every set-up in every round, one after the other, both directions."""
    classes = (MapeXdp, MapeTc, Floor, Router, Snat)
    rates = {(c, side): [] for c in classes for side in DIRECTION}
    invalid = {}
    with standing(*((c, {'tmp': tmp, 'cpu': cpu}) for c in classes)) as routers:
        before = {r: {way: outcome(r, way) for way in ('fast_out', 'fast_in')}
                  for r in routers if r.tunnel}
        for _ in range(rounds):
            for side in DIRECTION:
                for router in routers:
                    shot = router.fire(side, packets)
                    rates[type(router), side].append(per_second(shot))
                    if lost(shot):
                        invalid[type(router), side] = lost(shot)
        for router, counters in before.items():
            for side, way in ((LAN, 'fast_out'), (WAN, 'fast_in')):
                share = (outcome(router, way) - counters[way]) / (rounds * packets)
                if share < FAST_SHARE:
                    invalid[type(router), side] = f'only {share:.0%} took the fast path'
    bars = {(MapeXdp, Floor): 0.9, (MapeXdp, Snat): 3.0, (MapeTc, Snat): 1.5}
    return [Row(f'{ours.name.split()[1]} packet rate, {DIRECTION[side]}', 'k/s',
                [r / 1e3 for r in rates[ours, side]], [r / 1e3 for r in rates[other, side]],
                other.name, bar=bars.get((ours, other)),
                valid=invalid.get((ours, side)) or invalid.get((other, side)) or '')
            for ours in (MapeXdp, MapeTc) for side in DIRECTION
            for other in (Floor, Router, Snat)]


class FullAddress(MapeTc):
    """A line whose address is not shared: as many ports as SNAT has."""
    name = 'mape-xdp, 65,535 ports'
    learn = False
    hook = 'tc'
    rule = ('--prefix', '2001:db8:12::/48', '--br', '2001:db8:ffff::1', '--rule',
            'ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=8,offset=0')


class SharedAddress(MapeTc):
    """1008 ports, which many endpoints share."""
    name = 'mape-xdp, 1,008 ports'
    learn = False


class FullAddressFiltered(FullAddress):
    """... behind the same stateful ruleset as its comparison."""
    name = 'mape-xdp, 65,535 ports, ruleset'
    rules = FIREWALL


def new_flow(i):
    """Flows of which each has an endpoint of its own; thousands of remotes."""
    return (f'10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}', 20000 + i % 40000,
            f'198.18.{i // 256 % 256}.{i % 251}', 443)


def session_rows(tmp, cpu, rounds, sessions):
    """New sessions per second: the first packet of each flow, LAN to WAN."""
    classes = (FullAddress, SharedAddress, Snat, FullAddressFiltered, SnatFiltered)
    rates = {c: [] for c in classes}
    invalid = {}
    total = (rounds + 1) * sessions
    with standing(*((c, {'tmp': tmp, 'cpu': cpu, 'flows': total}) for c in classes)) as routers:
        for router in routers:
            router.write_flows(0, [new_flow(i) for i in range(total)])
        for n in range(rounds + 1):
            for router in routers:
                router.ask(f'range lan {n * sessions} {sessions}')
                shot = router.fire(LAN, sessions)
                if not n:
                    continue  # the first one also resolves and allocates
                rates[type(router)].append(per_second(shot))
                if lost(shot):
                    invalid[type(router)] = lost(shot)
    pairs = ((FullAddress, Snat, 1.5), (SharedAddress, Snat, None),
             (FullAddressFiltered, SnatFiltered, 0.7))
    return [Row(f'new sessions, {ours.name.partition(", ")[2]}', 'k/s',
                [r / 1e3 for r in rates[ours]], [r / 1e3 for r in rates[other]], other.name,
                bar=bar, valid=invalid.get(ours) or invalid.get(other) or '')
            for ours, other, bar in pairs]


def attach_row(tmp, cpu, rounds):
    """Time to attach, XDP on both hooks."""
    times = []
    with standing((MapeXdp, {'tmp': tmp, 'cpu': cpu, 'flows': 1})) as (router,):
        for _ in range(rounds):
            mape(router.ce, 'detach')
            begin = time.monotonic()
            mape(router.ce, 'attach', 'wan0', 'lan0', '--wan-hook', 'xdp', '--lan-hook', 'xdp')
            times.append((time.monotonic() - begin) * 1e3)
    return Row('attach', 'ms', times, [])
