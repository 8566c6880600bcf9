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

    def test_s0_27_there_is_one_for_each_kind_of_flow(self):
        titles = re.findall("^## (.*)$", PAGE.read_text(), re.MULTILINE)
        for title in (
            "What each stack makes",
            "Which stack needs what",
            "Long content",
            "Agents and tools are found in registries",
            "What each role may do",
            "How settings reach functions",
            "A deployment",
        ):
            self.assertIn(title, titles)

    def test_s0_23_every_variable_of_every_function_is_in_the_tables(self):
        matrix = [row.split(" | ") for row in self.pictures["variables"].splitlines()]
        for column, function in list(enumerate(matrix[0]))[1:]:
            named = {row[0].strip("|` ") for row in matrix[2:] if row[column].strip(" |") == "yes"}
            listed = re.findall(rf"^\| {re.escape(function.strip(' |'))} \| `(\w+)`", self.pictures["configuration"], re.MULTILINE)
            self.assertEqual(named, set(listed), function)
            # The authorizer handles nothing long, and starts without the layer.
            self.assertEqual("LRAP_OFFLOAD" in named, "AuthorizerFunction" not in function)

    def test_the_components_are_those_of_the_stack_of_messages(self):
        drawn = re.search("<!-- components -->(.*)<!-- /components -->", PAGE.read_text(), re.DOTALL)[1]
        (messaging,) = [template for template in TEMPLATES if template.name == "messaging"]
        kinds = ("AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::DynamoDB::Table")
        made = {name for name, one in messaging.document["Resources"].items() if one["Type"] in kinds}
        aside = {name for name in made if name.endswith("DeadLetters")} | {"AlarmsTopic"}
        self.assertEqual(set(re.findall(r"\b(\w+(?:Topic|Queue|Table))\b", drawn)), made - aside)

    def test_s3_11_the_tree_ends_with_what_the_nested_stack_makes(self):
        for name in ("PythonExampleFunction", "LambdaExecutionRole", "Logs"):
            self.assertIn(f"LambdaStack --> {name}", self.pictures["tree"])

    def test_a_page_without_a_place_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no <!-- stacks -->"):
            filled("# Diagrams\n", TEMPLATES)


if __name__ == "__main__":
    unittest.main()
