"""Draws services under load over time as one HTML page that loads nothing and follows the reader's light or dark."""

import html
import math

WIDTH, HEIGHT = 880, 240
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 30

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1b1f24; --faint: #5a6472; --rule: #dfe3e8; --load: #eef1f5;
  --offered: #7a8594; --good: #1a7f4b; --late: #b3261e; --refused: #a15c00; --p50: #0b63ce; --p99: #8a3ffc; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --ink: #e7eaee; --faint: #9aa5b1; --rule: #2c323a; --load: #1c2126;
    --offered: #8d99a8; --good: #57c98c; --late: #ff8a7a; --refused: #f0b35b; --p50: #6cb2ff; --p99: #c39bff; }
}
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 0.4rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 0.3rem; } h3 { font-size: 1rem; margin: 1.2rem 0 0; }
p { margin: 0.3rem 0; } .faint { color: var(--faint); }
svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--rule); } .load { fill: var(--load); } .tick { fill: var(--faint); font-size: 12px; }
polyline { fill: none; stroke-width: 1.4; stroke-linejoin: round; } .dashed { stroke-dasharray: 5 4; }
table { border-collapse: collapse; margin: 0.8rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid var(--rule); font-weight: 400; }
th:first-child { text-align: left; } thead th { color: var(--faint); }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0.2rem 0; font-size: 0.85rem; }
.legend i { display: inline-block; width: 1.4rem; height: 0; border-top: 3px solid; vertical-align: middle; margin-right: 0.4rem; }
"""


def page(title, introduction, sections):
    """A page; `sections` are pieces of HTML."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{html.escape(title)}</h1>\n<p>{html.escape(introduction)}</p>\n"
        + "\n".join(sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def heading(text, note=""):
    return f"<h2>{html.escape(text)}</h2>" + (f'<p class="faint">{html.escape(note)}</p>' if note else "")


def table(header, lines):
    head = "".join(f'<th scope="col">{html.escape(str(cell))}</th>' for cell in header)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(str(line[0]))}</th>'
        + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in line[1:])
        + "</tr>"
        for line in lines
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def chart(title, unit, seconds, load, series, logarithmic=False, line=None, top=None):
    """One chart: `series` are (name, colour, values by interval, None where there is none); `load` is the stretch of
    seconds to be marked; `line` is a value to be marked, with its name."""
    values = [value for _, _, points in series for value in points if value is not None and (value > 0 or not logarithmic)]
    if not values:
        return ""
    high = top or max(values + ([line[1]] if line else []))
    if logarithmic:
        low = 10 ** math.floor(math.log10(min(values)))
        high = 10 ** math.ceil(math.log10(high))
    else:
        low, high = 0, nice(high)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(second):
        return LEFT + width * second / seconds

    def y(value):
        value = min(max(value, low), high)
        share = math.log(value / low) / math.log(high / low) if logarithmic else value / high
        return TOP + height * (1 - share)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    parts.append(
        f'<rect class="load" x="{x(load[0]):.1f}" y="{TOP}" width="{x(load[1]) - x(load[0]):.1f}" height="{height}"/>'
    )
    for value in ticks(low, high, logarithmic):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    step = 10 if seconds > 30 else 5 if seconds > 12 else 1
    for second in range(0, int(seconds) + 1, step):
        parts.append(f'<text class="tick" x="{x(second):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{second} s</text>')
    if line:
        parts.append(
            f'<line class="dashed" stroke="var(--faint)" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(line[1]):.1f}" y2="{y(line[1]):.1f}"/>'
            f'<text class="tick" x="{WIDTH - RIGHT - 4}" y="{y(line[1]) - 5:.1f}" text-anchor="end">{html.escape(line[0])}</text>'
        )
    for name, colour, points in series:
        length = seconds / len(points)
        stretch = []
        for index, value in enumerate([*points, None]):
            if value is not None and (value > 0 or not logarithmic):
                stretch.append(f"{x((index + 0.5) * length):.1f},{y(value):.1f}")
            elif stretch:
                parts.append(f'<polyline stroke="var(--{colour})" points="{" ".join(stretch)}"/>')
                stretch = []
    parts.append("</svg>")
    legend = "".join(
        f'<span><i style="border-color: var(--{colour})"></i>{html.escape(name)}</span>' for name, colour, _ in series
    )
    return f'<h3>{html.escape(title)} <span class="faint">({html.escape(unit)})</span></h3><div class="legend">{legend}</div>' + "\n".join(parts)


def nice(value):
    decade = 10 ** math.floor(math.log10(max(value, 1e-9)))
    return next(factor * decade for factor in (1, 2, 2.5, 5, 10) if factor * decade >= value)


def ticks(low, high, logarithmic):
    if not logarithmic:
        return [high * step / 4 for step in range(5)]
    return [10**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
