# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A router in the middle of the IPv6 path whose links to both sides take less than the WAN.

    ce eth2 ==== ce0  mid  br0 ==== wan br

Neither end can see it on its own links, which stay as they are.
"""

from labnet import run, wait_until
from lab import make_wire

MID = '2001:db8:77::1'


def insert_router(lab, mtu, silent=False):
    """Put it between CE and BR of a Lab with a wire; `silent` never says Packet Too Big."""
    mid = lab._namespace('mid')
    line = lab.line
    lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)  # its carrier is going to go and come
    lab.br.ip(f'link set wan netns {mid.name}')
    mid.ip('link set wan name ce0')
    run(f'ip link add br0 netns {mid.name} type veth peer name wan netns {lab.br.name}')
    for ns, dev in ((mid, 'ce0'), (mid, 'br0'), (lab.br, 'wan')):
        make_wire(ns, dev)
        ns.ip(f'link set {dev} gro_max_size 1')
        ns.ethtool(dev, 'gro on')
    mid.sysctl('net.ipv6.conf.all.forwarding', 1)
    mid.ip(f'''link set ce0 addrgenmode none up
        link set br0 addrgenmode none up
        address add fe80::1/64 dev ce0 nodad
        address add fe80::a/64 dev br0 nodad
        address add {MID}/128 dev lo nodad
        route add {line.prefix} dev ce0 mtu lock {mtu}
        route add {line.br}/128 via fe80::b dev br0 mtu lock {mtu}''')
    lab.br.ip(f'''link set wan addrgenmode none up
        address add fe80::b/64 dev wan nodad
        route add {line.prefix} via fe80::a dev wan''')
    # So that the BR can go on checking the hop limit that the CE has set.
    mid.nft('''table ip6 mangle {
        chain prerouting {
            type filter hook prerouting priority mangle
            meta l4proto 4 ip6 hoplimit set 65
        }
    }''')
    if silent:
        mid.nft('''table ip6 fw {
            chain output {
                type filter hook output priority filter
                icmpv6 type packet-too-big drop
            }
        }''')
    wait_until(lab.wan_ready, 'eth2 of the CE')
    return mid


def refuse_icmp(ns):
    """A host whose owner believes that ICMP is dangerous."""
    ns.nft('''table ip fw {
        chain input {
            type filter hook input priority filter
            meta l4proto icmp drop
        }
    }''')
