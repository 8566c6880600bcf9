"""The table of event sources in the README, and the tests that it names."""

import re
import unittest
from pathlib import Path

FOLDER = Path(__file__).parent
ROW = re.compile(r"^\| [^|]+ \| `(test_\w+)`: `(test_\w+)` \|$", re.MULTILINE)


class EventSources(unittest.TestCase):
    def test_each_row_of_the_table_has_its_test(self):
        section = (FOLDER.parent.parent / "README.md").read_text().partition("### Event sources\n")[2].partition("\n### ")[0]
        rows = ROW.findall(section)
        lines = [line for line in section.splitlines() if line.startswith("| ")]
        self.assertEqual(len(rows), len(lines) - 1, "every line but the head names a test")
        for module, test in rows:
            with self.subTest(test):
                self.assertIn(f"    def {test}(self):", (FOLDER / f"{module}.py").read_text().splitlines())
