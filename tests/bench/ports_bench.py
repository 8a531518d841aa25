# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ports bench: does everything that a household does at once work, with the ports it has?

ports [--quick] [--json FILE] [ROW...]

Opens sessions from four LAN hosts to many servers until all are open at the same time, then uses
each again. The same load goes through mape-xdp and through nftables SNAT restricted to the same
ports, in the same lab: over the first range, as usual scripts do, and over a range chosen at
random. Exit status 1 if a session through mape-xdp did not work, or if the border relay saw a
packet from a port outside the set.

FILE gets a list of {"row", "ours", "against", "ratio", "bar", "ok"}: ours and against are the
shares of the wanted sessions that worked to the end, ratio is ours/against (null for /0), bar is
the share that ours has to reach.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../lab'))

from lab import BUILD  # noqa: E402
from lablines import OCN, V6PLUS, Line  # noqa: E402
from labnet import LabError  # noqa: E402
from labsweep import sweep_stale  # noqa: E402
from ports_lab import PortsLab, all_ranges, first_range, load  # noqa: E402

BAR = 1.0
AGAINST = {'nft, all ranges': all_ranges, 'nft, first range': first_range}


@dataclass(frozen=True)
class Row:
    """One load. timeout in seconds: from then on a session without an answer has failed."""
    line: Line
    proto: str
    sessions: int
    servers: int
    timeout: int = 10

    @property
    def name(self):
        """What it is, with how much of the (port, remote) space it takes."""
        ports = len(self.line.ports)
        share = self.sessions / (ports * self.servers)
        return (f'{self.sessions} {self.proto.upper()} sessions, {ports} ports, '
                f'{self.servers} servers ({share:.0%} of the space)')


ROWS = [
    Row(V6PLUS, 'tcp', 10_000, 200),
    Row(V6PLUS, 'udp', 10_000, 200),
    Row(OCN, 'tcp', 60_000, 200),
    Row(OCN, 'udp', 60_000, 200),
    Row(V6PLUS, 'tcp', 45_600, 200),
    Row(V6PLUS, 'udp', 45_600, 200),
]
QUICK = [
    Row(V6PLUS, 'tcp', 2_280, 10, timeout=5),
    Row(V6PLUS, 'udp', 2_280, 10, timeout=5),
]


@dataclass
class Result:
    """What one NAT made of a row. faults: what is wrong besides sessions that do not work."""
    row: Row
    nat: str
    opened: dict
    checked: dict
    faults: list

    @property
    def share(self):
        """Sessions that worked to the end, of those wanted."""
        return self.checked['good'] / self.row.sessions

    def remarks(self):
        """Failures and faults in words."""
        for what, report in (('not opened', self.opened), ('disturbed later', self.checked)):
            if report['failed']:
                whys = ', '.join(f'{n} {why}' for why, n in sorted(report['failed'].items()))
                yield f'{what}: {whys}'
        yield from self.faults

    def show(self):
        """One line of the table, and remarks below."""
        print(f'  {self.nat:<18}{self.opened["good"]:>8}{self.checked["good"]:>8}{self.share:>9.1%}'
              f'{self.checked["resent"]:>14}{len(self.checked["ports"]):>7}'
              f'{self.opened["seconds"]:>9.1f}', flush=True)
        for remark in self.remarks():
            print(f'      {remark}', flush=True)


def line_faults(lab):
    """What the border relay found wrong."""
    return [f'the border relay refused {n} packets: {kind}'
            for kind, n in lab.peer.refused().items()]


def drops(lab):
    """What mape-xdp dropped: it says why sessions failed."""
    outcomes = lab.mape_json('stats')['outcomes']
    return [f'{name}: {o["packets"]} packets' for name, o in outcomes.items()
            if o['drop'] and o['packets']]


def measure(row, nat, snat=None):
    """One row through one NAT, in a lab of its own."""
    with PortsLab(row.line, snat) as lab:
        opened, checked = load(lab, row.proto, row.sessions, row.servers, row.timeout)
        faults = [] if snat else line_faults(lab)
        result = Result(row, nat, opened, checked, faults)
        if not snat and result.share < BAR:
            faults += drops(lab)
        result.show()
        return result


def bench(row):
    """One row through every NAT: its records for the JSON file."""
    heads = f'{"opened":>8}{"work":>8}{"":>9}{"retransmitted":>14}{"ports":>7}{"seconds":>9}'
    print(f'\n{row.name}\n  {"":<18}{heads}', flush=True)
    ours = measure(row, 'mape-xdp')
    ok = ours.share >= BAR and not ours.faults
    if ok:
        print('      the border relay saw no packet outside the port set', flush=True)
    for nat, snat in AGAINST.items():
        against = measure(row, nat, snat).share
        yield {
            'row': f'{row.name} against {nat}',
            'ours': round(ours.share, 6),
            'against': round(against, 6),
            'ratio': round(ours.share / against, 2) if against else None,
            'bar': BAR,
            'ok': ok,
        }


def read_options(argv):
    """Command line."""
    parser = argparse.ArgumentParser(prog='ports', description=__doc__.partition('\n\n')[0])
    parser.add_argument('--quick', action='store_true', help='small loads, under 40 seconds')
    parser.add_argument('--json', default=os.path.join(BUILD, 'bench/ports.json'), metavar='FILE')
    parser.add_argument('rows', nargs='*', type=int, metavar='ROW',
                        help='only these rows, counted from 1')
    options = parser.parse_args(argv)
    rows = QUICK if options.quick else ROWS
    if any(not 0 < n <= len(rows) for n in options.rows):
        parser.error(f'ROW is 1 to {len(rows)}')
    options.json = os.path.abspath(options.json)
    options.rows = [rows[n - 1] for n in options.rows] or rows
    return options


def main(argv):
    """The whole bench; exit status."""
    options = read_options(argv)
    if os.geteuid():
        print('the ports bench needs root: sudo make bench-ports', file=sys.stderr)
        return 1
    try:
        os.makedirs(os.path.dirname(options.json), exist_ok=True)
        if os.path.exists(options.json):
            os.unlink(options.json)  # no result is better than an old one
        sweep_stale()
        records = [record for row in options.rows for record in bench(row)]
    except (LabError, OSError) as e:
        print(f'\nThe ports bench ended early: {e}', file=sys.stderr)
        return 1
    with open(options.json, 'w', encoding='ascii') as f:
        json.dump(records, f, indent=1)
    failed = sum(not r['ok'] for r in records) // len(AGAINST)
    print(f'\n{failed} of {len(options.rows)} rows failed' if failed else
          '\nEvery session through mape-xdp worked in every row')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
