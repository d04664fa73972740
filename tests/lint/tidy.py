#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over what is compiled of controller/, but not again over what has passed before.

  tidy.py BUILD CACHE     BUILD has compile_commands.json, without precompiled headers

Most of its time goes into the headers of libraries, so BUILD had better compile a folder as one. A
source has passed when it, the files of ours that it includes, its command, the checks and clang-tidy
itself are what they were.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
ROOTS = [pathlib.Path("controller"), pathlib.Path("tests")]


def reached(source):
    """The source and all files of ours that it includes, directly or through others."""
    seen, todo = [], [source]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.append(path)
        for name in INCLUDE.findall(path.read_bytes()):
            # The path of a source among those compiled as one is absolute.
            todo += {root / name.decode() for root in ROOTS if (root / name.decode()).is_file()}
    return sorted(seen)


def fingerprint(source, command, basis):
    digest = hashlib.sha256(basis)
    # Another clone, or another build folder, is the same.
    digest.update(command.replace(os.getcwd(), "").encode())
    for path in reached(source):
        digest.update(str(path).replace(os.getcwd(), "").encode())
        digest.update(path.read_bytes().replace(os.getcwd().encode(), b""))
    return digest.hexdigest()


def check(source, build):
    # Sources are included where they are compiled as one.
    # The commands are GCC's.
    run = subprocess.run(["nice", "clang-tidy", "-quiet", "-checks=-bugprone-suspicious-include",
                          "-extra-arg=-Wno-unknown-warning-option", "-p", build, source], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = [line for line in run.stdout.splitlines()
             if not re.match(r"\d+ warnings? (and \d+ errors? )?generated|"
                             r"Suppressed \d+|Use -header-filter", line)]
    return run.returncode == 0 and not lines, "\n".join(lines)


def main():
    build, cache = sys.argv[1:]
    cache = pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    basis = version + pathlib.Path(".clang-tidy").read_bytes()

    todo = {}
    for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"]).relative_to(os.getcwd())
        if source.parts[0] == "controller" or "Unity" in source.parts:
            stamp = cache / fingerprint(source, entry["command"], basis)
            if not stamp.exists():
                todo[source] = stamp
    print(f"clang-tidy: {len(todo)} sources to look at", flush=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(check, source, build): source for source in todo}
        for number, done in enumerate(concurrent.futures.as_completed(runs), 1):
            good, text = done.result()
            if good:
                todo[runs[done]].touch()
            else:
                failed += 1
                print(text, flush=True)
            if number % 20 == 0:
                print(f"clang-tidy: {number} of {len(todo)}", flush=True)
    sys.exit(1 if failed else 0)


main()
