# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sending the CE what no correct network would send."""

import socket

from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from labinside import changed, outcomes
from lablines import OCN
from labnet import wait_until

IPIP = 4


class Wan:
    """Sends frames to the CE as they are; a context manager."""

    def __init__(self, lab):
        self.lab = lab
        self.ether = Ether(src=lab.br.mac('wan'), dst=lab.ce.mac('eth2'))
        self.socket = lab.br.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(('wan', 0))

    def send(self, packet):
        """A packet from the IPv6 header on; returns its bytes."""
        frame = bytes(self.ether / packet)
        self.socket.send(frame)
        return frame[14:]

    def tunnel(self, inner, source=OCN.br, **outer):
        """An inner packet in the tunnel to the CE."""
        return self.send(IPv6(src=source, dst=OCN.ce, nh=IPIP, **outer) / inner)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def counted(lab, send):
    """What send() adds to the outcomes."""
    before = outcomes(lab)
    send()
    wait_until(lambda: changed(before, outcomes(lab)), 'the packet to be counted', 3)
    return changed(before, outcomes(lab))
