#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: logs the true energy of node_power.ko, and tells the BMC what the node draws.

    truth.py FILE PERIOD_S [TTY]

TTY is the line to the BMC. FILE gets a header and a row for each moment: time_s of CLOCK_MONOTONIC, then joules
of each zone and of the whole node ("system") since the module was loaded. The node
draws SYSTEM_IDLE_W, and SYSTEM_FACTOR times its zones (power supplies lose some).
"""
import os
import sys
import time

SYSTEM_IDLE_W, SYSTEM_FACTOR = 30.0, 1.1


def truth(fd):
    lines = [line.split() for line in os.pread(fd, 4096, 0).decode().splitlines()]
    time_s = int(lines[0][1]) / 1e9
    zones = {name: int(nj) / 1e9 for name, nj in lines[1:]}
    return time_s, {**zones, "system": SYSTEM_IDLE_W * time_s + SYSTEM_FACTOR * sum(zones.values())}


def main():
    period_s = float(sys.argv[2])
    control = open(sys.argv[3], "w", buffering=1) if len(sys.argv) > 3 else None
    before, source = None, os.open("/proc/node_power", os.O_RDONLY)
    with open(sys.argv[1], "w", buffering=1) as out:
        while True:
            try:
                time_s, joules = truth(source)
            except OSError:  # the module is being loaded again
                os.close(source)
                while not os.path.exists("/proc/node_power"):
                    time.sleep(period_s)
                before, source = None, os.open("/proc/node_power", os.O_RDONLY)
                continue
            if before is None and out.tell() == 0:
                print("time_s", *joules, sep=",", file=out)
            print(f"{time_s:.6f}", *(f"{j:.6f}" for j in joules.values()), sep=",", file=out)
            if before and control:
                print(f"watts {(joules['system'] - before[1]) / (time_s - before[0]):.3f} {time.time():.3f}", file=control)
            before = time_s, joules["system"]
            time.sleep(period_s)


if __name__ == "__main__":
    main()
