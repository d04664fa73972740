#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a table and a picture of moves.jsonl, and says which bars are missed.

  report.py FOLDER      reads FOLDER/moves.jsonl, writes outage.txt and outage.svg there
"""

import json
import pathlib
import statistics
import sys

VARIANTS = {
    "automatic": "QEMU's automatic mode",
    "by-hand": "unplug, migrate, plug by hand",
    "operator": "VmMigration, no node agent",
    "agent": "VmMigration with node agents",
}
# Milliseconds outside of the VM's own pause; share of the automatic mode; share of time added.
MAX_BEYOND_PAUSE, MAX_OF_AUTOMATIC, MAX_ADDED = 150, 1 / 5, 0.05


def read(folder):
    moves = {}
    for line in (folder / "moves.jsonl").read_text(encoding="ascii").splitlines():
        move = json.loads(line)
        pause = move["downtimeMilliseconds"] or 0
        move["beyond"] = max(0, move["outageMilliseconds"] - pause)
        move["seconds"] = move["after"] - move["before"]
        moves.setdefault(move["variant"], []).append(move)
    return moves


def spread(moves, field):
    values = [move[field] for move in moves]
    return min(values), statistics.median(values), max(values)


def table(moves):
    lines = [f"{'':32} {'n':>3}  {'not reachable, ms':^24}  {'beyond the pause, ms':^24}  {'whole move, s':^20}",
             f"{'':32} {'':>3}  " + "  ".join([f"{'min':>7} {'median':>7} {'max':>7} "] * 3)]
    for variant, name in VARIANTS.items():
        if variant not in moves:
            continue
        row = [f"{name:32} {len(moves[variant]):>3}"]
        for field, digits in (("outageMilliseconds", 0), ("beyond", 0), ("seconds", 1)):
            row.append(" ".join(f"{value:7.{digits}f}" for value in spread(moves[variant], field)) + " ")
        lines.append("  ".join(row))
    return "\n".join(lines)


def missed(moves):
    """The bars that do not hold; those whose variants were not measured are not judged."""
    def median(variant, field):
        return statistics.median(move[field] for move in moves[variant])

    if "agent" in moves:
        beyond = median("agent", "beyond")
        if beyond > MAX_BEYOND_PAUSE:
            yield f"with agents {beyond:.0f} ms beyond the pause, allowed are {MAX_BEYOND_PAUSE} ms"
    if "agent" in moves and "automatic" in moves:
        ours, theirs = median("agent", "outageMilliseconds"), median("automatic", "outageMilliseconds")
        if ours > theirs * MAX_OF_AUTOMATIC:
            yield f"with agents {ours:.0f} ms, allowed is a fifth of the automatic mode's {theirs:.0f} ms"
    if "operator" in moves and "by-hand" in moves:
        ours, hand = median("operator", "seconds"), median("by-hand", "seconds")
        if ours > hand * (1 + MAX_ADDED):
            yield f"the operator takes {ours:.1f} s, allowed is 5 % more than the {hand:.1f} s by hand"


def picture(moves):
    """A row per move, time from left to right, red while the guest is not reachable."""
    left, scale, row = 250, 18, 9
    longest = max(max([move["seconds"] + 6] + [gap[1] for gap in move["gaps"]])
                  for group in moves.values() for move in group)
    parts, y = [], 30
    for variant, name in VARIANTS.items():
        if variant not in moves:
            continue
        parts.append(f'<text x="10" y="{y + 9}">{name}</text>')
        for move in moves[variant]:
            width = move["seconds"] * scale
            parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{row - 2}" fill="#cfe3cf"/>')
            for start, end in move["gaps"]:
                parts.append(f'<rect x="{left + start * scale:.1f}" y="{y}" '
                             f'width="{max(1.0, (end - start) * scale):.1f}" height="{row - 2}" fill="#c22"/>')
            y += row
        y += 12
    ticks = "".join(f'<text x="{left + second * scale}" y="18" text-anchor="middle">{second} s</text>'
                    for second in range(0, int(longest) + 1, 5))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + longest * scale + 20:.0f}" height="{y}" '
            f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
            f'{ticks}{"".join(parts)}</svg>\n')


def main():
    folder = pathlib.Path(sys.argv[1])
    moves = read(folder)
    text = table(moves)
    print(text)
    (folder / "outage.txt").write_text(text + "\n", encoding="utf-8")
    (folder / "outage.svg").write_text(picture(moves), encoding="utf-8")
    print(f"\nEvery move as a picture: {folder}/outage.svg")
    failures = list(missed(moves))
    for failure in failures:
        print("missed: " + failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
