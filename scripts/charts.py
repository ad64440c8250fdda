#!/usr/bin/env python3
"""Draws docs/charts/*.svg, a bar chart for each file in docs/data/, with the measured figures of docs/benchmarks.md.

    scripts/charts.py          writes the charts
    scripts/charts.py --check  fails if a chart does not match its data

A data file has lines `# title:`, `# source:`, `# unit:`, `# scale: linear|log`, then a CSV table: a label, and a value for each
series; an empty value was not measured.
"""

import csv
import math
import sys
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
COLOURS = ["#0b6e4f", "#c8553d"]
WIDTH, LABELS, VALUES, BAR, GAP = 720, 150, 90, 18, 12


def load(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    header, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    return about, header[1:], [(row[0], [float(cell) if cell else None for cell in row[1:]]) for row in rows]


def text(x, y, words, size=13, anchor="start", weight="normal"):
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'


def draw(about, series, rows):
    logarithmic = about["scale"] == "log"
    values = [value for _, cells in rows for value in cells if value is not None]
    # A logarithmic axis begins a decade below the smallest value, so that it has a bar.
    low = math.floor(math.log10(min(values))) - 1 if logarithmic else 0
    high = math.log10(max(values)) if logarithmic else max(values)
    room = WIDTH - LABELS - VALUES
    length = lambda value: room * ((math.log10(value) if logarithmic else value) - low) / (high - low)
    body, y = [text(16, 28, about["title"], 16, weight="bold"), text(16, 48, about["unit"], 12)], 66
    if len(series) > 1:
        for number, name in enumerate(series):
            x = LABELS + number * 170
            body.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{COLOURS[number]}"/>')
            body.append(text(x + 18, y + 11, name))
        y += 28
    for label, cells in rows:
        shown = [(number, value) for number, value in enumerate(cells) if value is not None]
        body.append(text(LABELS - 10, y + len(shown) * BAR / 2 + 4, label, anchor="end"))
        for number, value in shown:
            body.append(f'<rect x="{LABELS}" y="{y}" width="{length(value):.1f}" height="{BAR - 2}" fill="{COLOURS[number]}"/>')
            body.append(text(LABELS + length(value) + 6, y + BAR - 5, f"{value:,g}" if value < 1e6 else f"{value:,.0f}", 12))
            y += BAR
        y += GAP
    y += 10
    body.append(text(16, y, about["source"], 11))
    height = y + 16
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" font-family="sans-serif" fill="#1b1b1b">'
    )
    return "\n".join([head, f"<title>{escape(about['title'])}</title>", '<rect width="100%" height="100%" fill="#ffffff"/>', *body, "</svg>", ""])


def main():
    stale = []
    for file in sorted((DOCS / "data").glob("*.csv")):
        chart = DOCS / "charts" / f"{file.stem}.svg"
        drawn = draw(*load(file))
        if sys.argv[1:] == ["--check"]:
            if not chart.exists() or chart.read_text(encoding="utf-8") != drawn:
                stale.append(chart.name)
        else:
            chart.parent.mkdir(exist_ok=True)
            chart.write_text(drawn, encoding="utf-8")
    if stale:
        sys.exit(f"{', '.join(stale)} do not match docs/data: run scripts/charts.py")


main()
