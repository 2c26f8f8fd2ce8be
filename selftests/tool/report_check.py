# SPDX-License-Identifier: GPL-2.0-only
"""Compare what a browser shows with the report's JSON:

    report_check.py FACTS.json REPORT.json EXPRESSION

FACTS are report_page.py's.  Succeeds if EXPRESSION is true, in which f are the
facts, d the report, and wrong() the figures that the page shows otherwise than
the JSON has them, written by rules of its own.
"""
import json
import sys


def scaled(value, step, units, start=0):
    """As the tool's units do it: one digit, the unit by the rounded value."""
    while start + 1 < len(units) and value >= step:
        value, start = value / step, start + 1
    return value, units[start]


def show_bytes(n):
    if n < 1024:
        return f"{n} B"
    value, unit = scaled(n / 1024, 1023.95, "KiB MiB GiB TiB PiB EiB".split())
    return f"{value:.1f} {unit}"


def show_millis(ms):
    us = ms * 1000
    if us >= 7200e6:
        return f"{us / 3600e6:.1f} h"
    if us >= 120e6:
        return f"{us / 60e6:.1f} min"
    if not us:
        return "0 s"
    value, unit = scaled(us, 1000, ["us", "ms", "s"])
    return f"{value:.2f} {unit}" if value < 10 else f"{value:.1f} {unit}"


SHOW = {
    "bytes": show_bytes,
    "stepBytes": lambda rate: show_bytes(int(max(rate, 0))),
    "count": lambda n: f"{n:,}",
    "percent": lambda share: f"{share * 100:.1f} %",
    "millis": show_millis,
    "two": lambda n: f"{n:.2f}",
    "three": lambda n: f"{n:.3f}",
}


def value_at(path):
    at = d
    for key in path.split("."):
        at = at[int(key)] if isinstance(at, list) else at[key]
    return at


def number(text):
    return float(text.replace(",", "").split()[0])


def wrong():
    """Halves may be rounded either way; nothing else may differ."""
    found = []
    for path, form, text in f["figures"]:
        want = SHOW[form](value_at(path))
        digit = 10 ** -len(want.split()[0].partition(".")[2])
        if text != want and not (
                "." in want and text.split()[1:] == want.split()[1:] and
                abs(number(text) - number(want)) < 1.01 * digit):
            found.append((path, text, want))
    if found:
        print("# differ:", found[:5])
    return found


with open(sys.argv[1], encoding="utf-8") as file:
    f = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    d = json.load(file)
sys.exit(not eval("(" + sys.argv[3] + ")"))
