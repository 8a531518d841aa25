#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""sudo make demo: real traffic through mape-xdp in a lab of network namespaces.

    demo.py          make the lab, attach, drive traffic, detach, remove everything
                     (KEEP=1 in the environment: leave it standing)
    demo.py clean    remove a lab that was left standing

MAPE_BUILD names the build directory. Exit status 0 only when everything was right.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import labtraffic
from lab import BUILD, HOSTS, SERVERS, Lab
from labnet import NETNS_DIR, LabError
from labsweep import destroy, sweep_stale

PREFIX = 'mxdemo-'
LAN_HOSTS = ('h1', 'h2')
PINGED = SERVERS[0], SERVERS[8]
TRANSFER = 20_000_000
CONNECTIONS = 200


class Demo:
    """What was done and whether all of it was right."""

    def __init__(self, lab):
        self.lab = lab
        self.right = True

    def say(self, right, text):
        """One line of the report."""
        self.right &= bool(right)
        print(f'  {"ok  " if right else "FAIL"}  {text}', flush=True)

    def host(self, role):
        """A host's Namespace and how to call it."""
        return self.lab.namespaces[role], HOSTS[role]

    def attach(self):
        """mape-xdp attach, and what it says about itself."""
        print('\nIn the CE: mape-xdp attach eth2 br-lan')
        said = self.lab.mape('attach', 'eth2', 'br-lan', check=False)
        for line in (said.stdout + said.stderr).splitlines():
            print(f'        {line}')
        self.say(said.returncode == 0, 'attached' if not said.returncode else 'attach failed')
        if said.returncode:
            raise LabError('without the tunnel there is nothing to show')
        self.show_status()

    def show_status(self):
        """The facts that traffic will confirm."""
        status = self.lab.mape_json('status')
        line, ports = self.lab.line, status['ports']['tcp']['total']
        self.say(ports == len(line.ports),
                 f'{line.ipv4}, PSID {line.psid}: {ports} ports in {len(line.ranges)} ranges')
        hooks = [('eth2', status['wan_hook'])] + [(h['dev'], h) for h in status['lan']]
        print('        hooks: ' + ', '.join(f'{dev} {h["hook"]} ({h["mode"]})' for dev, h in hooks))

    def pings(self):
        """Both hosts to two servers."""
        print('\nPing')
        for role in LAN_HOSTS:
            ns, address = self.host(role)
            for server in PINGED:
                n = labtraffic.ping(ns, server, count=3)
                self.say(n == 3, f'ping {server} from {address}: {n} of 3')

    def transfers(self):
        """Both hosts, both directions, every byte compared."""
        print('\nTCP')
        for role, server in zip(LAN_HOSTS, SERVERS[1:]):
            ns, address = self.host(role)
            for name, transfer in (('upload', labtraffic.tcp_upload),
                                   ('download', labtraffic.tcp_download)):
                got = transfer(ns, server, TRANSFER)
                self.say(got.ok, f'{name} {TRANSFER // 1_000_000} MB, {address} and {server}: '
                         f'{"same" if got.ok else "DIFFERENT"} bytes, {got.mbit:.0f} Mbit/s')

    def connections(self):
        """Many short connections from both hosts to all servers: which ports does the world see?"""
        def one(i):
            return labtraffic.tcp_who(self.lab.namespaces[LAN_HOSTS[i % 2]],
                                      SERVERS[i // 2 % len(SERVERS)])
        with ThreadPoolExecutor(16) as pool:
            seen = list(pool.map(one, range(CONNECTIONS)))
        addresses, ports = {a for a, _ in seen}, {p for _, p in seen}
        line = self.lab.line
        ranges = sum(any(first <= p <= last for p in ports) for first, last in line.ranges)
        self.say(addresses == {line.ipv4} and ports <= line.ports,
                 f'{CONNECTIONS} short connections to {len(SERVERS)} servers: seen there as '
                 f'{", ".join(sorted(addresses))}, {len(ports)} ports from {ranges} ranges')

    def udp(self):
        """Both hosts to several servers."""
        print('\nUDP')
        for role in LAN_HOSTS:
            ns, address = self.host(role)
            good = sum(labtraffic.udp_echo(ns, server, count=5) for server in SERVERS[:4])
            self.say(good == 20, f'echo with 4 servers from {address}: {good} of 20')
            # One mapping whatever the destination (endpoint-independent mapping, RFC 4787).
            seen = {labtraffic.udp_who(ns, server, source_port=5000) for server in SERVERS[:4]}
            self.say(len(seen) == 1 and None not in seen, f'{address}:5000 is seen as ' + ', '.join(
                '{}:{}'.format(*s) if s else 'nothing' for s in sorted(seen, key=str)))

    def verdict(self):
        """What the BR, which is no code of ours, and the CE's firewall thought of it."""
        print('\nVerdicts')
        stats, refused = self.lab.peer.stats(), self.lab.peer.refused()
        packets = stats['up']['packets']
        self.say(packets and not stats['violations']['outside_port_set'],
                 f'BR: {stats["violations"]["outside_port_set"]} packets outside the port set '
                 f'({packets} from the CE, {stats["down"]["packets"]} to it)')
        self.say(not refused, 'BR: every address, checksum and header is right' if not refused
                 else f'BR refused: {refused}')
        invalid = self.lab.counter('invalid')
        self.say(invalid == 0, f'firewall of the CE: {invalid} packets with ct state invalid')
        outcomes = self.lab.mape_json('stats')['outcomes']
        print('        packets: ' + ', '.join(
            f'{name} {outcomes[name]["packets"]}'
            for name in ('kernel_out', 'kernel_in', 'fast_out', 'fast_in')))

    def detach(self):
        """Nothing may be left of it."""
        said = self.lab.mape('detach', 'eth2', check=False)
        links = {link['ifname'] for link in self.lab.ce.ip_json('link show')}
        self.say(said.returncode == 0 and 'mape0' not in links,
                 'detached' if not said.returncode else f'detach: {said.stderr.strip()}')

    def look_around(self):
        """How to look into a lab that stays."""
        ce, h1 = self.lab.ce, self.lab.h1
        print(f'''
The lab stays. Look around, as root:
    in the CE         {' '.join(ce.enter)} {self.lab.binary} status
                      {' '.join(ce.enter)} tcpdump -ni eth2
    from a LAN host   {' '.join(h1.enter)} ping {SERVERS[0]}
    the sessions      bpftool map dump name sessions
    the ports         bpftool map dump name ports
Remove it with: sudo make demo-clean''')

    def run(self, keep):
        """All of it; true when all was right."""
        self.lab.serve()
        self.attach()
        self.pings()
        self.transfers()
        self.connections()
        self.udp()
        self.verdict()
        if not keep:
            self.detach()
        return self.right


def standing():
    """True when a demo lab is standing."""
    return os.path.isdir(NETNS_DIR) and any(n.startswith(PREFIX) for n in os.listdir(NETNS_DIR))


def demo(keep):
    """The whole demo; exit status."""
    if standing():
        print('A demo lab is still standing; remove it with: sudo make demo-clean', file=sys.stderr)
        return 1
    sweep_stale()
    with Lab(prefix=PREFIX) as lab:
        print(f'The lab: two LAN hosts, the CE with br-lan and eth2, a BR, a server. '
              f'The line: {lab.line.prefix}')
        demonstration = Demo(lab)
        right = demonstration.run(keep)
        if keep:
            demonstration.look_around()
            lab.release()
    print('\nTraffic went through the tunnel in both directions, and all of it was right.' if right
          else '\nNot everything was right: see the lines with FAIL.')
    return 0 if right else 1


def main():
    """Command line."""
    if os.geteuid():
        print('demo needs root: sudo make demo', file=sys.stderr)
        return 1
    if sys.argv[1:] == ['clean']:
        print('removed the demo lab' if standing() else 'no demo lab is standing')
        destroy(PREFIX)
        return 0
    if sys.argv[1:]:
        print('usage: demo.py [clean]', file=sys.stderr)
        return 2
    if not os.path.exists(os.path.join(BUILD, 'mape-xdp')):
        print(f'{BUILD}/mape-xdp is not built: run make', file=sys.stderr)
        return 1
    try:
        return demo(os.environ.get('KEEP') not in (None, '', '0'))
    except (LabError, OSError) as e:
        print(f'\nThe demo ended early: {e}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
