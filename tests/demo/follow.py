#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows a VmMigration while it happens: one updating line on a terminal, else a line per change.

  follow.py --limit SECONDS --process PID WATCH...

WATCH is the command that prints the object as JSON again and again (kubectl get -w -o json).
Succeeds when the migration has succeeded. Fails, with a sentence, when it ends otherwise, is not at
its end after SECONDS, or the operator (process PID) ends.
"""

import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
import time

BAR = 24


def documents(stream_text):
    """Splits complete JSON documents off the front; returns them and the rest."""
    decoder, found = json.JSONDecoder(), []
    text = stream_text.lstrip()
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except json.JSONDecodeError:
            break
        found.append(document)
        text = text[end:].lstrip()
    return found, text


def condition(status, kind):
    for entry in status.get("conditions", []):
        if entry["type"] == kind:
            return entry
    return {}


class View:
    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self.start = time.monotonic()
        self.status = {}
        self.said = None

    def update(self, status):
        self.status = status
        if not self.terminal:
            # A line per phase, reason and ten percent.
            news = (status.get("phase"), condition(status, "Ready").get("reason"),
                    (self.percent() or 0) // 10)
            if news != self.said:
                self.said = news
                print("  " + self.line(), flush=True)

    def tick(self):
        if self.terminal:
            width = os.get_terminal_size().columns - 1
            print("\r\033[K" + ("  " + self.line())[:width], end="", flush=True)

    def end(self):
        if self.terminal:
            self.tick()
            print()

    def percent(self):
        return self.status.get("progress", {}).get("percent")

    def line(self):
        seconds = time.monotonic() - self.start
        phase = self.status.get("phase", "(new)")
        text = f"{seconds:5.0f} s  {phase:10}"
        source, target = self.status.get("sourceHost"), self.status.get("targetHost")
        if target:
            text += f" {source} -> {target}"
        percent = self.percent()
        if percent is not None:
            done = percent * BAR // 100
            text += f"  [{'#' * done}{'.' * (BAR - done)}] {percent:3d} % of the memory"
        message = condition(self.status, "Ready").get("message")
        return text + (f"  {message}" if message else "")


def follow(arguments, watch, view):
    selector = selectors.DefaultSelector()
    selector.register(watch.stdout, selectors.EVENT_READ)
    deadline = time.monotonic() + arguments.limit
    text = ""
    while True:
        if selector.select(timeout=0.5):
            # Bytes of one character may come in two reads, but kubectl escapes what is not ASCII
            # rarely and never in what is shown here.
            data = os.read(watch.stdout.fileno(), 65536)
            if not data:
                return "the API server does not answer any more"
            found, text = documents(text + data.decode(errors="replace"))
            for document in found:
                view.update(document.get("status", {}))
                phase = document.get("status", {}).get("phase")
                if phase == "Succeeded":
                    return None
                if phase in ("Failed", "Cancelled"):
                    return f"the migration ended as {phase}: " + condition(
                        document["status"], "Ready").get("message", "")
        view.tick()
        if not os.path.exists(f"/proc/{arguments.process}"):
            return "the operator has ended"
        if time.monotonic() > deadline:
            return f"the migration is not at its end after {arguments.limit} seconds"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--process", type=int, required=True)
    parser.add_argument("watch", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    view = View()
    watch = subprocess.Popen(arguments.watch, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        problem = follow(arguments, watch, view)
        view.end()
    finally:
        watch.terminate()
        watch.wait()
    if problem:
        sys.exit(problem)


if __name__ == "__main__":
    main()
