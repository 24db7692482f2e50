"""A small line chart as SVG: the same points always give the same text."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 48, 48
COLOURS = ("#1f6feb", "#bf5700", "#2e7d32")
STYLE = "font-family:sans-serif;font-size:12px;fill:#57606a"


def chart(title: str, load: str, unit: str, series: Mapping[str, Points]) -> str:
    """``load`` names the axis below, ``unit`` the one at the left; both begin at 0."""
    right = max(x for points in series.values() for x, _ in points)
    top = max(y for points in series.values() for _, y in points)
    xs, ys = ticks(right), ticks(top)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" style="{STYLE}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" style="font-size:14px;fill:#1f2328">{escape(title)}</text>',
        *(_across(y, _y(y, ys[-1])) for y in ys),
        *(_below(x, _x(x, xs[-1])) for x in xs),
        f'<text x="{LEFT}" y="{TOP - 10}">{escape(unit)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(load)}</text>',
    ]
    for number, (name, points) in enumerate(series.items()):
        places = [(_x(x, xs[-1]), _y(y, ys[-1])) for x, y in points]
        parts += _line(places, COLOURS[number % len(COLOURS)])
        parts.append(_legend(name, number, len(series)))
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(largest: float) -> list[float]:
    """Round numbers from 0 to at least ``largest``, four to eight of them."""
    if largest <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** floor(log10(largest))
    step = next(unit * part for part in (0.2, 0.5, 1, 2) if largest / (unit * part) <= 6)
    count = -int(-largest // step)
    return [float(f"{number * step:.6g}") for number in range(count + 1)]


def _x(value: float, largest: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / largest


def _y(value: float, largest: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / largest


def _across(value: float, y: float) -> str:
    line = f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#d0d7de"/>'
    return f'{line}<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'


def _below(value: float, x: float) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_number(value)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def _line(places: Sequence[tuple[float, float]], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [line, *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)]


def _legend(name: str, number: int, of: int) -> str:
    x = WIDTH - RIGHT - (of - number) * 150
    colour = COLOURS[number % len(COLOURS)]
    return (
        f'<rect x="{x}" y="{TOP - 20}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{x + 15}" y="{TOP - 11}">{escape(name)}</text>'
    )
