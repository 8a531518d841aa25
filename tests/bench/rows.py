# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Rows of the result: two series measured alternately, their medians, the ratio and its bar."""

import statistics
from dataclasses import dataclass


def quartiles(values):
    """(first quartile, median, third quartile)."""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method='inclusive'))


@dataclass
class Row:
    """One comparison. The ratio is the median over the rounds, so that both of its sides met the
    same disturbances; `at_most` bars are for costs, the others for rates."""
    row: str
    unit: str
    ours: list
    against: list
    what: str = ''         # what it is measured against
    bar: float = None
    at_most: bool = False
    valid: str = ''        # why the numbers do not count, if they do not

    @property
    def ratios(self):
        return [a / b for a, b in zip(self.ours, self.against) if b]

    @property
    def ratio(self):
        return quartiles(self.ratios)[1] if self.ratios else None

    @property
    def ok(self):
        if self.valid:
            return False
        if self.bar is None:
            return None
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar

    def result(self):
        """The row in results.json."""
        against = self.against and quartiles(self.against)[1]
        ratio = self.ratio
        return {'row': self.row, 'unit': self.unit,
                'ours': round(quartiles(self.ours)[1], 3),
                'against': round(against, 3) if against else None,
                'ratio': ratio and round(ratio, 3), 'bar': self.bar, 'ok': self.ok,
                'what': self.what, 'at_most': self.at_most,
                'spread': [round(q, 3) for q in quartiles(self.ratios)[::2]] if ratio else None,
                'rounds': len(self.ours), **({'invalid': self.valid} if self.valid else {})}


def table(results):
    """The results as lines for people."""
    width = max(len(r['row']) for r in results)
    lines = [f'{"":{width}}  {"ours":>10} {"against":>10} {"unit":8} {"ratio":>6} '
             f'{"quartiles":>11}  {"bar":>7}']
    for r in results:
        ratio = f'{r["ratio"]:6.2f} {r["spread"][0]:5.2f}-{r["spread"][1]:5.2f}' if r['ratio'] \
            else f'{"":18}'
        bar = f'{"<=" if r["at_most"] else ">="} {r["bar"]:4.2f}' if r['bar'] else ''
        verdict = {True: 'ok', False: 'MISSED', None: ''}[r['ok']]
        against = f'{r["against"]:10.1f}' if r['against'] else f'{"":10}'
        lines.append(f'{r["row"]:{width}}  {r["ours"]:10.1f} {against} {r["unit"]:8} {ratio}  '
                     f'{bar:>7}  {verdict:6} {r.get("invalid") or r["what"]}'.rstrip())
    return lines
