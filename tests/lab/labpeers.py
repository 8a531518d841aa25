# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two border relays: br (checks everything) and the BPF peer (moves super-packets).

Both are started in the namespace `br` and offer stats(), refused(), ports(protocol), close().
"""

import json
import os
import shutil
import signal
import socket
import struct

from labnet import LabError, run, wait_until

BPFFS = '/sys/fs/bpf'


class CheckingBr:
    """tests/lab/br.c: raw socket and TUN; refuses and keeps every packet that is wrong."""
    TUN = 'map0'

    def __init__(self, lab, program, mtu=1460):
        line = lab.line
        self.stats_path = f'{lab.tmp}/br.json'
        self.seq = 0
        argv = [program, '--tun', self.TUN, '--address', line.br, '--rule-v6', line.rule_v6,
                '--rule-v4', line.rule_v4, '--ea', line.ea, '--offset', line.offset,
                '--psid-len', line.psid_len, '--psid', line.psid, '--iid', line.iid,
                '--mtu', mtu, '--stats', self.stats_path]
        self.process = lab.br.start([str(a) for a in argv], ready='ready')
        lab.br.ip(f'route add {line.ipv4}/32 dev {self.TUN}')

    def stats(self):
        """The whole report of the BR, written now."""
        os.kill(self.process.pid, signal.SIGUSR1)

        def fresh():
            if not self.process.alive():
                raise LabError(f'br has ended: {self.process.output()}')
            try:
                with open(self.stats_path, encoding='ascii') as f:
                    report = json.load(f)
            except FileNotFoundError:
                return None
            return report if report['seq'] > self.seq else None
        report = wait_until(fresh, 'the report of br')
        self.seq = report['seq']
        return report

    def refused(self):
        """Refused packets by kind; empty when the CE made no mistake."""
        return {kind: n for kind, n in self.stats()['violations'].items() if n}

    def ports(self, protocol):
        """External ports ('icmp': identifiers) let through, sorted."""
        return self.stats()['ports'][protocol]

    def close(self):
        """End it."""
        self.process.stop()


class BulkEnd:
    """tests/lab/peer.bpf.c: one end of the tunnel as TC programs that pass super-packets on as
    they are. Kernel 6.3.

    pins                directory for the programs and maps, made and removed here
    wan, inside         devices of `ns`: towards the tunnel, and with plain IPv4
    here, there         IPv6 addresses of this end and of the other
    shared              IPv4 address at the other end
    port_set            (psid, psid_len, offset) of the other end; (0, 0, 0) for all ports
    """
    REFUSED = ('outer_source', 'inner_source', 'outside_port_set', 'no_port')

    def __init__(self, ns, obj, pins, wan, inside, here, there, shared, port_set):
        self.pins = pins
        os.mkdir(pins)
        run(['bpftool', 'prog', 'loadall', obj, pins, 'type', 'classifier', 'pinmaps', pins])
        # struct peer_config
        value = socket.inet_pton(socket.AF_INET6, there) + \
            socket.inet_pton(socket.AF_INET6, here) + socket.inet_aton(shared) + \
            struct.pack('=IIHBB', ns.ifindex(wan), ns.ifindex(inside), *port_set)
        run(['bpftool', 'map', 'update', 'pinned', f'{pins}/peer_config',
             'key', 'hex', '0', '0', '0', '0', 'value', 'hex', *(f'{b:02x}' for b in value)])
        for dev, program in ((wan, 'peer_up'), (inside, 'peer_down')):
            ns.run(f'tc qdisc add dev {dev} clsact')
            ns.run(f'tc filter add dev {dev} ingress bpf da object-pinned {pins}/{program}')

    def _dump(self, name):
        out = run(['bpftool', '-j', 'map', 'dump', 'pinned', f'{self.pins}/{name}']).stdout
        return [entry['formatted'] for entry in json.loads(out)]

    def stats(self):
        """struct peer_stats, summed over the CPUs."""
        total = {}
        for cpu in self._dump('peer_stats')[0]['values']:
            for name, n in cpu['value'].items():
                total[name] = total.get(name, 0) + int(n)
        return total

    def refused(self):
        """Refused packets by kind; empty when the CE made no mistake."""
        stats = self.stats()
        return {kind: stats[kind] for kind in self.REFUSED if stats[kind]}

    def ports(self, protocol):
        """External ports ('icmp': identifiers) let through, sorted."""
        kind = ('tcp', 'udp', 'icmp').index(protocol)
        words = {e['key']: int(e['value']) for e in self._dump('peer_ports')}
        return [w * 64 + bit for w in range(1024) for bit in range(64)
                if words[kind * 1024 + w] >> bit & 1]

    def close(self):
        """Remove the pins; the programs go with the namespace."""
        shutil.rmtree(self.pins, ignore_errors=True)


def bulk_br(lab, obj):
    """The BulkEnd that stands for the BR of the lab's line."""
    line = lab.line
    return BulkEnd(lab.br, obj, f'{BPFFS}/{lab.prefix}br', 'wan', 'srv0', line.br, line.ce,
                   line.ipv4, (line.psid, line.psid_len, line.offset))
