# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets that nobody should send: valid ones of a conversation, then broken in every way."""
import struct

from octets import (EXTERNAL, FIN, FROM_LAN, FROM_STACK, FROM_WAN, ICMP, RST, SYN, TCP, UDP, ACK,
                    PSH, URG, checksum, icmp, inet_aton, ipv4, ones_sum, outer, tcp, udp)
from rewrite import ERROR, put, word
from wire import BR, BR2, CE

EDGES = (0, 1, 19, 20, 27, 28, 0xff, 0x7fff, 0x8000, 0xfffe, 0xffff)
OPTIONS = (b"\x02\x04\xff\xff", b"\x02\x04\x05\xb4", b"\x02\x04\x02\x00", b"\x01", b"\x00",
           b"\x03\x03\x07", b"\x04\x02", b"\x08\x0a" + bytes(8), b"\x02\x03\x09", b"\xfe\x00",
           b"\xfe\x01", b"\xfe\x28", b"\x02", b"\x02\x04", b"\x02\x05\xff\xff\xff", b"\x22\x02")
TYPES = (0, 3, 8, 11, 12, 13, 14)


def options(pick, most):
    """Some TCP options, as long as a header can say."""
    data = b"".join(pick.choice(OPTIONS) for _ in range(pick.randrange(8)))[:most]
    return data + pick.choice((b"\0", b"\1")) * (-len(data) % 4)


def body(pick):
    size = pick.choice((0, 0, 1, 2, 3, 7, 8, 20, 33, 100, pick.randrange(1, 200), 1190))
    return pick.randbytes(size)


def repair_header(data):
    """The checksum of an IPv4 header is made right, whatever the header says."""
    ihl = (data[0] & 15) * 4
    if 20 <= ihl <= len(data):
        put(data, 10, 0)
        put(data, 10, checksum(bytes(data[:ihl])))


class Generator:
    """Frames of conversations; flow is the model's, external the port that it has there."""

    def __init__(self, pick):
        self.pick = pick
        self.corners = (0xffff,)

    def segment(self, proto, src, sport, dst, dport, asks):
        pick = self.pick
        if proto == TCP:
            flags = pick.choice((SYN, SYN, SYN | ACK, ACK, ACK, PSH | ACK, FIN | ACK, RST,
                                 URG | ACK, pick.randrange(256)))
            return tcp(src, sport, dst, dport, flags, body(pick),
                       options(pick, 40) if pick.random() < 0.5 else b"")
        if proto == UDP:
            data = udp(src, sport, dst, dport, body(pick))
            return data[:6] + b"\0\0" + data[8:] if pick.random() < 0.1 else data
        kind = pick.choice((8, 8, 13)) if asks else pick.choice((0, 0, 14))
        return icmp(kind, 0, struct.pack("!HH", sport or dport, 9), body(pick))

    def packet(self, proto, src, sport, dst, dport, asks):
        pick = self.pick
        return ipv4(proto, src, dst, self.segment(proto, src, sport, dst, dport, asks),
                    ttl=pick.choice((64, 64, 2, 1, 255)), tos=pick.choice((0, 0, 1, 2, 3, 0xb8)),
                    ident=pick.randrange(65536), frag=pick.choice((0x4000, 0x4000, 0)),
                    options=options(pick, 40) if pick.random() < 0.05 else b"")

    def error(self, quoted, src, dst):
        """An ICMP error that quotes as much of a packet as somebody pleases."""
        pick = self.pick
        quote = bytearray(quoted)
        if pick.random() < 0.4:
            self.mutate_ip(quote)
            if pick.random() < 0.7:
                repair_header(quote)
        length = pick.choice((28, 28, 32, 40, 128, len(quote), pick.randrange(60), len(quote)))
        quote, words = bytes(quote[:length]), 0
        if pick.random() < 0.2:  # RFC 4884, also in part and without sense
            words = pick.choice((32, 32, min(length // 4, 255), pick.randrange(256)))
            quote = quote.ljust(128 if words == 32 else length, b"\0") + b"\x20\0\0\0\0\x08\1\1" + \
                pick.randbytes(4)
        return ipv4(ICMP, src, dst, icmp(pick.choice((3, 3, 3, 11, 12)), pick.randrange(16),
                                         struct.pack("!BBH", 0, words, 1280), quote), tos=0xc0)

    def outbound(self, flow, external):
        proto, *ends = flow
        if self.pick.random() < 0.3:
            back = self.packet(proto, *flow[3:], *flow[1:3], False)
            return self.error(back, flow[1], flow[3])
        return self.packet(proto, *ends, True)

    def inbound(self, flow, external):
        proto, remote = flow[0], flow[3:]
        if self.pick.random() < 0.3:
            sent = self.packet(proto, EXTERNAL, external, *remote, True)
            router = self.pick.choice((flow[3], inet_aton("203.0.113.99")))
            return self.error(sent, router, EXTERNAL)
        return self.packet(proto, *remote, EXTERNAL, external, False)

    # -- breaking -------------------------------------------------------------------------------

    def number(self):
        return self.pick.choice((self.pick.choice(EDGES), self.pick.randrange(65536)))

    def mutate_ip(self, data):
        """One thing about an IPv4 packet becomes something else. Changes it in place."""
        pick = self.pick
        ihl = max(20, (data[0] & 15) * 4) if data else 20
        if len(data) < ihl + 8:
            return
        length = len(data)
        getattr(self, pick.choice((
            "total_length", "version_ihl", "protocol", "fragment", "address", "ports", "checksums",
            "tcp_header", "icmp_type", "udp_length", "flip", "flip", "ip_checksum", "ttl_tos",
            "swap")))(data, ihl)
        assert len(data) == length

    def total_length(self, data, ihl):
        near = len(data) + self.pick.choice((-9, -1, 1, 8, -len(data) + ihl, -len(data) + ihl + 7))
        put(data, 2, self.pick.choice((near % 65536, self.number())))

    def version_ihl(self, data, ihl):
        data[0] = self.pick.choice((0x40 | self.pick.randrange(16), self.pick.randrange(256)))

    def protocol(self, data, ihl):
        data[9] = self.pick.choice((TCP, UDP, ICMP, 4, 41, 47, 50, 132, self.pick.randrange(256)))

    def fragment(self, data, ihl):
        put(data, 6, self.pick.choice((0x2000, 1, 0x2001, 0x8000, 0x1fff, self.number())))

    def address(self, data, ihl):
        at = self.pick.choice((12, 16))
        data[at:at + 4] = self.pick.choice((
            bytes(4), b"\xff" * 4, inet_aton("224.0.0.1"), inet_aton("127.0.0.1"),
            inet_aton("192.0.2.2"), inet_aton("198.51.100.7"), self.pick.randbytes(4)))

    def ports(self, data, ihl):
        put(data, ihl + self.pick.choice((0, 2)), self.number())

    def checksums(self, data, ihl):
        at = ihl + self.pick.choice((2, 6, 16))
        if at + 2 <= len(data):
            put(data, at, self.pick.choice((self.number(), self.pick.choice(self.corners))))

    def ip_checksum(self, data, ihl):
        put(data, 10, self.number())

    def tcp_header(self, data, ihl):
        at = ihl + self.pick.choice((12, 13))
        if at < len(data):
            data[at] = self.pick.randrange(256)

    def icmp_type(self, data, ihl):
        data[ihl] = self.pick.choice(TYPES + (4, 5, 9, 17, 40, self.pick.randrange(256)))

    def udp_length(self, data, ihl):
        put(data, ihl + 4, self.number())

    def ttl_tos(self, data, ihl):
        data[self.pick.choice((1, 8))] = self.pick.choice((0, 1, 2, 3, 255))

    def swap(self, data, ihl):
        """Source and destination, as a packet that is sent back to where it came from."""
        data[12:20] = data[16:20] + data[12:16]

    def flip(self, data, ihl):
        data[self.pick.randrange(len(data))] ^= 1 << self.pick.randrange(8)

    def broken(self, inner):
        """None to three mutations; often the checksums are made right again."""
        data = bytearray(inner)
        for _ in range(self.pick.choice((0, 0, 1, 1, 1, 2, 3))):
            self.mutate_ip(data)
        if self.pick.random() < 0.6:
            repair_header(data)
        if data[9] == ICMP:
            self.repair_icmp(data, (data[0] & 15) * 4)
        return bytes(data)

    def repair_icmp(self, data, l4):
        """Wrong checksums of ICMP errors end them early; many are to get further."""
        end = word(data, 2)
        if not 20 <= l4 <= end - 8 <= len(data) - 8 or data[l4] not in ERROR:
            return
        quote = l4 + 8
        if quote < end and 4 * data[l4 + 5] < (data[quote] & 15) * 4 + 8:
            data[l4 + 5] = 0  # nobody says what a length below RFC 792's minimum means
        if self.pick.random() < 0.8:
            put(data, l4 + 2, 0)
            put(data, l4 + 2, checksum(bytes(data[l4:end])))

    def resized(self, data):
        """Cut off somewhere, or with something behind it."""
        chance = self.pick.random()
        if chance < 0.06:
            return data[:self.pick.randrange(len(data) + 1)]
        if chance < 0.12:
            return data + self.pick.randbytes(self.pick.randrange(1, 60))
        return data

    def frame(self, path, flow, external):
        """For the LAN hook, the tunnel's exit or the WAN hook."""
        pick = self.pick
        change = ones_sum(EXTERNAL + external.to_bytes(2, "big")) - \
            ones_sum(flow[1] + flow[2].to_bytes(2, "big"))
        # These become 0 by the translation, one way or the other.
        self.corners = change % 0xffff, -change % 0xffff, 0xffff
        if path != "wan":
            frame = bytearray((FROM_LAN if path == "lan" else FROM_STACK) +
                              self.resized(self.broken(self.outbound(flow, external))))
        else:
            inner = self.resized(self.broken(self.inbound(flow, external)))
            plen = max(0, len(inner) + pick.choice((-1, -8, 5))) if pick.random() < 0.04 else None
            head = outer(inner, pick.choice((BR, BR, BR, BR2)), CE, pick.choice((0, 0, 0, 1, 2, 3)),
                         plen)
            frame = bytearray(FROM_WAN + head + inner)
            if pick.random() < 0.04:  # anywhere in the outer header, and so somebody else's
                frame[14 + pick.randrange(40)] ^= 1 << pick.randrange(8)
        if pick.random() < 0.02:
            frame[pick.randrange(14)] ^= 1 << pick.randrange(8)
        if pick.random() < 0.03:
            del frame[pick.randrange(14, len(frame) + 1):]
        return bytes(frame)
