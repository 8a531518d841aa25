# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A router between two packet generators, in one of the set-ups that the bench compares.

    lan: l0 ---- lan0  ce  wan0 ---- w0 :wan

Packets are UDP, 64 bytes on the wire. build/tests/shoot makes them at one end and counts at the
other what arrives, all on one processor: an XDP generator (live frames), the router, an XDP
program that drops. Neighbours are permanent, so nothing but the measured packets moves.
"""

import json
import os
import struct
import subprocess
import sys
import time
from socket import inet_aton

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../lab'))

from labnet import LabError, Namespace, run  # noqa: E402
from lablines import OCN  # noqa: E402
from labsweep import destroy  # noqa: E402

BUILD = os.path.abspath(os.environ.get('MAPE_BUILD') or os.path.join(HERE, '../../build'))
BINARY = os.path.join(BUILD, 'mape-xdp')
MAC = {'l0': '02:00:00:00:00:11', 'lan0': '02:00:00:00:00:10',
       'w0': '02:00:00:00:00:fe', 'wan0': '02:00:00:00:00:01'}
PUBLIC = '192.0.2.1'  # of the set-ups that do not take the line's
ENDPOINTS = 500       # internal; more flows than these go to further remotes
PLAIN, TUNNEL = 60, 100
LAN, WAN = 'lan', 'wan'

SNAT = f'''table ip nat {{
    chain postrouting {{
        type nat hook postrouting priority srcnat
        oifname "wan0" snat to {PUBLIC}
    }}
}}'''
FIREWALL = '''table inet fw {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
        ct state established,related accept
        iifname "lan0" accept
    }
}'''

_numbers = iter(range(1 << 30))


def mape(ns, *words, timeout=60):
    """Runs mape-xdp in a namespace; waits while another command on this machine holds the lock."""
    end = time.monotonic() + timeout
    while True:
        done = ns.run([BINARY, *words], check=False)
        if not done.returncode:
            return done.stdout
        if 'another mape-xdp command' not in done.stderr + done.stdout or time.monotonic() > end:
            raise LabError(f"'mape-xdp {' '.join(words)}': {done.stderr or done.stdout}")
        time.sleep(0.1)


def flow(i, endpoints=ENDPOINTS):
    """Flow number i: (internal address, port, remote address, port)."""
    e, r = i % endpoints, i // endpoints
    return (f'10.{e >> 16}.{e >> 8 & 255}.{e & 255}', 10000 + e % 50000,
            f'198.{18 + (r >> 16)}.{r >> 8 & 255}.{r & 255}', 443)


def pack(src, sport, dst, dport):
    """struct shot of drive.h; the checksums are shoot's business."""
    return inet_aton(src) + inet_aton(dst) + struct.pack('!HHI', sport, dport, 0)


class Router:
    """Three namespaces and the shooting process. Set-ups derive from it."""
    name = 'plain kernel routing'
    tunnel = False

    def __init__(self, tmp, cpu, flows=1000, endpoints=ENDPOINTS):
        self.flows, self.endpoints = flows, endpoints
        self.prefix = f'be{os.getpid()}x{next(_numbers)}-'
        self.table = os.path.join(tmp, self.prefix + 'shots')
        self.namespaces = {}
        try:
            self._build(tmp)
            self.write_flows(0, [flow(i, endpoints) for i in range(flows)])
            self.write_flows(flows, [('0.0.0.0', 0, '0.0.0.0', 0)] * flows)
            self.shoot = subprocess.Popen(
                [os.path.join(BUILD, 'tests/shoot'), self.lan.path, 'l0', self.wan.path, 'w0',
                 self.table, str(cpu)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.ask(f'plain lan {MAC["lan0"]} {MAC["l0"]}')
            self.ask(f'expect lan {PLAIN}')
            self.ask(f'expect wan {TUNNEL if self.tunnel else PLAIN}')
            self.ask(f'range lan 0 {flows}')
            self.configure()
        except BaseException:
            self.close()
            raise

    def _build(self, tmp):
        for role in ('lan', 'ce', 'wan'):
            ns = Namespace(self.prefix + role, tmp)
            ns.sysctl('net.ipv6.conf.default.accept_dad', 0)
            self.namespaces[role] = ns
            setattr(self, role, ns)
        for near, far, ns in (('lan0', 'l0', self.lan), ('wan0', 'w0', self.wan)):
            run(f'ip link add {near} netns {self.ce.name} address {MAC[near]} type veth '
                f'peer name {far} netns {ns.name} address {MAC[far]}')
            ns.sysctl(f'net.ipv6.conf.{far}.disable_ipv6', 1)
            for end, dev in ((ns, far), (self.ce, near)):
                end.ethtool(dev, 'tx off tso off gso off')
                end.ip(f'link set {dev} up')
            for end, dev in ((ns, far), (self.ce, near)):
                end.ethtool(dev, 'gro on')  # NAPI, so that it takes XDP frames; only while up
        self.ce.sysctl('net.ipv4.ip_forward', 1)
        self.ce.ip(f'''address add 192.168.1.1/24 dev lan0
            neigh replace 192.168.1.2 lladdr {MAC['l0']} nud permanent dev lan0
            route add 10.0.0.0/8 via 192.168.1.2
            address add {PUBLIC}/24 dev wan0
            neigh replace 192.0.2.254 lladdr {MAC['w0']} nud permanent dev wan0
            route add 198.18.0.0/15 via 192.0.2.254''')

    def write_flows(self, at, flows):
        """Puts packets into the table from this place on; a later "range" reads them."""
        with open(self.table, 'r+b' if at else 'wb') as f:
            f.seek(at * 16)
            f.write(b''.join(pack(*f) for f in flows))

    def ask(self, words):
        """One request to shoot."""
        self.shoot.stdin.write(words + '\n')
        self.shoot.stdin.flush()
        line = self.shoot.stdout.readline()
        if not line:
            raise LabError(f'shoot ended with {self.shoot.wait()}')
        return json.loads(line)

    def fire(self, side, packets):
        """Packets from this side: what arrived, and when the last of them did."""
        return self.ask(f'fire {side} {packets}')

    def inbound(self, flows):
        """Sets what the WAN's generator sends."""
        self.write_flows(self.flows, flows)
        self.ask(f'plain wan {MAC["wan0"]} {MAC["w0"]}')
        self.ask(f'range wan {self.flows} {self.flows}')

    def configure(self):
        """Sets the router up and brings it into the state in which it is measured."""
        self.inbound([(dst, dport, src, sport) for src, sport, dst, dport in self.all_flows()])

    def all_flows(self):
        """The flows that this router is measured with."""
        return [flow(i, self.endpoints) for i in range(self.flows)]

    def close(self):
        """Removes everything."""
        if getattr(self, 'shoot', None):
            self.shoot.stdin.close()
            self.shoot.wait(10)
        destroy(self.prefix)
        if os.path.exists(self.table):
            os.unlink(self.table)


class Floor(Router):
    """FIB lookup and redirect in XDP."""
    name = 'FIB lookup and redirect in XDP'

    def configure(self):
        self.ask(f'forward {self.ce.path} lan0 wan0')
        super().configure()


class Wire(Router):
    """No router: the generators' frames go straight from one device to the other."""
    name = 'wire'

    def configure(self):
        self.ask(f'wire {self.ce.path} lan0 wan0')
        super().configure()


class Snat(Router):
    """Kernel routing with nftables SNAT."""
    name = 'kernel routing + SNAT'
    rules = SNAT

    def configure(self):
        self.ce.nft(self.rules)
        # The ports are free outside, so they stay.
        self.inbound([(dst, dport, PUBLIC, sport) for _, sport, dst, dport in self.all_flows()])
        self.fire(LAN, self.flows)


class SnatFiltered(Snat):
    """... and a stateful ruleset."""
    name = 'kernel routing + SNAT + ruleset'
    rules = SNAT + '\n' + FIREWALL


class Mape(Router):
    """mape-xdp with both hooks of one kind."""
    tunnel = True
    hook = 'xdp'
    line = OCN
    rule = ()
    learn = True
    rules = None

    def configure(self):
        ce = self.ce
        ce.ip(f'''address add {self.line.wan_address} dev wan0 nodad
            neigh replace fe80::1 lladdr {MAC['w0']} nud permanent dev wan0
            route add ::/0 via fe80::1 dev wan0
            route del 198.18.0.0/15''')
        if self.rules:
            ce.nft(self.rules)
        mape(ce, 'attach', 'wan0', 'lan0', '--wan-hook', self.hook, '--lan-hook', self.hook,
             *self.rule)
        self.ask(f'tunnel wan {MAC["wan0"]} {MAC["w0"]} {self.line.br} {self.line.ce}')
        if self.learn:
            self.offload()

    def offload(self):
        """Lets the sessions prove themselves to the fast path as on any router: out, in, out."""
        self.fire(LAN, self.flows)
        ports = {(s['internal'], s['remote']): int(s['external'].rpartition(':')[2])
                 for s in self.json('flows')}
        self.write_flows(self.flows, [
            (dst, dport, self.line.ipv4, ports[f'{src}:{sport}', f'{dst}:{dport}'])
            for src, sport, dst, dport in self.all_flows()])
        self.ask(f'range wan {self.flows} {self.flows}')
        self.fire(WAN, self.flows)
        self.fire(LAN, self.flows)

    def json(self, *words):
        return json.loads(mape(self.ce, *words, '--json'))


class MapeXdp(Mape):
    """XDP on both hooks."""
    name = 'mape-xdp, XDP'


class MapeTc(Mape):
    """TC on both hooks."""
    name = 'mape-xdp, TC'
    hook = 'tc'
