# SPDX-License-Identifier: GPL-3.0-or-later
"""What `wattstep run` promises beside its figures, on runs of a minute or two that go on at the same time.

docs/promises.md lists which promise is held by which test.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.powercap_node import PowercapNode  # noqa: E402

slow = True

# The wall clock falls back by an hour, 12 s after the program was started.
WALL_CLOCK_FALLS_BACK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long first_s;

static long wall_minus_s(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	if (!first_s)
		first_s = now.tv_sec;
	return now.tv_sec - first_s > 12 ? 3600 : 0;
}

__attribute__((constructor)) static void begin(void) { wall_minus_s(); }

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = (int)syscall(SYS_clock_gettime, clock, out);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		out->tv_sec -= wall_minus_s();
	return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
"""


class FalseProc:
    """A /proc in which the machine's processors are busy to a given share."""

    def __init__(self, folder, busy):
        folder.mkdir()
        for name in ("cpuinfo", "meminfo", "version"):
            shutil.copyfile(f"/proc/{name}", folder / name)
        self.path, self.busy, self.over = folder / "stat", busy, threading.Event()
        self.began_s = time.monotonic()
        self.write()
        self.thread = threading.Thread(target=self.go_on, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def write(self):
        ticks = int((time.monotonic() - self.began_s) * 100) * os.cpu_count()
        user = 10 ** 9 + int(self.busy * ticks)  # always of the same length, so that no reader sees half a file
        line = f"{user} 0 0 {10 ** 9 + ticks - int(self.busy * ticks)} 0 0 0 0 0 0\n"
        text = "cpu  " + line + "".join(f"cpu{cpu} {line}" for cpu in range(os.cpu_count()))
        with open(self.path, "r+" if self.path.exists() else "w") as file:
            file.write(text)

    def go_on(self):
        while not self.over.wait(0.1):
            self.write()


class WatchedRun(wattstep.Case):
    """Eight states, interrupted in the third: what others can see of it meanwhile."""

    STATES = ["single-core", "idle", "all-threads", "single-core", "memory", "all-cores", "idle", "single-core"]

    def watch(self, process):
        """When the load was there, and how much of the profile was on disk; until the third state is measured."""
        self.looks, self.states_seen = [], []  # looks: (begun, ended, processes of the load)
        trace = self.dir / "t.csv"
        while process.poll() is None:
            began_s = time.monotonic()
            load = set(self.workers()) - {self.unrelated.pid} - self.unrelated_workers
            self.looks.append((began_s, time.monotonic(), len(load)))
            if (self.dir / "p.json").exists():
                document = self.profile()
                self.assertFalse(document["complete"])
                if len(document["states"]) not in self.states_seen:
                    self.states_seen.append(len(document["states"]))
            if trace.exists() and ",all-threads," in trace.read_text():
                return
            time.sleep(0.2)

    def test_eight_states_interrupted_in_the_third(self):
        self.unrelated = subprocess.Popen(
            [shutil.which("stress-ng"), "--cpu", "1", "--cpu-load", "1", "--timeout", "600", "--temp-path", str(self.dir / "tmp")],
            cwd=self.dir / "tmp", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(self.unrelated.wait)
        self.addCleanup(self.unrelated.terminate)
        self.wait_for(lambda: len(self.workers()) == 2, "the load of somebody else")
        self.unrelated_workers = set(self.workers()) - {self.unrelated.pid}
        theirs = sorted(os.listdir(self.dir / "tmp"))
        with PowercapNode(wattstep.BUILD, sockets=2, utilisation=0.5, noise_pct=0.3) as node:
            process = self.start("run", "--plan", "quick", "--sysfs", node.sysfs, "-o", "p.json", "--trace", "t.csv",
                                 *self.STATES)
            self.watch(process)
            workers = len(set(self.workers()) - {self.unrelated.pid} - self.unrelated_workers)
            time.sleep(3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        with self.subTest("the status is 130 and nothing is left but what others have started"):
            self.assertEqual(process.returncode, 130, err)
            self.assertEqual(set(self.workers()), {self.unrelated.pid} | self.unrelated_workers)
            self.assertEqual(sorted(os.listdir(self.dir / "tmp")), theirs)
        with self.subTest("nothing appears in the working directory but what was asked for"):
            self.assertEqual(sorted(os.listdir(self.dir)), ["p.json", "t.csv", "tmp"])
        with self.subTest("standard output has no log lines"):
            self.assertEqual(out, "")
        document = self.profile()
        with self.subTest("the profile is valid and says that it is not complete"):
            self.assertFalse(document["complete"])
            self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
            done = self.run_program("analyze", "--json", "t.csv")
            self.assertEqual((done.returncode, json.loads(done.stdout)["states"]), (130, document["states"]))
        with self.subTest("results were on disk after each state"):
            self.assertEqual(self.states_seen, [1, 2])
        with self.subTest("the states that were named have their own names and loads, and the third was interrupted"):
            self.assertEqual([s["name"] for s in document["states"]], self.STATES[:3])
            self.assertEqual([s["workload"]["workers"] for s in document["states"]], [1, 0, len(os.sched_getaffinity(0))])
            self.assertEqual(document["states"][1]["workload"]["argv"], [])
            self.assertEqual((document["states"][2]["verdict"], document["states"][2]["reason"]),
                             ("insufficient", "interrupted"))
        with self.subTest("all threads have one worker each"):
            self.assertEqual(workers, len(os.sched_getaffinity(0)) + 1)  # and stress-ng itself
        with self.subTest("the load was there throughout the window"):
            origin, window = document["run"]["monotonic_start_s"], document["states"][0]["window"]
            within = [load for began_s, ended_s, load in self.looks
                      if began_s > origin + window["start_s"] and ended_s < origin + window["end_s"]]
            self.assertGreater(len(within), 5)
            self.assertEqual(set(within), {2})  # stress-ng and its worker
            rows = [line.split(",") for line in (self.dir / "t.csv").read_text().splitlines() if line[0].isdigit()]
            self.assertGreaterEqual(max(float(row[0]) for row in rows if row[1] == "single-core"), window["end_s"] - 0.05)


class Idle(wattstep.Case):
    def measure_idle(self, busy, **environment):
        """Idle on a node of 100 W whose processors are busy to that share."""
        self.environment.update(environment)
        with PowercapNode(wattstep.BUILD, utilisation=0, idle_w=100, noise_pct=0.3) as node, \
                FalseProc(self.dir / "proc", busy):
            done = self.run_program("run", "--plan", "quick", "--sysfs", node.sysfs, "--procfs", "proc", "-o", "p.json",
                                    "--trace", "t.csv", "idle", timeout=200)
            truth = node.truth(until=time.monotonic())
        self.document = self.profile()
        self.state, = self.document["states"]
        self.assertTrue(self.state["window"], (done.returncode, done.stderr))
        origin = self.document["run"]["monotonic_start_s"]
        self.true_w = truth.mean_w("package-0", *(origin + self.state["window"][key] for key in ("start_s", "end_s")))
        return done

    def test_idle_with_something_running_is_no_idle(self):
        done = self.measure_idle(0.10)
        self.assertEqual(done.returncode, 11, done.stderr)
        self.assertEqual((self.state["verdict"], self.state["reason"]), ("invalid", "load_not_held"))
        self.assertAlmostEqual(self.state["utilisation"]["cpu_pct"], 10, delta=1)

    def test_a_wall_clock_that_is_set_back_an_hour_changes_nothing(self):
        (self.dir / "shim.c").write_text(WALL_CLOCK_FALLS_BACK)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.dir / "shim.so", self.dir / "shim.c"], check=True)
        done = self.measure_idle(0.005, LD_PRELOAD=str(self.dir / "shim.so"))
        self.assertLess(self.document["run"]["ended"], self.document["run"]["started"], "the clock was not set back")
        self.assertIn(done.returncode, (0, 10), done.stderr)
        self.assertEqual(set(self.state["flags"]) - {"slow_reads"}, set())
        self.assertLess(abs(self.state["power"]["cpu"]["mean_w"] / self.true_w - 1), 0.005)
        self.assertLess(self.state["window"]["end_s"], 100)
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
        times = [float(line.split(",")[0]) for line in (self.dir / "t.csv").read_text().splitlines() if line[0].isdigit()]
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 5)


if __name__ == "__main__":
    wattstep.unittest.main()
