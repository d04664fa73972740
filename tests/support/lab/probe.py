#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends one ICMP echo request every 10 ms and writes down what became of each.

  probe.py run ADDRESS LOG        until SIGTERM or SIGINT
  probe.py report LOG [--since EPOCH] [--until EPOCH] [--text]

The log is written as things happen, so a report can be made at any time, also of a prober that was
killed: "target ADDRESS INTERVAL", then "s SEQUENCE TIME" per packet sent and "r SEQUENCE TIME" per
reply, "end" when it stopped in order. Times are seconds since the epoch.

A gap is a run of packets without a reply; it lasts from the first of them to the next packet that
got one. A packet counts as lost only once its reply had two seconds to come: a VM that is paused
answers late, and that is not a loss (the report has the slowest reply).
"""

import argparse
import datetime
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time

INTERVAL = 0.01
PATIENCE = 2.0
ECHO_REQUEST = 8
ECHO_REPLY = 0
HEADER = struct.Struct("!BBHHH")
# A number of this prober and one of the packet: raw sockets see the replies of every prober, and
# ICMP's own sequence number is too short.
PAYLOAD = struct.Struct("!QQ")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(cookie, sequence):
    payload = PAYLOAD.pack(cookie, sequence)
    ident, short = cookie & 0xFFFF, sequence & 0xFFFF
    plain = HEADER.pack(ECHO_REQUEST, 0, 0, ident, short) + payload
    return HEADER.pack(ECHO_REQUEST, 0, checksum(plain), ident, short) + payload


def reply_sequence(packet, cookie):
    """The number of our packet that this one answers, or None."""
    start = (packet[0] & 0x0F) * 4
    if len(packet) < start + HEADER.size + PAYLOAD.size or packet[start] != ECHO_REPLY:
        return None
    sender, sequence = PAYLOAD.unpack_from(packet, start + HEADER.size)
    return sequence if sender == cookie else None


def run(address, path):
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    cookie = int.from_bytes(os.urandom(8), "big")
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(raw, selectors.EVENT_READ)
    with open(path, "w", encoding="ascii") as log:
        log.write(f"target {address} {INTERVAL}\n")
        log.flush()
        sequence, due, flushed = 0, time.monotonic(), time.monotonic()
        end = None
        while end is None or time.monotonic() < end:
            now = time.monotonic()
            if stop and end is None:
                end = now + PATIENCE
            if end is None and now >= due:
                log.write(f"s {sequence} {time.time():.6f}\n")
                try:
                    raw.sendto(echo_request(cookie, sequence), (address, 0))
                except OSError:
                    pass  # no route or no neighbour: without a reply it counts as lost
                sequence += 1
                # No burst after a delay of our own: it would only queue up.
                due = max(due + INTERVAL, now)
            until = due if end is None else min(end, now + 0.1)
            if selector.select(max(0.0, until - time.monotonic())):
                receive(raw, cookie, log)
            if now - flushed > 0.2:
                log.flush()
                flushed = now
        log.write("end\n")


def receive(raw, cookie, log):
    while True:
        try:
            packet = raw.recv(2048)
        except BlockingIOError:
            return
        answered = reply_sequence(packet, cookie)
        if answered is not None:
            log.write(f"r {answered} {time.time():.6f}\n")


def read_log(path):
    sent, answered, target, interval, last = [], {}, "", INTERVAL, 0.0
    ended = False
    with open(path, encoding="ascii") as log:
        for line in log:
            if not line.endswith("\n"):
                break  # still being written
            words = line.split()
            if words[0] == "target":
                target, interval = words[1], float(words[2])
            elif words[0] == "end":
                ended = True
            else:
                sequence, at = int(words[1]), float(words[2])
                last = max(last, at)
                if words[0] == "s":
                    sent.append((sequence, at))
                else:
                    answered.setdefault(sequence, at)
    if not ended:
        sent = [(s, at) for s, at in sent if s in answered or at < last - PATIENCE]
    return target, interval, sent, answered


def find_gaps(sent, answered):
    """Lists of times: first lost, next answered (None while it lasts), number lost."""
    gaps, first, lost, last = [], None, 0, None
    for sequence, at in sent:
        last = at
        if sequence not in answered:
            first, lost = (at if first is None else first), lost + 1
        elif first is not None:
            gaps.append((first, at, lost))
            first, lost = None, 0
    if first is not None:
        gaps.append((first, None, lost))
    return gaps, last


def iso(at):
    stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def report(path, since, until):
    target, interval, sent, answered = read_log(path)
    sent = [(s, at) for s, at in sent if since <= at <= until]
    gaps, last = find_gaps(sent, answered)
    rows = []
    for start, end, lost in gaps:
        stop = last if end is None else end
        rows.append({
            "start": iso(start), "end": iso(stop), "startEpoch": start, "endEpoch": stop,
            "milliseconds": round((stop - start) * 1000), "lost": lost, "ongoing": end is None,
        })
    replies = [answered[s] - at for s, at in sent if s in answered]
    return {
        "target": target,
        "intervalMilliseconds": round(interval * 1000),
        "start": iso(sent[0][1]) if sent else None,
        "end": iso(sent[-1][1]) if sent else None,
        "sent": len(sent),
        "lost": len(sent) - len(replies),
        "outageMilliseconds": sum(row["milliseconds"] for row in rows),
        "longestGapMilliseconds": max((row["milliseconds"] for row in rows), default=0),
        "slowestReplyMilliseconds": round(max(replies, default=0) * 1000),
        "gaps": rows,
    }


def print_text(facts):
    print(f"{facts['sent']} packets to {facts['target']}, {facts['lost']} lost, "
          f"longest gap {facts['longestGapMilliseconds']} ms, "
          f"slowest reply {facts['slowestReplyMilliseconds']} ms")
    for gap in facts["gaps"]:
        more = ", lasting" if gap["ongoing"] else ""
        print(f"  {gap['start']}  {gap['milliseconds']:6d} ms  {gap['lost']} lost{more}")


def main():
    parser = argparse.ArgumentParser(description="Probes a guest every 10 ms.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run")
    command.add_argument("address")
    command.add_argument("log")
    command = commands.add_parser("report")
    command.add_argument("log")
    command.add_argument("--since", type=float, default=0.0)
    command.add_argument("--until", type=float, default=float("inf"))
    command.add_argument("--text", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.address, arguments.log)
        return
    facts = report(arguments.log, arguments.since, arguments.until)
    if arguments.text:
        print_text(facts)
    else:
        json.dump(facts, sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
