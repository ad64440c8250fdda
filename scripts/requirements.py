#!/usr/bin/env python3
"""Fills the last column of the tables in docs/requirements.md: the tests that bear the number of each row.

    scripts/requirements.py          writes the file
    scripts/requirements.py --check  fails if the file does not match the tests

A test bears a number by its name: `r27_...` and `f01_...`; `r35_r38_...` bears two. A row without such a test keeps what a
person wrote into its last column.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "requirements.md"


def tests():
    """The names of tests by requirement."""
    found = {}
    for folder in ("src", "crates", "tests"):
        for file in sorted((ROOT / folder).rglob("*.rs")):
            for name in re.findall(r"fn ((?:[rf]\d{2,3}_)+\w+)", file.read_text(encoding="utf-8")):
                prefix = re.match(r"(?:[rf]\d{2,3}_)+", name).group()
                for number in re.findall(r"[rf]\d{2,3}", prefix):
                    found.setdefault(number.upper(), set()).add(name)
    return found


def render(text):
    by_number, lines, rows = tests(), [], set()
    for line in text.split("\n"):
        row = re.match(r"\| ([RF]\d{2,3}) \|", line)
        if row:
            number = row.group(1)
            rows.add(number)
            head, last = re.match(r"(.*) \| ([^|]*)\|$", line).groups()
            last = last.strip()
            if number in by_number:
                last = ", ".join(f"`{name}`" for name in sorted(by_number[number]))
            elif re.match(r"`[rf]\d", last):
                # The tests that had this number are gone.
                last = ""
            line = f"{head} | {last} |" if last else f"{head} | |"
        lines.append(line)
    unknown = sorted(set(by_number) - rows)
    if unknown:
        sys.exit(f"docs/requirements.md has no row for {', '.join(unknown)}")
    return "\n".join(lines)


def main():
    old = TARGET.read_text(encoding="utf-8")
    new = render(old)
    if sys.argv[1:] == ["--check"]:
        if new != old:
            sys.exit("docs/requirements.md does not match the tests: run scripts/requirements.py")
    else:
        TARGET.write_text(new, encoding="utf-8")


main()
