# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The state of the CE that attach and detach must leave as it was."""

import json
import os

from labnet import run, wait_until
from labpeers import BPFFS

# What changes by itself.
VOLATILE = {'valid_life_time', 'preferred_life_time', 'stats', 'stats64', 'gc_timer',
            'hello_timer', 'tcn_timer', 'topology_change_timer', 'expires', 'hold_timer',
            'cacheinfo', 'message_age_timer', 'forward_delay_timer', 'bytes', 'packets', 'drops',
            'overlimits', 'requeues', 'qlen', 'backlog', 'ntk_failed', 'used', 'options'}
VOLATILE_SYSCTLS = 'net.netfilter.nf_conntrack_count', 'random', 'net.core.'
# Names of our programs and maps, and of what libxdp loads for us.
OURS = {'mape_out', 'lan_tc', 'wan_tc', 'wan_handoff', 'lan_seen', 'lan_xdp', 'wan_xdp', 'control',
        'xdp_dispatcher', 'sessions', 'mappings', 'ports', 'overlaps', 'expiry', 'outcomes',
        'config', 'live', 'timers', 'free_ports_tcp', 'free_ports_udp', 'free_ports_icmp',
        'tx_devices', 'lan_ports'}


def _normal(value):
    """A JSON value without what changes by itself."""
    if isinstance(value, dict):
        return {k: _normal(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return [_normal(v) for v in value]
    return value


def _listing(path, names=None):
    """All files below a directory."""
    found = []
    for directory, _, files in os.walk(path):
        found += [os.path.join(directory, f) for f in files]
        found.append(directory)
    return sorted(f for f in found if names is None or any(n in f for n in names))


def bpf_objects():
    """Ids of the programs and maps on the machine that bear names of ours, and of all links."""
    found = set()
    for kind in ('prog', 'map', 'link'):
        objects = json.loads(run(['bpftool', '-j', kind, 'list']).stdout or '[]')
        found |= {f'{kind} {o["id"]} {o.get("name", "")}' for o in objects
                  if kind == 'link' or o.get('name') in OURS}
    return found


def snapshot(lab):
    """What commands show of the CE's network, and what is on bpffs and in /run."""
    ce = lab.ce
    links = [link['ifname'] for link in ce.ip_json('link show')]
    sysctls = ce.run('sysctl -a -e', check=False).stdout.splitlines()
    inode = str(ce.inode)
    filters = '\n'.join(f'filter show dev {d} {way}' for d in links
                        for way in ('ingress', 'egress'))
    return {
        'addr': _normal(ce.ip_json('addr show')),
        'link': _normal(ce.ip_json('-d link show')),
        'route': [_normal(ce.ip_json(f'-{v} route show table all')) for v in (4, 6)],
        'rule': [_normal(ce.ip_json(f'-{v} rule show')) for v in (4, 6)],
        'qdisc': ce.run('tc qdisc show').stdout.splitlines(),
        # A device without clsact is an error to tc, which goes on.
        'filter': ce.run('tc -force -batch -', check=False, input=filters).stdout.splitlines(),
        'features': {d: ce.run(f'ethtool -k {d}').stdout.splitlines() for d in ('eth2', 'lan1')},
        'sysctl': [s for s in sysctls if s.startswith('net.') and
                   not any(word in s for word in VOLATILE_SYSCTLS)],
        'bpffs': _listing(BPFFS, [inode]),
        'run': _listing('/run/mape-xdp', [inode]),
    }


def differences(was, now, path=''):
    """Where two snapshots differ, as lines."""
    if was == now:
        return []
    if isinstance(was, dict) and isinstance(now, dict):
        return [line for key in sorted(was.keys() | now.keys())
                for line in differences(was.get(key), now.get(key), f'{path}/{key}')]
    if isinstance(was, list) and isinstance(now, list):
        if len(was) == len(now) and path.startswith(('/addr', '/link')):
            return [line for i, (a, b) in enumerate(zip(was, now))
                    for line in differences(a, b, f'{path}/{i}')]
        return [f'{path}: gone {x}' for x in was if x not in now] + \
            [f'{path}: new {x}' for x in now if x not in was] or [f'{path}: another order']
    return [f'{path}: was {was!r}, now {now!r}']


class Unchanged:
    """A context in which the CE changes and changes back; BPF objects too, a moment later."""

    def __init__(self, lab):
        self.lab = lab
        self.state = snapshot(lab)
        self.objects = bpf_objects()

    def check(self):
        """Is everything as it was?"""
        found = differences(self.state, snapshot(self.lab))
        assert not found, '\n'.join(found)
        # The kernel frees programs and maps when their last user has gone, not at once. What
        # comes meanwhile is somebody else's.
        left = bpf_objects() - self.objects
        wait_until(lambda: not left & bpf_objects(), f'programs and maps to go: {left}', 20)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.check()
