#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what a terminal shows into an SVG picture: tmux capture-pane -p | docs/picture.py TITLE >docs/run.svg"""
import html
import sys

WIDTH, HEIGHT, MARGIN = 8.43, 19, 14  # of a character cell and around them, at 14 px

lines = sys.stdin.read().rstrip("\n").split("\n")
width = max(map(len, lines)) * WIDTH + 2 * MARGIN
height = (len(lines) + 1) * HEIGHT + 2 * MARGIN
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img">')
print(f"<title>{html.escape(sys.argv[1])}</title>")
print(f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#16181d"/>')
print('<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#e6e6e6" xml:space="preserve">')
for i, line in enumerate(lines):
    y = MARGIN + (i + 1) * HEIGHT
    print(f'<text x="{MARGIN}" y="{y}" textLength="{len(line) * WIDTH:.1f}">{html.escape(line)}</text>' if line else "")
print("</g>\n</svg>")
