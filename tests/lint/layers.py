#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds includes that cross the layers of controller/.

A folder's target names in DEPS what it may use (vnic_library refuses what is defined later, so that
links only go down). Headers know no such limit, all have one include path: here a
file may include a header of another folder only when its target links that folder's, directly or
through others. And what a library outside brings in stays where the architecture wants it.
"""

import pathlib
import re
import sys

# Includes that begin so may only be in files whose path begins so.
ADAPTERS = {
    "cpprest/": "kube/cpprest_transport.cpp",
    "pplx/": "kube/cpprest_transport.cpp",
    "libvirt/": "hypervisor/libvirt/",
    "boost/beast": "serving/",
    "prometheus/text_serializer.h": "serving/",
    "spdlog/": "support/log.cpp",
    "CLI/": ("app/", "agent/service/"),
    "libmnl/": "agent/kernel/",
}

LIBRARY = re.compile(r"^vnic_(?:library|interface)\(\s*(\w+)([^)]*)\)", re.MULTILINE)
OTHER_LINK = re.compile(r"^target_link_libraries\(\s*(vnic_\w+)[^)]*\s(vnic_\w+)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def read_targets(controller):
    """Folder -> its targets; target -> the targets it links."""
    folders, links = {}, {}
    for lists in sorted(controller.rglob("CMakeLists.txt")):
        for name, arguments in LIBRARY.findall(re.sub(r"#.*", "", lists.read_text())):
            words = arguments.split()
            dependencies = words[words.index("DEPS") + 1:] if "DEPS" in words else []
            folders.setdefault(lists.parent, []).append(name)
            links[name] = [word for word in dependencies if word.startswith("vnic_")]
    return folders, links


def reachable(targets, links):
    seen, todo = set(), list(targets)
    while todo:
        target = todo.pop()
        if target not in seen:
            seen.add(target)
            todo += links.get(target, [])
    return seen


def folder_of(path, folders):
    return next((parent for parent in path.parents if parent in folders), None)


def hidden_links(controller):
    for lists in sorted(controller.rglob("CMakeLists.txt")):
        for name, other in OTHER_LINK.findall(lists.read_text()):
            yield f"{lists}: {name} links {other} past vnic_library: name it in DEPS"


def misplaced_includes(controller):
    folders, links = read_targets(controller)
    for path in sorted([*controller.rglob("*.h"), *controller.rglob("*.cpp")]):
        name = path.relative_to(controller).as_posix()
        own = folder_of(path, folders)
        for quote, include in INCLUDE.findall(path.read_text()):
            if quote == "<":
                for prefix, home in ADAPTERS.items():
                    if include.startswith(prefix) and not name.startswith(home):
                        yield f"{path}: <{include}> belongs in {home} only"
                continue
            other = folder_of(controller / include, folders)
            # The main program stands above all folders.
            if own is None or other is None:
                continue
            if not reachable(folders[own], links) & set(folders[other]):
                yield (f'{path}: "{include}" is of {" and ".join(folders[other])}, '
                       f'which {" and ".join(folders[own])} does not link')


def main():
    controller = pathlib.Path(sys.argv[1])
    found = [*hidden_links(controller), *misplaced_includes(controller)]
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


main()
