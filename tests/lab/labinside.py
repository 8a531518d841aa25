# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Looking into an attached mape-xdp: its maps, counters, flows, and its clock."""

import ipaddress
import json
import struct

from labnet import run, wait_until
from labpeers import BPFFS
from labtraffic import ping, tcp_download, udp_echo

# include/mape/config.h: now_offset comes after two 32-bit words.
NOW_OFFSET = 8
# include/mape/control.h: MAPE_OP_SWEEP, and more room than struct mape_request needs.
OP_SWEEP = 3
REQUEST_ROOM = 128
KERNEL_PATH = 'kernel_out', 'kernel_in'
FAST_PATH = 'fast_out', 'fast_in'


def pins(lab, name='mape0'):
    """Directory of the pins of the CE's instance."""
    return f'{BPFFS}/mape-xdp/{lab.ce.inode}-{name}'


def attach(lab, *options, lan=('br-lan',)):
    """Start the servers and attach, without waiting for duplicate address detection."""
    lab.serve()
    lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
    lab.mape('attach', 'eth2', *lan, *options)
    return lab


def map_dump(lab, name):
    """Records of a pinned map as bpftool prints them."""
    out = run(['bpftool', '-j', 'map', 'dump', 'pinned', f'{pins(lab)}/{name}']).stdout
    return [entry['formatted'] for entry in json.loads(out)]


def move_time(lab, seconds):
    """Let the instance's clock jump ahead."""
    path = f'{pins(lab)}/config'
    out = run(['bpftool', '-j', 'map', 'lookup', 'pinned', path, 'key', 'hex'] + ['0'] * 4).stdout
    value = bytearray(int(b, 16) for b in json.loads(out)['value'])
    offset, = struct.unpack_from('=Q', value, NOW_OFFSET)
    struct.pack_into('=Q', value, NOW_OFFSET, offset + int(seconds * 1e9))
    run(['bpftool', 'map', 'update', 'pinned', path, 'key', 'hex'] + ['0'] * 4 +
        ['value', 'hex'] + [f'{b:02x}' for b in value])


def sweep(lab, sessions=1 << 16):
    """Let the control program end, at once, every session whose time is over."""
    request = f'{lab.tmp}/request'
    with open(request, 'wb') as f:
        f.write(struct.pack('=IiI', OP_SWEEP, 0, sessions).ljust(REQUEST_ROOM, b'\0'))
    run(['bpftool', 'prog', 'run', 'pinned', f'{pins(lab)}/control', 'data_in', request])


def outcomes(lab):
    """{outcome: packets} of `stats`."""
    return {name: o['packets'] for name, o in lab.mape_json('stats')['outcomes'].items()}


def changed(before, after):
    """What has risen between two outcomes()."""
    return {name: n - before[name] for name, n in after.items() if n != before[name]}


def drops(lab):
    """{outcome: packets} of the drops that happened."""
    return {name: o['packets'] for name, o in lab.mape_json('stats')['outcomes'].items()
            if o['drop'] and o['packets']}


def flows(lab, proto, internal):
    """`flows` of a protocol and an internal address or 'ADDRESS:PORT'."""
    return [f for f in lab.mape_json('flows') if f['proto'] == proto and
            internal in (f['internal'], f['internal'].rpartition(':')[0])]


def is_offloaded(lab, proto, internal):
    """True when there are such flows and all are offloaded."""
    found = flows(lab, proto, internal)
    return bool(found) and all(f['offloaded'] for f in found)


def wait_offloaded(lab, proto, internal, speak):
    """Call speak() until the flow is offloaded."""
    def check():
        speak()
        return is_offloaded(lab, proto, internal)
    wait_until(check, f'{proto} {internal} to be offloaded')


def audit_is_right(lab):
    """True when `doctor` accounts for every session, mapping and port."""
    checks = {c['name']: c for c in lab.mape_json('doctor', check=False)['checks']}
    return checks['audit']['ok']


def address(numbers):
    """An address out of a map record, as text."""
    return str(ipaddress.ip_address(bytes(numbers)))


def refused(lab, *words, code=1):
    """A command that fails: its {'error', 'hint'}."""
    said = lab.mape(*words, '--json', check=False)
    assert said.returncode == code, said
    return json.loads(said.stdout)


def use(lab, roles=('h1', 'h2'), server='198.51.100.1'):
    """A little of everything."""
    for role in roles:
        host = lab.namespaces[role]
        assert ping(host, server, 2) == 2 and udp_echo(host, server, 10) == 10
        assert tcp_download(host, server, 1_000_000).ok
