#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there: each test (`Suite.Test`, `Suite.*`) in the sources of the tests,
each reason (`NicNotMigratable`) as a string in the sources of the operator.

  named.py DOCUMENTS SOURCES TESTS      folders
"""

import pathlib
import re
import sys

DEFINED = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")
NAMED_TEST = re.compile(r"`([A-Z]\w+)\.([A-Z]\w+|\*)`")
NAMED_REASON = re.compile(r"`((?:[A-Z][a-z0-9]+){2,})`")


def texts(folder, *suffixes):
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.suffix in suffixes:
            yield path, path.read_text()


def complaints(documents, sources, tests):
    defined = {test for _, text in texts(tests, ".cpp") for test in DEFINED.findall(text)
               if not test[1].startswith("DISABLED_")}
    suites = {suite for suite, _ in defined}
    strings = {word for _, text in texts(sources, ".cpp", ".h")
               for word in re.findall(r'"(\w+)"', text)}
    for path, text in texts(documents, ".md"):
        for number, line in enumerate(text.split("\n"), 1):
            for suite, test in NAMED_TEST.findall(line):
                if suite not in suites if test == "*" else (suite, test) not in defined:
                    yield f"{path}:{number}: there is no test {suite}.{test}"
            for reason in NAMED_REASON.findall(line):
                if reason not in strings:
                    yield f"{path}:{number}: no source has \"{reason}\""


found = list(complaints(*sys.argv[1:]))
for complaint in found:
    print(complaint)
sys.exit(1 if found else 0)
