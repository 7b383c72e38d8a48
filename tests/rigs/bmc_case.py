# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of whole runs beside a management controller share."""
import wattstep
from rigs.bmc_node import BmcNode
from rigs.powercap_node import PowercapNode


class BmcNodeCase(wattstep.Case):
    def node(self, **bmc_options):
        """A node with a turbo window of 5 s (so the floor is 10 s) and the BMC that measures it."""
        node = PowercapNode(wattstep.BUILD, sockets=2, rest_w=60, time_window_us=5000000).__enter__()
        self.addCleanup(node.__exit__, None, None, None)
        bmc = BmcNode(wattstep.BUILD, node=node, **bmc_options).__enter__()
        self.addCleanup(bmc.__exit__, None, None, None)
        self.before |= {pid for pid, _ in wattstep.descendants()}
        self.environment |= {"WATTSTEP_BMC_USER": bmc.user, "WATTSTEP_BMC_PASSWORD": bmc.password}
        return node, bmc

    def measure(self, node, bmc, *options, timeout=900):
        done = self.run_program("run", "--sysfs", node.sysfs, "--bmc", bmc.host, "--ipmi-workarounds", "opensesspriv",
                                "--bmc-privilege", "admin", "-o", "p.json", *options, timeout=timeout)
        self.assertIn(done.returncode, (0, 10, 11), done.stderr)
        checked = self.run_program("validate", "p.json")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assert_nothing_left()
        return done, self.profile()
