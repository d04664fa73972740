#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What holds for every text file: blanks, line ends, the licence line, and no address of a host out
there: nothing is downloaded but through the package managers as the machine has set them up.

  text.py < names of files, ended by NUL
"""

import pathlib
import re
import sys

TABS_BELONG = {"Makefile", "go.mod", "go.sum"}
LICENSED = {".cpp", ".h", ".sh", ".py", ".go", ".c"}
# Names that are no places: XML namespaces, API groups, the licence's own text, and examples.
NAMES = {"vnic.dev", "libvirt.org", "www.w3.org", "www.apache.org", "example.com",
         "kubernetes.default.svc"}
HOST = re.compile(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})\b")


def complaints(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}:{number}"
        if "\t" in line and path.name not in TABS_BELONG and path.suffix != ".go":
            yield f"{where}: a tab"
        if line != line.rstrip():
            yield f"{where}: blanks at the end"
        for host in HOST.findall(line):
            if host not in NAMES:
                yield f"{where}: the address of a host: {host}"
    if text and not text.endswith("\n"):
        yield f"{path}: no line end at the end"
    if text.endswith("\n\n"):
        yield f"{path}: empty lines at the end"
    if path.suffix in LICENSED and "SPDX-License-Identifier" not in text[:200]:
        yield f"{path}: no SPDX-License-Identifier at the top"


def main():
    found = []
    for name in sys.stdin.read().split("\0"):
        path = pathlib.Path(name)
        if name and path.is_file():
            try:
                found += complaints(path, path.read_text())
            except UnicodeDecodeError:
                found.append(f"{path}: not UTF-8")
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


main()
