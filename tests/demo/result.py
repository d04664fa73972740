#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what a migration cost, from the VmMigration and the prober's report.

  result.py MIGRATION_JSON PROBE_JSON
"""

import datetime
import json
import sys

# What a gap belongs to: the phase in which it began.
WINDOWS = {
    "Detaching": "VF taken out",
    "Migrating": "copy and switch-over",
    "Attaching": "VF put in",
    "Succeeded": "afterwards",
}


def epoch(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def duration(milliseconds):
    if milliseconds is None:
        return "-"
    return f"{milliseconds} ms" if milliseconds < 10000 else f"{milliseconds / 1000:.1f} s"


def table(header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def nic_rows(status):
    for nic in status.get("nics", []):
        yield [nic["vnic"], nic["mac"],
               f"{status['sourceHost']} {nic.get('sourceVf', '-')}",
               f"{status['targetHost']} {nic.get('targetVf', '-')}",
               duration(nic.get("withoutVfMilliseconds"))]


def window_rows(status, probe):
    phases = [(epoch(entry["startedAt"]), entry["phase"]) for entry in status["phaseTimestamps"]]

    def window(at):
        began = [phase for start, phase in phases if start <= at]
        return WINDOWS.get(began[-1], "before") if began else "before"

    order = ["before", *WINDOWS.values()]
    within, across = {name: [] for name in order}, {}
    for gap in probe["gaps"]:
        first, last = window(gap["startEpoch"]), window(gap["endEpoch"])
        # An outage at the switch of two phases is the first one's; one over a whole phase is a row
        # of its own.
        if order.index(last) - order.index(first) > 1:
            across.setdefault((first, last), []).append(gap)
        else:
            within[first].append(gap)
    covered = {name for first, last in across
               for name in order[order.index(first):order.index(last) + 1]}
    interval = probe["intervalMilliseconds"]
    for (first, last), gaps in across.items():
        yield window_row(f"from '{first}' to '{last}'", gaps, interval)
    for name, gaps in within.items():
        # No outage is news, but not where a longer one has been told, nor before anything began.
        if gaps or (name != "before" and name not in covered):
            yield window_row(name, gaps, interval)
    yield window_row("all", probe["gaps"], interval)


def window_row(name, gaps, interval):
    lost = sum(gap["lost"] for gap in gaps)
    return [name, str(lost), duration(lost * interval),
            duration(max((gap["milliseconds"] for gap in gaps), default=0))]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        migration = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        probe = json.load(file)
    status = migration["status"]
    table(["NIC", "MAC", "source VF", "target VF", "without VF"], list(nic_rows(status)))
    print()
    table(["seen from the fabric", "lost", "outage", "longest gap"],
          list(window_rows(status, probe)))
    print(f"  ({probe['sent']} packets, one every {probe['intervalMilliseconds']} ms; "
          f"slowest reply after {duration(probe['slowestReplyMilliseconds'])})")
    took = epoch(status["phaseTimestamps"][-1]["startedAt"]) - epoch(
        migration["metadata"]["creationTimestamp"])
    print()
    print(f"  pause of the VM: {duration(status.get('downtimeMilliseconds'))}"
          f"    whole migration: {took:.0f} s")


if __name__ == "__main__":
    main()
