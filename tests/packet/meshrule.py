# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Forwarding rules for the bench, and who owns an address and a port by them: worked out on
strings of bits, straight from the figures of RFC 7597 and draft-ietf-softwire-map-03."""
import ipaddress
import struct
from dataclasses import dataclass


def bits(network):
    """A prefix as 0 and 1."""
    return format(int(network.network_address), f"0{network.max_prefixlen}b")[:network.prefixlen]


@dataclass(frozen=True)
class Rule:
    """One rule; the PSID is embedded in the EA bits, or there is none."""
    ipv6: str
    ipv4: str
    ea: int
    offset: int
    iid: str = "rfc7597"

    @property
    def net6(self):
        return ipaddress.IPv6Network(self.ipv6)

    @property
    def net4(self):
        return ipaddress.IPv4Network(self.ipv4)

    @property
    def psid_len(self):
        return max(0, self.ea - (32 - self.net4.prefixlen))

    def psid(self, port):
        """PSID bits of a port; None if no CE owns it."""
        text = format(port, "016b")
        if self.psid_len and self.offset and "1" not in text[:self.offset]:
            return None
        return text[self.offset:self.offset + self.psid_len]

    def address(self, ipv4, psid):
        """The CE with this address and these PSID bits."""
        ip4 = format(int(ipaddress.IPv4Address(ipv4)), "032b")
        prefix = bits(self.net6) + ip4[self.net4.prefixlen:] + psid
        ident = ip4 + psid.rjust(16, "0")
        ident = "0" * 8 + ident + "0" * 8 if self.iid == "draft03" else "0" * 16 + ident
        text = prefix + (prefix[:64].ljust(64, "0") + ident)[len(prefix):]
        return str(ipaddress.IPv6Address(int(text, 2)))

    def ce(self, ipv4, port):
        """The CE that owns address and port, or None."""
        psid = self.psid(port)
        return None if psid is None else self.address(ipv4, psid)

    def key(self):
        """struct mape_prefix4."""
        return struct.pack("=I4s", self.net4.prefixlen, self.net4.network_address.packed)

    def value(self):
        """struct mape_fmr."""
        ip6 = int(self.net6.network_address)
        return struct.pack("=QQIHBBBBBB4x", ip6 >> 64, ip6 & (1 << 64) - 1,
                           int(self.net4.network_address), 0, self.net6.prefixlen,
                           self.net4.prefixlen, self.ea, self.offset, self.psid_len,
                           ["draft03", "rfc7597"].index(self.iid))


def write_rules(bench, rules):
    for rule in rules:
        bench.ask("update", map="fmrs", key=rule.key().hex(), value=rule.value().hex())


def write_sources(bench, *networks):
    """Who may send from the LAN; they count once source_count says so."""
    for network in map(ipaddress.IPv4Network, networks):
        key = struct.pack("=I4s", network.prefixlen, network.network_address.packed)
        bench.ask("update", map="lan_sources", key=key.hex(), value="01000000")
