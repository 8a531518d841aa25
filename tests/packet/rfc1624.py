# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One's complement arithmetic as RFC 1071 and RFC 1624 write it down."""
from socket import inet_aton


def add(*words):
    """The one's complement sum of 16-bit words."""
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def words(*parts):
    """Addresses as text and numbers, as 16-bit words."""
    for part in parts:
        if isinstance(part, str):
            octets = inet_aton(part)
            yield int.from_bytes(octets[:2], "big")
            yield int.from_bytes(octets[2:], "big")
        else:
            yield part


def updated(check, old, new):
    """RFC 1624 section 3, equation 3: HC' = ~(~HC + ~m + m'), of any number of words."""
    return ~add(~check & 0xffff, *(~word & 0xffff for word in words(*old)),
                *words(*new)) & 0xffff
