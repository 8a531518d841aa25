# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a NAPT makes of a packet, byte for byte, whatever the packet looks like.

dissect() reads an IPv4 packet as RFC 791, 792, 768 and 9293 define it and says what is wrong with
it. rewrite() changes the address and port of one side in it. Every checksum is computed twice from
all the bytes it covers; one that was right is right again, one that was wrong stays wrong by the
same difference.
"""
from dataclasses import dataclass, field

from octets import ICMP, SYN, TCP, UDP, ones_sum, pseudo

QUERY, REPLY, ERROR = {8, 13}, {0, 14}, {3, 11, 12}
CHECK_AT = {TCP: 16, UDP: 6, ICMP: 2}  # in the transport header
ID_AT = 4                              # of ICMP queries and replies


def word(data, at):
    return int.from_bytes(data[at:at + 2], "big")


def put(data, at, value):
    data[at:at + 2] = value.to_bytes(2, "big")


@dataclass
class Dissected:
    packet: bytes = b""     # as long as its header says
    tail: bytes = b""       # what the frame has behind it
    # Of malformed, fragment_bad, protocol, checksum and, of an error's quote, icmp or no_session.
    faults: set = field(default_factory=set)
    fragment: str = ""      # "first" or "later"
    proto: int = 0
    l4: int = 0
    error: bool = False     # an ICMP error; the next three are about what it quotes
    quote: int = 0
    icmp_type: int = -1
    tcp_flags: int = 0
    addresses: tuple = ()   # (source, destination)
    inside: tuple = ()      # (protocol, source, port, destination, port), of an error the quote's


def ip_header(data):
    """(length of the header, total length), or None if there is no IPv4 header."""
    if len(data) < 20 or data[0] >> 4 != 4 or data[0] & 15 < 5:
        return None
    return (data[0] & 15) * 4, word(data, 2)


def ends(proto, ip, l4, asks):
    """The five-tuple; of ICMP the id is the port of the side that asks."""
    if proto == ICMP:
        ident = word(l4, ID_AT)
        return proto, ip[12:16], ident if asks else 0, ip[16:20], 0 if asks else ident
    return proto, ip[12:16], word(l4, 0), ip[16:20], word(l4, 2)


def dissect(data, way):
    """way: "out" or "in"."""
    d = Dissected()
    lengths = ip_header(data)
    if not lengths or not lengths[0] <= lengths[1] <= len(data):
        d.faults.add("malformed")
        return d
    d.l4, total = lengths
    d.packet, d.tail = data[:total], data[total:]
    d.addresses = data[12:16], data[16:20]
    d.proto = data[9]
    l4 = d.packet[d.l4:]
    if d.proto not in CHECK_AT:
        d.faults.add("protocol")
        return d
    if word(data, 6) & 0x3fff:
        dissect_fragment(d, l4)
        if d.faults or d.fragment == "later":
            return d
    if d.fragment and d.proto == ICMP and l4[0] in ERROR:
        d.faults.add("fragment_bad")
    elif d.fragment and d.proto == TCP and not 20 <= (l4[12] >> 4) * 4 <= len(l4):
        d.faults.add("fragment_bad")
    elif len(l4) < (20 if d.proto == TCP else 8):
        d.faults.add("malformed")
    elif d.proto == TCP and not 20 <= (l4[12] >> 4) * 4 <= len(l4):
        d.faults.add("malformed")
    elif d.proto == ICMP:
        dissect_icmp(d, l4, way)
    else:
        d.tcp_flags = l4[13] if d.proto == TCP else 0
        d.inside = ends(d.proto, data, l4, True)
    return d


def dissect_fragment(d, l4):
    """RFC 791 section 3.2, RFC 1858, RFC 3128."""
    more, offset = word(d.packet, 6) & 0x2000, (word(d.packet, 6) & 0x1fff) * 8
    header = 20 if d.proto == TCP else 8
    d.fragment = "later" if offset else "first"
    if not l4 or more and len(l4) % 8 or offset + len(d.packet) > 65535 or \
            (offset or len(l4)) < header:
        d.faults.add("fragment_bad")


def dissect_icmp(d, l4, way):
    d.icmp_type = l4[0]
    if l4[0] in ERROR:
        d.error = True
        d.quote = d.l4 + 8
        dissect_quote(d, l4, way)
    elif l4[0] in QUERY | REPLY:
        # The LAN asks outbound and is answered inbound, whatever the type says.
        d.inside = ends(ICMP, d.packet, l4, way == "out")
    else:
        d.faults.add("protocol")


def quoted(l4):
    """What an ICMP error quotes: all there is, or as much as it says (RFC 4884 section 4), unless
    that cannot be: the field used to be unused."""
    quote, length = l4[8:], 4 * l4[5]
    least = (quote[0] & 15) * 4 + 8 if quote else 0
    return quote[:length] if least <= length <= len(quote) else quote


def dissect_quote(d, l4, way):
    """The packet that is quoted went the other way."""
    quote = l4[8:]
    lengths = ip_header(quote)
    if not lengths or lengths[0] + 8 > len(quoted(l4)):
        d.faults.add("malformed")
    if len(quote) >= 8 and word(quote, 6) & 0x1fff:
        d.faults.add("icmp" if way == "in" else "no_session")
    if len(quote) >= 10 and quote[9] not in CHECK_AT:
        d.faults.add("protocol")
    if d.faults:
        return
    # RFC 5508 REQ-3: an error is believed if its checksum and the quoted header's are right.
    if ones_sum(d.packet[d.l4:]) != 0xffff or ones_sum(quote[:lengths[0]]) != 0xffff:
        d.faults.add("checksum")
    proto, inner_l4 = quote[9], quote[lengths[0]:]
    asked = way == "in"
    # Nobody is told about an ICMP packet but a query of ours, or the reply to it.
    if proto == ICMP and inner_l4[0] not in (QUERY if asked else REPLY):
        d.faults.add("malformed")
        return
    d.inside = ends(proto, quote, inner_l4, asked)


def mss_option(segment):
    """Where a SYN says its MSS (RFC 9293 section 3.2), None if it does not."""
    end, at = (segment[12] >> 4) * 4, 20
    while at < end and segment[at]:
        if segment[at] == 1:
            at += 1
            continue
        if at + 2 > end or segment[at + 1] < 2 or at + segment[at + 1] > end:
            return None
        if segment[at] == 2 and segment[at + 1] == 4:
            return at + 2
        at += segment[at + 1]
    return None


class Rewriter:
    """Changes bytes of a packet and then its checksums."""

    def __init__(self, packet):
        self.old = packet
        self.new = bytearray(packet)
        self.loose = set()  # checksums where 0 and 0xffff, which are the same number, may both be

    def carry(self, at, covered, whole=True, zero_means_none=False):
        """A checksum field follows what it covers: covered(packet) gives the bytes, itself as 0.

        whole: these are all bytes it covers; a router may have quoted fewer.
        """
        was = word(self.old, at)
        if zero_means_none and not was:
            return
        wrong = (was + ones_sum(covered(self.old))) % 0xffff
        now = (wrong - ones_sum(covered(self.new))) % 0xffff
        if not now and not zero_means_none and (wrong or not whole or was == 0xffff):
            self.loose.add(at)
        put(self.new, at, now or (0xffff if zero_means_none else 0))

    def same(self, got):
        """Is this what has to come out? 0xffff and 0 are alike where the sender had it wrong."""
        if got == self.new:
            return True
        if len(got) != len(self.new):
            return False
        have = bytearray(got)
        for at in self.loose:
            if word(have, at) in (0, 0xffff):
                put(have, at, word(self.new, at))
        return have == self.new


def cover(at, start, end, before=lambda packet: b""):
    """What the checksum at `at` covers: the packet from start to end, the checksum being 0."""
    return lambda packet: before(packet) + packet[start:at] + b"\0\0" + packet[at + 2:end]


def change_ip(r, at, source, addr):
    start = at + (12 if source else 16)
    r.new[start:start + 4] = addr


def rewrite(d, way, addr, port, ttl_dec=0, tos=None, mss=0, ident=None):
    """The packet with our side's address and port replaced.

    way: "out" or "in"; mss: its limit; ident: the new identification of a packet that is a fragment
    or may become one, which
    shares its address with others' (RFC 6864 section 5.3.1).
    """
    r = Rewriter(d.packet)
    out = way == "out"
    change_ip(r, 0, out, addr)
    r.new[8] -= ttl_dec
    if tos is not None:
        r.new[1] = tos
    if ident is not None and (d.fragment or not d.packet[6] & 0x40):
        put(r.new, 4, ident)
    r.carry(10, cover(10, 0, d.l4))
    if d.error:
        rewrite_error(r, d, not out, addr, port)
    else:
        if d.tcp_flags & SYN and mss:
            clamp(r, d, mss)
        rewrite_l4(r, d.proto, 0, d.l4, len(d.packet), out, port)
    return r


def clamp(r, d, limit):
    at = mss_option(d.packet[d.l4:])
    if at and word(d.packet, d.l4 + at) > limit:
        put(r.new, d.l4 + at, limit)


def rewrite_l4(r, proto, ip, l4, end, source, port):
    """Port and checksum of the transport header at l4 of the IPv4 packet at ip."""
    at = l4 + CHECK_AT[proto]
    put(r.new, l4 + (ID_AT if proto == ICMP else 0 if source else 2), port)
    if at + 2 > end:
        return

    def addresses(packet):
        return b"" if proto == ICMP else pseudo(proto, packet[ip + 12:ip + 16],
                                                packet[ip + 16:ip + 20], length)
    length = word(r.old, l4 + 4) if proto == UDP else end - l4
    whole = not ip and (proto != UDP or length == end - l4)
    r.carry(at, cover(at, l4, end, addresses), whole, proto == UDP)


def rewrite_error(r, d, source, addr, port):
    """Our side of the quoted packet, and the checksum of the error over all of it."""
    ihl = (d.packet[d.quote] & 15) * 4
    end = d.quote + len(quoted(d.packet[d.l4:]))
    change_ip(r, d.quote, source, addr)
    r.carry(d.quote + 10, cover(d.quote + 10, d.quote, d.quote + ihl))
    rewrite_l4(r, d.inside[0], d.quote, d.quote + ihl, end, source, port)
    r.carry(d.l4 + 2, cover(d.l4 + 2, d.l4, len(d.packet)))
