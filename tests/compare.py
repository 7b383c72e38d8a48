#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""wattstep beside two ways in which others read the same counters, on one simulated node whose true power is known.

    tests/compare.py [--build BUILD]

The node has two sockets with memory, a constant load, and counters that wrap every 15 s and every 35 s. At the same time
it is read by

- wattstep: one idle state of the quick plan;
- powerstat -R (package powerstat), in a mount namespace of its own in which the node is /sys;
- a loop over energy_uj once a second, in there too: whole watts of each zone from one reading to the next, wraps resolved
  with the zone's own range, and an integer running mean of them, which is how Energizta counts.

Debian 12's powerstat 0.03.01 takes the zones of intel-rapl-mmio alone (its test of the name is the wrong way round), so
the node has one: without it powerstat finds nothing to read. Takes a minute: powerstat refuses fewer than 60 readings.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rigs.powercap_node import PowercapNode  # noqa: E402

NODE = {"sockets": 2, "mmio": True, "utilisation": 0.5, "noise_pct": 0.3, "range_uj": 2e9, "dram_range_uj": 2e9,
        "dram_idle_w": 50}
PACKAGES, MEMORIES = ["package-0", "package-1"], ["dram-0", "dram-1"]
READINGS = 60

LOOP = r"""
cd /sys/class/powercap || exit 1
declare -A last mean
for ((n = 0; n <= READINGS; n++)); do
    now=$(date +%s%6N)
    declare -A watts=([package]=0 [dram]=0)
    for zone in intel-rapl:*; do
        kind=$(sed 's/-.*//' "$zone/name")
        energy=$(cat "$zone/energy_uj")
        delta=$((energy - ${last[$zone]:-0}))
        ((delta < 0)) && delta=$((delta + $(cat "$zone/max_energy_range_uj")))
        last[$zone]=$energy
        ((n)) && watts[$kind]=$((${watts[$kind]} + delta / (now - before)))
    done
    before=$now
    for kind in package dram; do
        ((n == 1)) && mean[$kind]=${watts[$kind]}
        ((n > 1)) && mean[$kind]=$((${mean[$kind]} + (${watts[$kind]} - ${mean[$kind]}) / n))
    done
    sleep 1
done
echo "${mean[package]} ${mean[dram]}"
"""


class Unable(Exception):
    """The comparison cannot be made here; the text says why."""


def inside(node, *command):
    """That command line, with the node as /sys for it alone."""
    user = [] if os.geteuid() == 0 else ["-r"]
    return ["unshare", "-m", *user, "sh", "-c", 'mount --rbind "$0" /sys && exec "$@"', node.sysfs, *command]


class Reader:
    """One program that reads the node, and the time during which it did."""

    def __init__(self, argv, folder):
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def wait(self, timeout_s=200):
        self.out, self.err = self.process.communicate(timeout=timeout_s)
        self.ended_s = time.monotonic()
        return self


def mean_w(truth, zones, from_s, to_s):
    return sum(truth.mean_w(zone, from_s, to_s) for zone in zones)


def rows_of_wattstep(reader, folder, truth):
    document = json.loads((folder / "p.json").read_text())
    state, origin = document["states"][0], document["run"]["monotonic_start_s"]
    from_s, to_s = (origin + state["window"][key] for key in ("start_s", "end_s"))
    return [("wattstep", quantity, state["power"][quantity]["mean_w"], mean_w(truth, zones, from_s, to_s))
            for quantity, zones in (("cpu", PACKAGES), ("dram", MEMORIES))]


def rows_of_powerstat(reader, truth):
    found = re.search(r"^CPU: +([0-9.]+) Watts", reader.out, re.M)
    if not found:
        raise Unable(f"powerstat -R gave no figure: {(reader.out + reader.err).strip()}")
    return [("powerstat -R", "cpu", float(found[1]), mean_w(truth, PACKAGES, reader.began_s, reader.ended_s))]


def rows_of_loop(reader, truth):
    words = reader.out.split()
    if len(words) != 2:
        raise Unable(f"the loop over energy_uj gave no figures: {reader.err.strip()}")
    return [("loop over energy_uj", quantity, float(word), mean_w(truth, zones, reader.began_s, reader.ended_s))
            for word, quantity, zones in zip(words, ("cpu", "dram"), (PACKAGES, MEMORIES))]


def compare(build):
    """Rows (tool, quantity, its watts, true watts)."""
    if not shutil.which("powerstat"):
        raise Unable("powerstat is not installed: ./deps.sh check installs it")
    with tempfile.TemporaryDirectory(prefix="wattstep-compare-") as name, PowercapNode(build, **NODE) as node:
        folder = pathlib.Path(name)
        tried = subprocess.run(inside(node, "true"), capture_output=True, text=True)
        if tried.returncode:
            raise Unable(f"a mount namespace cannot be had here: {tried.stderr.strip()}")
        readers = [Reader(argv, folder) for argv in (
            [str(pathlib.Path(build).resolve() / "wattstep"), "run", "-q", "--plan", "quick", "--meter", "rapl", "--sysfs",
             node.sysfs, "-o", "p.json", "idle"],
            inside(node, "powerstat", "-R", "-n", "-d", "0", "1", str(READINGS)),
            inside(node, "bash", "-c", LOOP.replace("READINGS", str(READINGS))))]
        try:
            ours, powerstat, loop = [reader.wait() for reader in readers]
        finally:
            for reader in readers:
                reader.process.kill()
                reader.process.wait()
        truth = node.truth(until=time.monotonic())
        return (rows_of_wattstep(ours, folder, truth) + rows_of_powerstat(powerstat, truth) + rows_of_loop(loop, truth))


def table(rows):
    lines = [f"{'tool':20} {'':4} {'reads':>10} {'true':>10} {'error':>9}"]
    lines += [f"{tool:20} {quantity:4} {watts:8.2f} W {true_w:8.2f} W {watts / true_w - 1:+9.3%}"
              for tool, quantity, watts, true_w in rows]
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", default="build")
    try:
        print(table(compare(options.parse_args().build)))
    except Unable as why:
        sys.exit(f"compare.py: {why}")


if __name__ == "__main__":
    main()
