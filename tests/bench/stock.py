# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What users run today: an ip6tnl tunnel with nftables SNAT over all ranges of the line, with and
without nf_flowtable. Not every kernel has these, so the rows are measured in an emulated guest,
with mape-xdp in the same guest. Time there is emulated: only ratios mean anything.

CE time per packet is a difference: the time per packet with the set-up in the router, less the
median with an XDP program that only redirects (router.Wire).
"""

import json
import os
import re
import subprocess
import sys

from router import HERE, BUILD, LAN, MAC, WAN, MapeTc, MapeXdp, Router, Wire
from lablines import OCN
from labnet import LabError
from rates import DIRECTION, lost, per_second, standing
from rows import Row, quartiles

KERNEL = '6.12'
ROOT = os.path.join(HERE, '../..')


class Ip6tnl(Router):
    """ip6tnl + nftables SNAT over the line's ranges."""
    name = 'ip6tnl + nftables'
    tunnel = True
    flowtable = False

    def configure(self):
        ce = self.ce
        ce.sysctl('net.ipv6.conf.all.forwarding', 1)
        ce.ip(f'''address add {OCN.ce}/128 dev wan0 nodad
            neigh replace fe80::1 lladdr {MAC['w0']} nud permanent dev wan0
            route add ::/0 via fe80::1 dev wan0
            route del 198.18.0.0/15
            link add tun0 type ip6tnl mode ipip6 local {OCN.ce} remote {OCN.br} encaplimit none
            link set tun0 mtu 1460 up
            route add 198.18.0.0/15 dev tun0''')
        ranges = OCN.ranges
        elements = ', '.join(f'{i} : {OCN.ipv4} . {first}-{last}'
                             for i, (first, last) in enumerate(ranges))
        ce.nft(f'''table ip nat {{
            chain postrouting {{
                type nat hook postrouting priority srcnat
                oifname "tun0" meta l4proto udp \
                    snat ip to numgen inc mod {len(ranges)} map {{ {elements} }}
            }}
        }}''')
        if self.flowtable:
            ce.nft('''table inet ft {
                flowtable f {
                    hook ingress priority 0
                    devices = { lan0, tun0 }
                }
                chain forward {
                    type filter hook forward priority filter
                    meta l4proto udp flow add @f
                }
            }''')
        self.ask(f'tunnel wan {MAC["wan0"]} {MAC["w0"]} {OCN.br} {OCN.ce}')
        # What the other set-ups take to come up is hours for connection tracking.
        for timeout in ('udp_timeout', 'udp_timeout_stream'):
            ce.sysctl(f'net.netfilter.nf_conntrack_{timeout}', 3600)
        self.learn()

    def learn(self):
        """The ports that conntrack gave, then packets both ways, so that flows are offloaded."""
        self.fire(LAN, self.flows)
        listed = self.ce.run('conntrack -L -p udp').stdout
        ports = {(m[1], m[3], m[2]): int(m[4]) for m in re.finditer(
            r'src=(10\S+) dst=(\S+) sport=(\d+) dport=443 .*?src=\S+ dst=\S+ sport=443 dport=(\d+)',
            listed)}
        self.write_flows(self.flows, [
            (dst, dport, OCN.ipv4, ports[src, str(sport), dst])
            for src, sport, dst, dport in self.all_flows()])
        self.ask(f'range wan {self.flows} {self.flows}')
        for side in (WAN, LAN, WAN):
            self.fire(side, self.flows)


class Ip6tnlFlowtable(Ip6tnl):
    """The best stock set-up."""
    name = 'ip6tnl + nftables + nf_flowtable'
    flowtable = True


def measure(tmp, rounds, packets):
    """In the guest: {set-up: {direction: [ns per packet]}}."""
    arguments = {'tmp': tmp, 'cpu': 0, 'flows': 200}
    classes = [Wire, MapeTc, Ip6tnl, Ip6tnlFlowtable]
    try:
        with standing((MapeXdp, arguments)):
            classes.append(MapeXdp)
    except LabError as e:
        print(f'No XDP here: {e}')
    times = {c.__name__: {LAN: [], WAN: []} for c in classes}
    with standing(*((c, arguments) for c in classes)) as routers:
        for _ in range(rounds):
            for side in DIRECTION:
                for router in routers:
                    shot = router.fire(side, packets)
                    if lost(shot):
                        raise LabError(f'{router.name}: {lost(shot)}')
                    times[type(router).__name__][side].append(1e9 / per_second(shot))
    return times


def guest_rows(rounds, packets):
    """Boots the guest and makes rows of what it measured."""
    kernel = subprocess.run([os.path.join(ROOT, 'tests/kernels/fetch'),
                             os.path.join(BUILD, 'kernels'), KERNEL], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    out = subprocess.run(
        [os.path.join(ROOT, 'tests/kernels/boot'), '-t', '600', kernel,
         # libxdp 1.3's dispatcher is refused by this kernel.
         f'LIBXDP_SKIP_DISPATCHER=1 MAPE_BUILD={BUILD} '
         f'/usr/bin/python3 tests/bench/stock.py {rounds} {packets}'],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    times = json.loads(re.search(r'^guest: (.*)$', out, re.M)[1])

    def ce_time(name, side):
        wire = quartiles(times['Wire'][side])[1]
        return [max(t - wire, 1) / 1e3 for t in times[name][side]]

    rows = []
    for side, way in DIRECTION.items():
        best = min((n for n in times if n.startswith('Mape')),
                   key=lambda n: quartiles(ce_time(n, side))[1])
        for other, bar in ((Ip6tnlFlowtable, 0.5), (Ip6tnl, 0.35)):
            rows.append(Row(f'CE time in one guest, {way}, {best[4:].upper()}', 'us',
                            ce_time(best, side), ce_time(other.__name__, side), other.name, bar=bar,
                            at_most=True))
    return rows


if __name__ == '__main__':
    print('guest: ' + json.dumps(measure('/tmp', int(sys.argv[1]), int(sys.argv[2]))))
