"""Agents in TOML become parameters of a stack, or a refusal that names what is wrong."""

import json
import tempfile
import unittest
from pathlib import Path

from delivery import Refusal, agent_files
from delivery.templates import REPOSITORY

EXAMPLE = REPOSITORY / "functions" / "agents" / "word-counter.toml"
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  One: {Type: Custom::Tool, Properties: {tool_name: one}}
  Two: {Type: Custom::Tool, Properties: {tool_name: two}}
  Three: {Type: AWS::SNS::Topic}
"""


class AgentFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(self, text):
        path = self.folder / "agent.toml"
        path.write_text(text)
        return agent_files.read(path)

    def test_the_example_has_a_tool_of_its_own(self):
        agent = agent_files.read(EXAMPLE)
        (tool,) = agent.own_tools
        self.assertEqual((agent.parameters["ToolNames"], agent.parameters["MaxIterations"]), ("http_get,count_word", "6"))
        self.assertEqual((tool.names(), tool.function("dev"), tool.stack().stack), (["count_word"], "tool-word-counter-dev", "word-counter"))
        properties = tool.stack().document["Resources"]["Function"]["Properties"]
        self.assertEqual((properties["Handler"], properties["FunctionName"]), ("count_word.handler", {"Fn::Sub": "tool-word-counter-${Stage}"}))

    def test_its_parameters_are_a_file_of_the_folder_of_agents(self):
        agent = self.read("name = 'mine'\nprompt = 'Be brief.'\ntools = ['http_get']\nmodel = {provider = 'xai', id = 'grok-4'}")
        agent.write(self.folder, ["arn:one"])
        self.assertEqual(
            json.loads((self.folder / "mine.json").read_text())["Parameters"],
            {"AgentName": "mine", "SystemPrompt": "Be brief.", "ToolNames": "http_get", "Provider": "xai", "Model": "grok-4", "OtherToolFunctionArns": "arn:one"},
        )

    def test_what_is_wrong_is_named(self):
        cases = {
            "name = ": "Invalid value",
            "name = 'mine'": "prompt is missing",
            "name = 'mine'\nprompt = ''\ntool = []": "an agent cannot have tool",
            "name = 'mine'\nprompt = ''\ntools = 'http_get'": "tools is not a list",
            "name = 'mine'\nprompt = ''\nmodel = {provider = 'xai'}": "model: id is missing",
            "name = 'mine'\nprompt = ''\nmodel = 'grok-4'": "model is not a table",
            "name = 'mine'\nprompt = ''\n[[own_tools]]\nfoldr = 'a'": "own_tools cannot have foldr; its keys are folder, handler, template",
            "name = 'mine'\nprompt = ''\n[parameters]\ntop_p = 1": "parameters.top_p",
            f"name = 'mine'\nprompt = '{'x' * 5000}'": "SystemPrompt has 5000 bytes",
            "name = 'mine'\nprompt = ''\n[[own_tools]]\nfolder = 'nowhere'\nhandler = 'a.b'": "there is no folder",
            "name = 'mine'\nprompt = ''\n[[own_tools]]\nfolder = 'nowhere'": "handler",
        }
        for text, reason in cases.items():
            with self.subTest(reason), self.assertRaisesRegex(Refusal, reason):
                self.read(text)
        with self.assertRaisesRegex(Refusal, "nowhere.toml"):
            agent_files.read(self.folder / "nowhere.toml")

    def test_an_own_tool_has_a_template(self):
        (self.folder / "mine" / "src").mkdir(parents=True)
        with self.assertRaisesRegex(Refusal, "there is no template .*stacks/mine.yaml"):
            self.read("name = 'mine'\nprompt = ''\n[[own_tools]]\nfolder = 'mine'\nhandler = 'a.b'")

    def test_its_tools_are_those_that_its_template_registers(self):
        (self.folder / "mine" / "src").mkdir(parents=True)
        text = "name = 'mine'\nprompt = ''\n[[own_tools]]\nfolder = 'mine'\nhandler = 'tools.handler'\ntemplate = 'mine.yaml'"
        (self.folder / "mine.yaml").write_text(TEMPLATE)
        self.assertEqual(self.read(text).parameters["ToolNames"], "one,two")
        (self.folder / "mine.yaml").write_text(TEMPLATE.replace("Custom::Tool", "Custom::Other"))
        with self.assertRaisesRegex(Refusal, "mine.yaml registers no tool"):
            self.read(text)
