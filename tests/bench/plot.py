# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ratios as an SVG: a line per row with its quartiles, and its bar."""

from html import escape

ROW, LABEL, WIDTH, TOP = 22, 470, 420, 46
COLOUR = {True: '#2a7d46', False: '#b3372f', None: '#5b6770'}


def svg(results):
    """The plot of all rows that have a ratio."""
    rows = [r for r in results if r['ratio']]
    most = max(max(r['ratio'], r['spread'][1], r['bar'] or 0) for r in rows) * 1.05

    def x(value):
        return LABEL + WIDTH * value / most

    height = TOP + ROW * len(rows) + 16
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + 60}" '
           f'height="{height}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="18" font-size="14">mape-xdp: ratio to what each row names '
           '(median, quartiles)</text>',
           '<text x="10" y="34" fill="#5b6770">the tick is the bar; costs have to stay left of it, '
           'rates right of it</text>']
    for i, r in enumerate(rows):
        y, colour = TOP + ROW * i, COLOUR[r['ok']]
        label = escape(f'{r["row"]} / {r["what"]}')
        low, high = (x(q) for q in r['spread'])
        out.append(f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end" textLength="'
                   f'{min(LABEL - 16, len(label) * 5.4):.0f}" lengthAdjust="spacingAndGlyphs">'
                   f'{label}</text>')
        out.append(f'<rect x="{LABEL}" y="{y + 4}" width="{x(r["ratio"]) - LABEL:.1f}" '
                   f'height="10" fill="{colour}" fill-opacity="0.6"/>')
        out.append(f'<path d="M{low:.1f} {y + 9}H{high:.1f}" stroke="{colour}" stroke-width="2"/>')
        if r['bar']:
            out.append(f'<path d="M{x(r["bar"]):.1f} {y + 1}v16" stroke="black" '
                       'stroke-width="2"/>')
        out.append(f'<text x="{x(max(r["ratio"], r["spread"][1], r["bar"] or 0)) + 5:.1f}" '
                   f'y="{y + 13}">{r["ratio"]:.2f}</text>')
    return '\n'.join(out + ['</svg>', ''])
