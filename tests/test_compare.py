# SPDX-License-Identifier: GPL-3.0-or-later
"""wattstep and programs that were not written here read one node at the same time; its true power is known."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402
import wattstep  # noqa: E402

slow = True


class Comparison(unittest.TestCase):
    def test_wattstep_is_true_within_half_a_percent_where_others_read_the_same_node(self):
        try:
            rows = compare.compare(wattstep.BUILD)
        except compare.Unable as why:
            self.skipTest(str(why))
        print(compare.table(rows), flush=True)
        for tool, quantity, watts, true_w in rows:
            with self.subTest(f"{tool}, {quantity}"):
                if tool == "wattstep":
                    self.assertLessEqual(abs(watts / true_w - 1), 0.005)
                else:  # it has run, on this node
                    self.assertGreater(watts, 0.3 * true_w)
                    self.assertLess(watts, 3 * true_w)
        self.assertEqual({tool for tool, _, _, _ in rows}, {"wattstep", "powerstat -R", "loop over energy_uj"})


if __name__ == "__main__":
    unittest.main()
