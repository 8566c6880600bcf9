"""Requirements that are about stacks and publishing have tests, and these say so by their names."""

import re
import unittest
from pathlib import Path

ROWS = (7, 8, 9, 10, 11, 12, 13, 17, 18, 19, 22, 24, 25)


class Rows(unittest.TestCase):
    def test_each_has_a_test(self):
        sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
        names = re.findall(r"def (test_s0_\w+)", sources)
        self.assertEqual([row for row in ROWS if not any(f"s0_{row:02}_" in name for name in names)], [])
