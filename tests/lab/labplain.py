# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The other end of a tunnel without rules: AFTR, lwAFTR of one line, or an IPIP router.

A raw socket for next header 4 and a TUN device; what comes from elsewhere than the line is refused.
Run as a program in the namespace: labplain.py DEVICE OURS THEIRS.
"""

import fcntl
import os
import select
import socket
import struct
import sys

from lab import HERE, Lab
from lablines import OCN

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
DEVICE = 'plain0'
LOCAL = '2400:4050:400:5600::77'  # in the line's prefix, and no rule leads to it


def serve(device, ours, theirs):
    """Until killed."""
    tun = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH14x', device.encode(), IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_IPIP) as wan:
        wan.bind((ours, 0))
        poll = select.poll()
        for fd in (tun, wan.fileno()):
            poll.register(fd, select.POLLIN)
        print('ready', flush=True)
        while True:
            for fd, _ in poll.poll():
                if fd == tun:
                    packet = os.read(tun, 65536)
                    if packet[0] >> 4 == 4:  # the device has IPv6 too, which says hello
                        wan.sendto(packet, (theirs, 0))
                    continue
                packet, sender = wan.recvfrom(65536)
                if sender[0] == theirs:
                    os.write(tun, packet)
                else:
                    print('refused', sender[0], flush=True)


class PlainLab(Lab):
    """A lab whose other end is this; `behind` are the networks that are reached through it."""

    def __init__(self, *behind, local=LOCAL, **options):
        super().__init__(peer=None, **options)
        try:
            self.end = self.br.start([sys.executable, f'{HERE}/labplain.py', DEVICE, OCN.br, local],
                                     ready='ready')
            self.br.ip(f'link set {DEVICE} mtu 1460 up\n' +
                       '\n'.join(f'route add {network} dev {DEVICE}' for network in behind))
            self.serve()
            self.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
        except BaseException:
            self.close()
            raise

    def own_prefix(self, router, *hosts):
        """Give the LAN addresses of its own prefix, a /29."""
        self.ce.ip(f'address add {router}/29 dev br-lan')
        for role, address in zip(('h1', 'h2'), hosts):
            self.namespaces[role].ip(f'''address flush dev eth0 scope global
                address add {address}/29 dev eth0
                route add default via {router}''')

    def refused(self):
        """What the other end did not take."""
        return [line for line in self.end.output().splitlines() if line.startswith('refused')]


if __name__ == '__main__':
    serve(*sys.argv[1:])
