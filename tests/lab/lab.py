# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The lab: a home, its CE, a border relay and an IPv4 server, each a network namespace.

    h1 eth0 -- lan1 \\
       192.168.1.10  br-lan  ce  eth2 ====== wan  br  srv0 -- eth0  srv
    h2 eth0 -- lan2 /192.168.1.1     IPv6 only      .253    .254        198.51.100.1-8
       192.168.1.11                                                     203.0.113.1-8
    h3 eth0 -- guest1 -- br-guest (optional, 192.168.2.0/24)

    with Lab() as lab:
        lab.mape('attach', 'eth2', 'br-lan')
        lab.h1.run('ping -c 1 198.51.100.1')
        assert not lab.peer.refused()

Every veth end is a "wire" (single frames with complete checksums, as a NIC delivers them) or has
its offloads on (super-packets, checksums half done). Hosts and the WAN's far end always have GRO
on, because XDP_REDIRECT into a veth needs NAPI on its peer.

Needs root and: iproute2, ethtool, nftables, util-linux, and bpftool for the BPF peer.
"""

import atexit
import json
import os
import re
import signal
import sys
import tempfile
import threading

from lablines import OCN
from labnet import LabError, Namespace, run, wait_until
from labpeers import BPFFS, CheckingBr, bulk_br
from labsweep import destroy, remember

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get('MAPE_BUILD') or os.path.join(HERE, '../../build'))
SERVERS = [f'198.51.100.{i}' for i in range(1, 9)] + [f'203.0.113.{i}' for i in range(1, 9)]
HOSTS = {'h1': '192.168.1.10', 'h2': '192.168.1.11', 'h3': '192.168.2.10'}
ROUTER = {'h1': '192.168.1.1', 'h2': '192.168.1.1', 'h3': '192.168.2.1'}

# A router's usual firewall: nothing unasked, nothing that conntrack calls invalid.
FIREWALL = '''
table inet fw {
    counter invalid { }
    counter refused { }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid counter name invalid drop
        ct state established,related accept
        iifname { "br-lan", "br-guest" } oifname "mape0" ct state new accept
        counter name refused
    }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state invalid counter name invalid drop
        ct state established,related accept
        iifname { "lo", "br-lan", "br-guest" } accept
        meta l4proto { icmp, ipv6-icmp } accept
        counter name refused
    }
}
'''

_open_labs = []
_numbers = iter(range(1, 1 << 30))


class Lab:
    """One lab, standing when the constructor returns. A context manager; close() is idempotent.

    line        one of lablines
    peer        'br' (checks every packet), 'bpf' (bulk, super-packets) or None
    wan, lan    'wire' or 'offload'; WAN must be 'wire' for 'br', default what the peer needs
    guest       also make h3 behind a second bridge, br-guest
    wan_mtu     MTU of eth2 and its far end
    br_mtu      longest inner packet that 'br' sends to the CE
    firewall    nft rules of the CE, None for none
    prefix      name prefix of the namespaces; one that is given is not cleaned up by others
    binary      the mape-xdp to use
    """

    def __init__(self, line=OCN, peer='br', wan=None, lan='offload', guest=False, wan_mtu=1500,
                 br_mtu=1460, firewall=FIREWALL, prefix=None, binary=None):
        self.line = line
        self.prefix = prefix or f'mx{os.getpid()}x{next(_numbers)}-'
        self.binary = os.path.abspath(binary or os.path.join(BUILD, 'mape-xdp'))
        self.tmp = tempfile.mkdtemp(prefix='mape-lab-')
        self.peer = None
        self.namespaces = {}
        self._remember(keep=prefix is not None)
        try:
            self._build(wan or ('offload' if peer == 'bpf' else 'wire'), lan, guest, wan_mtu)
            if firewall:
                self.ce.nft(firewall)
            if peer == 'br':
                self.peer = CheckingBr(self, os.path.join(BUILD, 'tests/br'), br_mtu)
            elif peer == 'bpf':
                self.peer = bulk_br(self, os.path.join(BUILD, 'tests/peer.bpf.o'))
        except BaseException:
            self.close()
            raise

    # -- Building ------------------------------------------------------------------------------

    def _remember(self, keep):
        """Note who owns the namespaces, so that they can be removed after a crash."""
        _open_labs.append(self)
        _catch_signals()
        remember(self.prefix, self.tmp, keep)

    def _namespace(self, role):
        ns = Namespace(self.prefix + role, self.tmp)
        # Nobody has our addresses, and waiting for that to be proved takes seconds.
        ns.sysctl('net.ipv6.conf.default.accept_dad', 0)
        self.namespaces[role] = ns
        setattr(self, role, ns)
        return ns

    def _link(self, a, a_dev, b, b_dev):
        """A veth pair between two namespaces, with MAC addresses that tell who is who."""
        n = len(self.links) + 1
        self.links.append((a_dev, b_dev))
        run(f'ip link add {a_dev} netns {a.name} address 02:00:00:00:{n:02x}:01 '
            f'type veth peer name {b_dev} netns {b.name} address 02:00:00:00:{n:02x}:02')

    def _build(self, wan, lan, guest, wan_mtu):
        mount_bpffs()
        self.links = []
        for role in ['ce', 'br', 'srv', 'h1', 'h2'] + (['h3'] if guest else []):
            self._namespace(role)
        self._build_bridge('br-lan', '192.168.1.1/24', {'h1': 'lan1', 'h2': 'lan2'}, lan)
        if guest:
            self._build_bridge('br-guest', '192.168.2.1/24', {'h3': 'guest1'}, lan)
        self.ce.sysctl('net.ipv4.ip_forward', 1)
        if os.path.isdir('/proc/sys/net/bridge'):
            # br_netfilter, when there, would send what hosts of one LAN say to each other through
            # the router's forward chain. Routers do not have it.
            for family in ('ip', 'ip6', 'arp'):
                self.ce.sysctl(f'net.bridge.bridge-nf-call-{family}tables', 0)
        self._build_wan(wan, wan_mtu)
        self._build_server()

    def _build_bridge(self, bridge, address, hosts, offloads):
        mac = '02:00:00:00:ff:%02x' % (len(self.links) + 1)
        self.ce.ip(f'''link add {bridge} address {mac} type bridge forward_delay 0 mcast_snooping 0
            address add {address} dev {bridge}
            link set {bridge} up''')
        for role, port in hosts.items():
            host = self.namespaces[role]
            self._link(self.ce, port, host, 'eth0')
            if offloads == 'wire':
                make_wire(self.ce, port)
                make_wire(host, 'eth0')
            host.ethtool('eth0', 'gro on')
            self.ce.ip(f'''link set {port} master {bridge}
                link set {port} up''')
            host.ip(f'''link set eth0 up
                address add {HOSTS[role]}/24 dev eth0
                route add default via {ROUTER[role]}''')

    def _build_wan(self, offloads, mtu):
        line, ce, br = self.line, self.ce, self.br
        self._link(ce, 'eth2', br, 'wan')
        if offloads == 'wire':
            make_wire(ce, 'eth2')
            make_wire(br, 'wan')
            # NAPI for XDP_REDIRECT, but the raw socket of br must get segments, not super-packets.
            br.ip('link set wan gro_max_size 1')
        br.ethtool('wan', 'gro on')
        for key in ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'):
            br.sysctl(key, 1)
        # Where ip6_tunnel is loaded it would complain to the CE about packets meant for br.
        br.nft('''table ip6 fw {
            chain output {
                type filter hook output priority filter
                icmpv6 type destination-unreachable icmpv6 code port-unreachable drop
            }
        }''')
        br.ip(f'''link set wan mtu {mtu} addrgenmode none up
            address add fe80::1/64 dev wan nodad
            address add {line.br}/128 dev lo nodad
            route add {line.prefix} dev wan''')
        ce.ip(f'''link set eth2 mtu {mtu} up
            address add {line.wan_address} dev eth2
            route add ::/0 via fe80::1 dev eth2''')
        wait_until(lambda: self.wan_ready(), 'eth2 of the CE')
        # What attach adds is tried as on any router.
        ce.sysctl('net.ipv6.conf.eth2.accept_dad', 1)

    def _build_server(self):
        self._link(self.br, 'srv0', self.srv, 'eth0')
        self.br.ip('''link set srv0 up
            address add 198.51.100.253/30 dev srv0
            route add 198.51.100.0/24 via 198.51.100.254
            route add 203.0.113.0/24 via 198.51.100.254''')
        self.srv.ip('''link set eth0 up
            address add 198.51.100.254/30 dev eth0
            route add default via 198.51.100.253
            ''' + '\n'.join(f'address add {a}/32 dev lo' for a in SERVERS))

    # -- Using ---------------------------------------------------------------------------------

    def wan_ready(self):
        """True when the CE's WAN is up and none of its addresses is tentative."""
        link = self.ce.ip_json('-6 address show dev eth2')[0]
        return link['operstate'] == 'UP' and len(link['addr_info']) > 1 and \
            not any(a.get('tentative') for a in link['addr_info'])

    def host_address(self, role):
        """IPv4 address of a LAN host."""
        return HOSTS[role]

    def mape(self, *words, check=True, timeout=60):
        """Run mape-xdp in the CE."""
        return self.ce.run([self.binary, *map(str, words)], check=check, timeout=timeout)

    def mape_json(self, *words, check=True):
        """Run mape-xdp in the CE with --json and return the decoded answer."""
        return json.loads(self.mape(*words, '--json', check=check).stdout)

    def serve(self):
        """Start the test servers (labservers.py) on all addresses of srv."""
        return self.srv.start([sys.executable, f'{HERE}/labservers.py', *SERVERS], ready='ready')

    def capture(self, ns=None, dev='wan', filter=''):
        """Start a capture, by default of the WAN as the BR sees it."""
        ns = ns or self.br
        path = f'{self.tmp}/{ns.name}-{dev}-{next(_numbers)}.pcap'
        return Capture(ns, dev, path, filter)

    def counter(self, name):
        """Packets counted by a named nft counter of the CE: 'invalid' or 'refused'."""
        reply = json.loads(self.ce.run(f'nft -j list counter inet fw {name}').stdout)
        return next(o['counter']['packets'] for o in reply['nftables'] if 'counter' in o)

    # -- Ending --------------------------------------------------------------------------------

    def close(self):
        """Remove all that the lab made. Processes still inside end."""
        if self not in _open_labs:
            return
        _open_labs.remove(self)
        for ns in self.namespaces.values():
            for process in ns.processes:
                process.stop()
        destroy(self.prefix)

    def release(self):
        """Leave the lab standing after this process has ended."""
        _open_labs.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Capture:
    """A tcpdump into a file; packets() ends it and gives what it saw."""

    def __init__(self, ns, dev, path, words):
        self.path = path
        self.process = ns.start(['tcpdump', '-Z', 'root', '--immediate-mode', '-U', '-n',
                                 '-B', '65536', '-s', '0', '-i', dev, '-w', path] + words.split(),
                                ready='listening on')

    def stop(self):
        """End the capture; the path of the pcap file."""
        self.process.stop(signal.SIGINT)
        dropped = re.search(r'^(\d+) packets? dropped by kernel', self.process.output(), re.M)
        if not dropped or int(dropped.group(1)):
            raise LabError(f'the capture is not complete: {self.process.output().strip()}')
        return self.path

    def packets(self):
        """The packets as scapy decodes them, from the link layer on."""
        # Only tests that ask for packets need scapy.
        import scapy.layers.inet6
        import scapy.layers.l2
        from scapy.utils import rdpcap
        return rdpcap(self.stop())


def make_wire(ns, dev):
    """Let a veth end hand over single frames with complete checksums, as a NIC does."""
    ns.ethtool(dev, 'tx off tso off gso off')


def mount_bpffs():
    """Mount the BPF file system where it is expected, as systemd does; it stays."""
    if not os.path.ismount(BPFFS):
        run(['mount', '-t', 'bpf', 'bpf', BPFFS])


def _close_all():
    for lab in _open_labs[:]:
        lab.close()


def _catch_signals():
    """Make the usual signals end the process in the usual way, so that atexit runs."""
    if threading.current_thread() is not threading.main_thread():
        return
    for sig in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sig) == signal.SIG_DFL:
            signal.signal(sig, lambda number, _: sys.exit(128 + number))


atexit.register(_close_all)
