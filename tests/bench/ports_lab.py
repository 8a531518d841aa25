# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The labs of the ports bench: four LAN hosts and 200 servers around one of three NATs.

mape-xdp in the tunnel, or plain IPv4 routing with the nftables SNAT of one's choice. The rest is
the same: hosts, bridge, firewall, wires, servers.
"""

import json
import os
import subprocess
import sys

from lab import FIREWALL, Lab
from labnet import LabError
from ports_common import server_addresses, split

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTS = {'h1': '192.168.1.10', 'h2': '192.168.1.11', 'h3': '192.168.1.12', 'h4': '192.168.1.13'}
UDP_TIMEOUT = 300  # seconds of conntrack, as mape-xdp's, so that no session expires meanwhile


def first_range(line):
    """The SNAT of the usual scripts: one range is all that a statement takes."""
    first, last = line.ranges[0]
    return f'{line.ipv4} : {first}-{last}'


def all_ranges(line):
    """SNAT to a range chosen at random; nothing in nftables looks into another when it is full."""
    ranges = ', '.join(f'{n} : {line.ipv4} . {first}-{last}'
                       for n, (first, last) in enumerate(line.ranges))
    return f'numgen random mod {len(line.ranges)} map {{ {ranges} }}'


class PortsLab(Lab):
    """snat: what nftables translates to (first_range, all_ranges); None for mape-xdp."""

    def __init__(self, line, snat=None):
        self.snat = snat
        wan = 'mape0' if not snat else 'eth2'
        super().__init__(line=line, peer=None if snat else 'br', wan='wire',
                         firewall=FIREWALL.replace('"mape0"', f'"{wan}"'))
        try:
            if snat:
                self._attach_snat()
            else:
                self.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
                self.mape('attach', 'eth2', 'br-lan')
        except BaseException:
            self.close()
            raise

    def _build_bridge(self, bridge, address, hosts, offloads):
        super()._build_bridge(bridge, address, hosts, offloads)
        for role, port in (('h3', 'lan3'), ('h4', 'lan4')):
            host = self._namespace(role)
            self._link(self.ce, port, host, 'eth0')
            host.ethtool('eth0', 'gro on')
            self.ce.ip(f'''link set {port} master {bridge}
                link set {port} up''')
            host.ip(f'''link set eth0 up
                address add {HOSTS[role]}/24 dev eth0
                route add default via 192.168.1.1''')

    def _build_server(self):
        super()._build_server()
        self.srv.ip('\n'.join(f'address add {a}/32 dev lo' for a in server_addresses()))

    def _attach_snat(self):
        self.ce.ip('''address add 192.0.2.1/30 dev eth2
            route add default via 192.0.2.2''')
        self.br.ip(f'''address add 192.0.2.2/30 dev wan
            route add {self.line.ipv4}/32 via 192.0.2.1''')
        self.ce.sysctl('net.netfilter.nf_conntrack_udp_timeout', UDP_TIMEOUT)
        self.ce.nft(f'''table ip nat {{
            chain postrouting {{
                type nat hook postrouting priority srcnat
                oifname "eth2" meta l4proto {{ tcp, udp }} snat ip to {self.snat(self.line)}
            }}
        }}''')


class Client:
    """ports_client.py on one host."""

    def __init__(self, host, argv):
        self.name = host.name
        self.process = subprocess.Popen(
            [*host.enter, sys.executable, f'{HERE}/ports_client.py', *map(str, argv)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def ask(self, word):
        """Begin what `word` says."""
        self.process.stdin.write(f'{word}\n')
        self.process.stdin.flush()

    def answer(self):
        """What came out of it."""
        line = self.process.stdout.readline()
        if not line:
            raise LabError(f'the client in {self.name} has ended')
        return json.loads(line)

    def close(self):
        """Let it end."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def check_conntrack(lab, sessions):
    """The table of conntrack must hold them all; its size is the machine's, so it stays."""
    limit = int(lab.ce.sysctl('net.netfilter.nf_conntrack_max'))
    if limit < sessions:
        raise LabError(f'nf_conntrack_max is {limit} and {sessions} sessions are to be opened: '
                       f'sysctl -w net.netfilter.nf_conntrack_max={2 * sessions}')


def start_servers(lab, proto, sessions, servers):
    """Start the servers, in as many processes as it takes for that many sessions."""
    parts = len(split(sessions))
    bounds = [servers * n // parts for n in range(parts + 1)]
    for first, end in zip(bounds, bounds[1:]):
        lab.srv.start([sys.executable, f'{HERE}/ports_server.py', proto, str(first),
                       str(end - first)], ready='ready')


def start_clients(lab, proto, sessions, servers, timeout):
    """The clients, a quarter of the sessions on each host."""
    clients, first = [], 0
    for role in HOSTS:
        for count in split(sessions // len(HOSTS)):
            clients.append(Client(lab.namespaces[role], [proto, first, count, timeout, servers]))
            first += count
    return clients


def load(lab, proto, sessions, servers, timeout):
    """Let `sessions` in all open, then use each again: the two reports, summed."""
    check_conntrack(lab, sessions)
    start_servers(lab, proto, sessions, servers)
    clients = start_clients(lab, proto, sessions, servers, timeout)
    try:
        reports = []
        for word in ('open', 'check'):
            for client in clients:
                client.ask(word)
            reports.append(total([client.answer() for client in clients]))
        return reports
    finally:
        for client in clients:
            client.close()


def total(reports):
    """The reports of all hosts as one."""
    failed = {}
    for report in reports:
        for why, n in report['failed'].items():
            failed[why] = failed.get(why, 0) + n
    return {
        'good': sum(r['good'] for r in reports),
        'failed': failed,
        'resent': sum(r['resent'] for r in reports),
        'ports': set().union(*(r['ports'] for r in reports)),
        'seconds': max(r['seconds'] for r in reports),
    }
