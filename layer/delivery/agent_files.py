"""Agents in TOML, the form that `make agent AGENT=` takes too: a name, a prompt, tools, a model, and functions of own tools.

`make deploy-agent` makes the parameters of the agent's stack of it. Each own tool is a folder whose source is packaged here, and has a template,
`functions/stacks/{folder}.yaml` unless the file names another.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from delivery import Refusal
from delivery.templates import REPOSITORY, Template

# CloudFormation takes no longer value of a parameter.
LONGEST = 4096
# What a file and its tables hold, and of what type.
KEYS = {"name": str, "description": str, "prompt": str, "tools": list, "model": dict, "parameters": dict, "own_tools": list, "script": list}
KEYS_OF_MODEL = {"provider": str, "id": str}
KEYS_OF_TOOL = {"folder": str, "handler": str, "template": str}
SAID = {str: "a text", list: "a list", dict: "a table"}
SETTINGS = {"max_iterations": "MaxIterations", "timeout_seconds": "TimeoutSeconds", "approval_timeout_seconds": "ApprovalTimeoutSeconds"}
REGISTRATION = "Custom::Tool"
ZIPS = REPOSITORY / "target" / "functions"


@dataclass(frozen=True)
class OwnTool:
    """A function that serves tools, which its template registers."""

    folder: Path
    template: Path

    def names(self):
        """Of its tools, as the template registers them."""
        found = [resource["Properties"]["tool_name"] for resource in self._resources() if resource["Type"] == REGISTRATION]
        if not found:
            raise Refusal(f"{self.template} registers no tool: it has no resource of the type {REGISTRATION}")
        return found

    def function(self, stage):
        return f"tool-{self.folder.name}-{stage}"

    def stack(self):
        """The template, whose stack is named after the folder."""
        template = Template.read(self.template)
        template.document.setdefault("Metadata", {})["StackName"] = self.folder.name
        return template

    def package(self, zips, architecture):
        """Makes its zip in a folder of zips, or where templates expect it. Its packages are for the template's version of Python."""
        command = [sys.executable, REPOSITORY / "functions" / "package", self.folder, Path(zips or ZIPS) / f"{self.folder.name}.zip"]
        if subprocess.run([*command, "--architecture", architecture, *self._python()]).returncode:
            raise Refusal(f"{self.folder} could not be packaged")

    def _resources(self):
        return self.stack().document["Resources"].values()

    def _python(self):
        """The words that tell its version of Python, if it is in Python."""
        runtimes = [str(resource.get("Properties", {}).get("Runtime", "")) for resource in self._resources()]
        version = next((runtime.removeprefix("python") for runtime in runtimes if runtime.startswith("python")), None)
        return ["--python", version] if version else []


@dataclass(frozen=True)
class AgentFile:
    """What a file says of an agent."""

    name: str
    parameters: dict
    own_tools: list = field(default_factory=list)

    def write(self, folder, functions):
        """The parameters of its stack, as the folder of agents has them. ``functions`` are ARNs of the functions of own tools."""
        own = {"OtherToolFunctionArns": ",".join(functions)} if functions else {}
        path = Path(folder) / f"{self.name}.json"
        path.write_text(json.dumps({"Parameters": {**self.parameters, **own}}))


def read(path):
    """The agent of a file, or a refusal that names what is wrong."""
    path = Path(path)
    try:
        import tomllib  # Other verbs need no Python that has it.
    except ImportError as problem:
        raise Refusal(f"{path} is TOML, which needs Python 3.11: name another interpreter with PYTHON=") from problem
    try:
        agent = tomllib.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise Refusal(f"{path}: {problem}") from problem
    _refuse_mistakes(path, "an agent", agent, KEYS, ("name", "prompt"))
    if "model" in agent:
        _refuse_mistakes(path, "model", agent["model"], KEYS_OF_MODEL, KEYS_OF_MODEL)
    own_tools = [_own_tool(path, tool) for tool in agent.get("own_tools", [])]
    parameters = _parameters(path, agent, own_tools)
    for name, value in parameters.items():
        if len(value.encode()) > LONGEST:
            raise Refusal(f"{path}: {name} has {len(value.encode())} bytes, and CloudFormation takes {LONGEST} at most")
    return AgentFile(agent["name"], parameters, own_tools)


def _refuse_mistakes(path, what, table, keys, required):
    """Refuses a table with other keys, with values of other types, or without what is required."""
    if not isinstance(table, dict):
        raise Refusal(f"{path}: {what} is not a table")
    unknown = sorted(table.keys() - keys.keys())
    if unknown:
        raise Refusal(f"{path}: {what} cannot have {', '.join(unknown)}; its keys are {', '.join(sorted(keys))}")
    for key in keys:
        if key in table and not isinstance(table[key], keys[key]):
            raise Refusal(f"{path}: {what}: {key} is not {SAID[keys[key]]}")
        if key in required and key not in table:
            raise Refusal(f"{path}: {what}: {key} is missing")


def _own_tool(path, tool):
    _refuse_mistakes(path, "own_tools", tool, KEYS_OF_TOOL, ("folder", "handler"))
    folder = (path.parent / tool["folder"]).resolve()
    template = path.parent / tool["template"] if "template" in tool else REPOSITORY / "functions" / "stacks" / f"{folder.name}.yaml"
    if not (folder / "src").is_dir():
        raise Refusal(f"{path}: there is no folder {folder / 'src'}")
    if not template.is_file():
        raise Refusal(f"{path}: there is no template {template} for {folder.name}: copy functions/stacks/word-counter.yaml, or name another by own_tools.template")
    return OwnTool(folder, template)


def _parameters(path, agent, own_tools):
    tools = [*agent.get("tools", []), *(name for tool in own_tools for name in tool.names())]
    # The document of `make agent` is on that machine alone.
    found = {"AgentName": agent["name"], "SystemPrompt": agent["prompt"].replace("{document}", "the page that the user names")}
    if "description" in agent:
        found["AgentDescription"] = agent["description"]
    if tools:
        found["ToolNames"] = ",".join(tools)
    if "model" in agent:
        found |= {"Provider": agent["model"]["provider"], "Model": agent["model"]["id"]}
    for name, value in agent.get("parameters", {}).items():
        if name not in SETTINGS:
            raise Refusal(f"{path}: parameters.{name} is not a parameter of the agent's stack; these are {', '.join(SETTINGS)}")
        found[SETTINGS[name]] = str(value)
    return found
