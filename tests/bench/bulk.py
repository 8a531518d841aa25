# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bulk TCP by iperf3 through the lab, beside the same lab with plain IPv4 routing and SNAT.

Both have the same hosts, bridge, devices and number of hops; the far end of the tunnel moves
super-packets as they are (tests/lab/peer.bpf.c), so that the CE is what is compared.
"""

import json

from lab import Lab
from router import mape
from rows import Row

SERVER = '198.51.100.1'
SNAT = '''table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat
        oifname "eth2" snat to 192.0.2.1
    }
}'''


def plain_lab(offloads):
    """The lab without a tunnel: IPv4 on the line, SNAT in the CE."""
    lab = Lab(peer=None, wan=offloads, lan=offloads, firewall=SNAT)
    lab.ce.ip('''address add 192.0.2.1/24 dev eth2
        route add default via 192.0.2.2''')
    lab.br.ip('address add 192.0.2.2/24 dev wan')
    return lab


def mape_lab(offloads, hook):
    """The lab with mape-xdp in the CE; no ruleset, as in the other."""
    lab = Lab(peer='bpf', wan=offloads, lan=offloads, firewall=None)
    mape(lab.ce, 'attach', 'eth2', 'br-lan', '--wan-hook', hook, '--lan-hook', hook)
    return lab


def gbit(lab, seconds, streams, down):
    """Rate of one iperf3 run as its receiver sees it, in Gbit/s."""
    server = lab.srv.start('iperf3 -s -1 --forceflush', ready='listening')
    out = lab.h1.run(['iperf3', '-c', SERVER, '-t', str(seconds), '-O', '0.5', '-J', '-P',
                      str(streams), *(['-R'] if down else [])], timeout=seconds + 30).stdout
    server.wait(10)
    return json.loads(out)['end']['sum_received']['bits_per_second'] / 1e9


def bulk_rows(rounds, seconds):
    """One row per offloads, streams and direction."""
    cases = [('offload', 1), ('offload', 4), ('wire', 1)]
    bars = {('offload', 1): 0.95, ('offload', 4): 0.90, ('wire', 1): 1.0}
    rows = []
    for offloads, hooks in (('offload', ('tc',)), ('wire', ('tc', 'xdp'))):
        with plain_lab(offloads) as plain:
            labs = {hook: mape_lab(offloads, hook) for hook in hooks}
            try:
                rows += _rows([c for c in cases if c[0] == offloads], plain, labs, bars, rounds,
                              seconds)
            finally:
                for lab in labs.values():
                    lab.close()
    return rows


def _rows(cases, plain, labs, bars, rounds, seconds):
    rates = {}
    for _ in range(rounds):
        for case in cases:
            for down in (False, True):
                for name, lab in {'plain': plain, **labs}.items():
                    rates.setdefault((name, *case, down), []).append(
                        gbit(lab, seconds, case[1], down))
    rows = []
    for offloads, streams in cases:
        for down in (False, True):
            # The bar is for the best mode.
            best = max(labs, key=lambda h: sum(rates[h, offloads, streams, down]))
            for hook in labs:
                rows.append(Row(
                    f'bulk TCP, offloads {"on" if offloads == "offload" else "off"}, {streams} '
                    f'stream{"s" * (streams > 1)}, {"WAN to LAN" if down else "LAN to WAN"}, '
                    f'{hook.upper()}', 'Gbit/s', rates[hook, offloads, streams, down],
                    rates['plain', offloads, streams, down], 'kernel routing + SNAT',
                    bar=bars[offloads, streams] if hook == best else None))
    return rows
