# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The lines (subscriptions) that the lab can imitate, as literal facts.

Nothing here is computed with the code under test: the numbers are written down from the public
rule table for a made-up line, so that a mistake in the rule arithmetic shows up as traffic that
the BR refuses.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One MAP-E line as seen by its CE. Lengths in bits."""
    name: str
    prefix: str            # end-user IPv6 prefix
    wan_address: str       # what the CE has from the router advertisement, with length
    ce: str                # CE address (tunnel endpoint)
    br: str
    ipv4: str              # shared address
    psid: int
    psid_len: int
    offset: int            # PSID offset
    rule_v6: str
    rule_v4: str
    ea: int
    iid: str = 'draft03'

    @property
    def rule_option(self):
        """The rule as the argument of mape-xdp's --rule."""
        return (f'ipv6={self.rule_v6},ipv4={self.rule_v4},ea={self.ea},'
                f'offset={self.offset},br={self.br}')

    @property
    def ranges(self):
        """Port ranges of this line as (first, last), RFC 7597 section 5.1."""
        if not self.psid_len:
            return [(0, 65535)]
        m = 16 - self.offset - self.psid_len
        first_block = 1 if self.offset else 0
        starts = [(a << (16 - self.offset)) | (self.psid << m)
                  for a in range(first_block, 1 << self.offset)]
        return [(s, s + (1 << m) - 1) for s in starts]

    @property
    def ports(self):
        """All ports of this line, as a set."""
        return {p for first, last in self.ranges for p in range(first, last + 1)}


# OCN Virtual Connect: 63 ranges of 16 ports.
OCN = Line(
    name='ocn', prefix='2400:4050:400:5600::/56', wan_address='2400:4050:400:5600::2/64',
    ce='2400:4050:400:5600:99:f010:100:1600', br='2001:380:a120::9',
    ipv4='153.240.16.1', psid=22, psid_len=6, offset=6,
    rule_v6='2400:4050::/34', rule_v4='153.240.0.0/16', ea=22)

# JPNE v6plus: 15 ranges of 16 ports.
V6PLUS = Line(
    name='v6plus', prefix='240b:10:220:2000::/56', wan_address='240b:10:220:2000::2/64',
    ce='240b:10:220:2000:6a:4802:2000:2000', br='2404:9200:225:100::64',
    ipv4='106.72.2.32', psid=0x20, psid_len=8, offset=4,
    rule_v6='240b:10::/31', rule_v4='106.72.0.0/15', ea=25)

# RFC 7597 appendix A, example 1: the interface identifier of the final RFC, 63 ranges of 4 ports.
RFC = Line(
    name='rfc', prefix='2001:db8:12:3400::/56', wan_address='2001:db8:12:3400::2/64',
    ce='2001:db8:12:3400:0:c000:212:34', br='2001:db8:ffff::1',
    ipv4='192.0.2.18', psid=0x34, psid_len=8, offset=6,
    rule_v6='2001:db8::/40', rule_v4='192.0.2.0/24', ea=16, iid='rfc7597')

# Few ports, so that they run out quickly: 15 ranges of 4. EA bits 0x12 (IPv4) and 0x0d1 (PSID).
SMALL = Line(
    name='small', prefix='2001:db8:48:d100::/56', wan_address='2001:db8:48:d100::2/64',
    ce='2001:db8:48:d100:0:c000:212:d1', br='2001:db8:ffff::1',
    ipv4='192.0.2.18', psid=0xd1, psid_len=10, offset=4,
    rule_v6='2001:db8::/38', rule_v4='192.0.2.0/24', ea=18, iid='rfc7597')
