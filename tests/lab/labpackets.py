# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Judging what was captured on the WAN, byte by byte and without the code under test."""

import socket
import struct

from labtraffic import checksum

ETHER, IPV6 = 14, 40
IPIP, ICMP6 = 4, 58
ICMP, TCP, UDP = 1, 6, 17


class Tunnelled:
    """One IPv4-in-IPv6 frame of a capture."""

    def __init__(self, frame, line):
        self.line = line
        self.frame = frame
        self.outer = frame[ETHER:ETHER + IPV6]
        word, self.payload_len, self.next_header, self.hop_limit = \
            struct.unpack('!IHBB', self.outer[:8])
        self.traffic_class, self.flow_label = word >> 20 & 0xff, word & 0xfffff
        self.out = self.outer[8:24] == socket.inet_pton(socket.AF_INET6, line.ce)
        self.inner = frame[ETHER + IPV6:ETHER + IPV6 + self.payload_len]
        self.tos, self.ttl, self.proto = self.inner[1], self.inner[8], self.inner[9]
        self.l4 = self.inner[(self.inner[0] & 15) * 4:]

    def port(self):
        """Port or echo identifier of the CE's side."""
        if self.proto == ICMP:
            return struct.unpack('!H', self.l4[4:6])[0]
        return struct.unpack('!HH', self.l4[:4])[0 if self.out else 1]

    def l4_sum_is_right(self):
        """Is the checksum of TCP, UDP (which has one here) or ICMP right?"""
        if self.proto == ICMP:
            return checksum(self.l4) == 0
        if self.proto == UDP and self.l4[6:8] == b'\0\0':
            return False
        pseudo = self.inner[12:20] + struct.pack('!HH', self.proto, len(self.l4))
        return checksum(pseudo + self.l4) == 0

    def faults(self):
        """What is wrong with it, as words."""
        line, (source, target) = self.line, (self.outer[8:24], self.outer[24:])
        ends = [socket.inet_pton(socket.AF_INET6, a) for a in (line.ce, line.br)]
        own = self.inner[12:16] if self.out else self.inner[16:20]
        checks = {
            'outer addresses': [source, target] == (ends if self.out else ends[::-1]),
            'outer length': len(self.frame) == ETHER + IPV6 + self.payload_len <= 1514,
            'hop limit': self.hop_limit == 64 or not self.out,
            'traffic class': self.traffic_class == self.tos & 3 or not self.out,
            'inner options': self.inner[0] == 0x45,
            'inner length': struct.unpack('!H', self.inner[2:4])[0] == self.payload_len,
            'inner header sum': checksum(self.inner[:20]) == 0,
            'inner address': own == socket.inet_aton(line.ipv4),
            'fragment': not struct.unpack('!H', self.inner[6:8])[0] & 0x3fff,
            'protocol': self.proto in (ICMP, TCP, UDP),
            'port': self.port() in line.ports,
            'l4 sum': self.l4_sum_is_right(),
        }
        return [what for what, right in checks.items() if not right]


def frames(capture):
    """All frames of a Capture as bytes; ends it."""
    from scapy.utils import RawPcapReader
    reader = RawPcapReader(capture.stop())
    try:
        return [data for data, _ in reader]
    finally:
        reader.close()


def tunnelled(capture, line, rest=None):
    """The Tunnelled of a Capture, each without fault; the others go to the list `rest`."""
    found, others = [], [] if rest is None else rest
    for frame in frames(capture):
        if frame[12:14] == b'\x86\xdd' and frame[ETHER + 6] == IPIP:
            packet = Tunnelled(frame, line)
            assert not packet.faults(), f'{packet.faults()}: {frame.hex()}'
            found.append(packet)
        else:
            others.append(frame)
    return found
