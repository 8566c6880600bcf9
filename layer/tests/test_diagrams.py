"""The pictures of the documentation are those of the templates and the state machine of today."""

import re
import unittest

from delivery.diagrams import PAGE, filled, pictures
from delivery.templates import Template
from tests.aws import REPOSITORY

TEMPLATES = [
    Template.read(path)
    for folder in ("functions/stacks", "layer/stacks")
    for path in sorted((REPOSITORY / folder).glob("*.yaml"))
]


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pictures = pictures(TEMPLATES)

    def test_the_page_is_up_to_date(self):
        self.assertEqual(PAGE.read_text(), filled(PAGE.read_text(), TEMPLATES), "make diagrams")

    def test_a_resource_that_is_added_is_another_picture(self):
        tools = next(template for template in TEMPLATES if template.name == "tools")
        others = [template for template in TEMPLATES if template is not tools]
        table = {"Type": "AWS::DynamoDB::Table", "Properties": {}}
        resources = {**tools.document["Resources"], "Added": table}
        changed = Template(tools.path, {**tools.document, "Resources": resources})
        now = pictures([*others, changed])
        self.assertIn("tools_Added[(Added)]", now["resources"])
        self.assertEqual(now["stacks"], self.pictures["stacks"])

    def test_every_stack_is_drawn_and_every_arrow_has_two_ends(self):
        drawn = self.pictures["stacks"]
        nodes = set(re.findall(r"^  (\w+)\[", drawn, re.MULTILINE))
        self.assertEqual(len(nodes), len(TEMPLATES))
        for start, end in re.findall(r"^  (\w+) -->.* (\w+)$", drawn, re.MULTILINE):
            self.assertLessEqual({start, end}, nodes)

    def test_a_page_without_a_place_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no <!-- stacks -->"):
            filled("# Diagrams\n", TEMPLATES)


if __name__ == "__main__":
    unittest.main()
