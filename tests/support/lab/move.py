#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Moves a guest by hand: unplugs its VFs, migrates it peer to peer, plugs VFs of the target in.

  move.py [--automatic] GUEST TARGET_URI VIRSH_SOURCE VIRSH_TARGET VF...

VIRSH_* are command lines; VF are free VFs of the target, one per VF NIC of the guest, in order.
This is what an administrator would type without the operator: it shows that the lab works, and is
what the operator's times are measured against. With --automatic the VFs stay in the VM's
definition, and it is QEMU that unplugs and plugs them. Prints the times as JSON.
"""

import json
import shlex
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

DETACH_SECONDS = 30


def virsh(command, *arguments):
    done = subprocess.run(shlex.split(command) + list(arguments), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"virsh {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def vf_nics(domain):
    return [nic for nic in domain.iter("interface") if nic.get("type") == "hostdev"]


def set_vf(nic, vf):
    """vf is like 0000:01:10.2"""
    bus, slot, function = vf[5:7], vf[8:10], vf[11:]
    nic.find("source/address").attrib.update(
        domain="0x" + vf[:4], bus="0x" + bus, slot="0x" + slot, function="0x" + function)


def write_xml(element):
    file = tempfile.NamedTemporaryFile("w", suffix=".xml", delete=False)
    with file:
        file.write(ET.tostring(element, encoding="unicode"))
    return file.name


def main():
    arguments = sys.argv[1:]
    automatic = arguments[0] == "--automatic"
    guest, target_uri, source, target, *vfs = arguments[1:] if automatic else arguments
    live = vf_nics(ET.fromstring(virsh(source, "dumpxml", guest)))
    if len(live) != len(vfs):
        sys.exit(f"{guest} has {len(live)} VFs, and {len(vfs)} are free on the target")
    times = {"start": time.time()}
    for nic in [] if automatic else live:
        virsh(source, "detach-device-alias", guest, nic.find("alias").get("name"), "--live")
    while not automatic and vf_nics(ET.fromstring(virsh(source, "dumpxml", guest))):
        if time.time() > times["start"] + DETACH_SECONDS:
            sys.exit(f"{guest} does not give its VF away")
        time.sleep(0.1)
    times["detached"] = time.time()

    persistent = ET.fromstring(virsh(source, "dumpxml", "--inactive", guest))
    for nic, vf in zip(vf_nics(persistent), vfs):
        set_vf(nic, vf)
    options = ["--persistent-xml", write_xml(persistent)]
    if automatic:
        destination = ET.fromstring(virsh(source, "dumpxml", "--migratable", guest))
        for nic, vf in zip(vf_nics(destination), vfs):
            set_vf(nic, vf)
        options += ["--xml", write_xml(destination)]
    virsh(source, "migrate", "--live", "--p2p", "--persistent", "--undefinesource", *options, guest,
          target_uri)
    times["migrated"] = time.time()

    for nic, vf in [] if automatic else zip(live, vfs):
        set_vf(nic, vf)
        virsh(target, "attach-device", guest, write_xml(nic), "--live")
    times["attached"] = time.time()
    statistics = virsh(target, "domjobinfo", guest, "--completed")
    downtime = [line.split()[2] for line in statistics.splitlines() if "Total downtime" in line]
    print(json.dumps({
        "start": times["start"],
        "detachMilliseconds": round((times["detached"] - times["start"]) * 1000),
        "migrateMilliseconds": round((times["migrated"] - times["detached"]) * 1000),
        "attachMilliseconds": round((times["attached"] - times["migrated"]) * 1000),
        "downtimeMilliseconds": int(downtime[0]) if downtime else None,
    }))


if __name__ == "__main__":
    main()
