"""Requirements that are about stacks and publishing have tests, and these say so by their names."""

import re
import unittest
from pathlib import Path

ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26)


class Rows(unittest.TestCase):
    def test_each_has_a_test(self):
        sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
        names = re.findall(r"def (test_s0_\w+)", sources)
        self.assertEqual([row for row in ROWS if not any(f"s0_{row:02}_" in name for name in names)], [])
