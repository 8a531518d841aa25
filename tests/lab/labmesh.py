# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""More customers of the provider: CEs of their own, each with its `eth2` at the BR's network.

    h1 .. ce  eth2 ====== wan   br
    home2 --- ce2 eth2 == wan2  (routes IPv6 between them;
    home3 --- ce3 eth2 == wan3   its border relay is one more process in there)
"""

import dataclasses
import sys

from lab import HERE, HOSTS, Lab, make_wire
from lablines import OCN
from labnet import wait_until
from labsweep import sweep_stale

# The same address as OCN with the next PSID, and another address.
SAME = dataclasses.replace(
    OCN, name='same', prefix='2400:4050:400:5700::/56', wan_address='2400:4050:400:5700::2/64',
    ce='2400:4050:400:5700:99:f010:100:1700', psid=23)
OTHER = dataclasses.replace(
    OCN, name='other', prefix='2400:4050:400:8500::/56', wan_address='2400:4050:400:8500::2/64',
    ce='2400:4050:400:8500:99:f010:200:500', ipv4='153.240.16.2', psid=5)
HOME = HOSTS['h1']


@dataclasses.dataclass
class Neighbour:
    """Another CE and the host behind it, which serves what labservers.py serves."""
    lab: Lab
    ce: object
    home: object
    line: object

    def mape(self, *words):
        """Run mape-xdp in its CE."""
        return self.ce.run([self.lab.binary, *map(str, words)])

    def attach(self, *words):
        """Attach with these options, and forward the first port of the line to the host."""
        config = f'{self.lab.tmp}/{self.line.name}.conf'
        with open(config, 'w', encoding='ascii'):
            pass
        self.mape('attach', 'eth2', 'lan0', '--config', config, *words)
        for proto in ('tcp', 'udp'):
            self.mape('forward', 'add', proto, self.port, f'{HOME}:7000')

    @property
    def port(self):
        """The forwarded one."""
        return self.line.ranges[0][0]


class MeshLab(Lab):
    """A lab with two more CEs: the attributes `same` and `other`."""

    def __init__(self, **options):
        sweep_stale()
        super().__init__(firewall=None, **options)
        # A customer's packet for another one leaves the relay where it came in, which is no news.
        for dev in ('all', self.peer.TUN):
            self.br.sysctl(f'net.ipv4.conf.{dev}.send_redirects', 0)
        try:
            self.same = self._neighbour(2, SAME)
            self.other = self._neighbour(3, OTHER)
        except BaseException:
            self.close()
            raise

    def _neighbour(self, number, line):
        ce, home = self._namespace(f'ce{number}'), self._namespace(f'home{number}')
        wan = f'wan{number}'
        ce.sysctl('net.ipv4.ip_forward', 1)
        self._link(ce, 'lan0', home, 'eth0')
        ce.ip(f'''link set lan0 up
            address add 192.168.1.1/24 dev lan0''')
        home.ip(f'''link set eth0 up
            address add {HOME}/24 dev eth0
            route add default via 192.168.1.1''')
        self._link(ce, 'eth2', self.br, wan)
        for ns, dev in ((ce, 'eth2'), (self.br, wan)):
            make_wire(ns, dev)
        self.br.ip(f'''link set {wan} addrgenmode none up
            address add fe80::1/64 dev {wan} nodad
            route add {line.prefix} dev {wan}
            route replace {line.ipv4}/32 dev {self.peer.TUN}''')
        ce.ip(f'''link set eth2 up
            address add {line.wan_address} dev eth2
            route add ::/0 via fe80::1 dev eth2''')
        wait_until(lambda: ce.ip_json('-6 address show dev eth2')[0]['operstate'] == 'UP',
                   f'eth2 of {line.name}')
        ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
        home.start([sys.executable, f'{HERE}/labservers.py', HOME], ready='ready')
        return Neighbour(self, ce, home, line)
