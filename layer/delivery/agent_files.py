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
KEYS = {"name", "description", "prompt", "tools", "model", "parameters", "own_tools", "script"}
SETTINGS = {"max_iterations": "MaxIterations", "timeout_seconds": "TimeoutSeconds", "approval_timeout_seconds": "ApprovalTimeoutSeconds"}
ZIPS = REPOSITORY / "target" / "functions"


@dataclass(frozen=True)
class OwnTool:
    """A function that serves a tool: the module that its handler is in has the tool's name."""

    folder: Path
    handler: str
    template: Path

    @property
    def name(self):
        return self.handler.partition(".")[0]

    def function(self, stage):
        return f"tool-{self.folder.name}-{stage}"

    def stack(self):
        """The template, whose stack is named after the folder."""
        template = Template.read(self.template)
        template.document.setdefault("Metadata", {})["StackName"] = self.folder.name
        return template

    def package(self, zips):
        """Makes its zip in a folder of zips, or where templates expect it."""
        command = [sys.executable, REPOSITORY / "functions" / "package", self.folder, Path(zips or ZIPS) / f"{self.folder.name}.zip"]
        if subprocess.run(command).returncode:
            raise Refusal(f"{self.folder} could not be packaged")


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
        raise Refusal(f"{path} is TOML, which needs Python 3.11: PYTHON= names another interpreter") from problem
    try:
        agent = tomllib.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise Refusal(f"{path}: {problem}") from problem
    unknown = sorted(agent.keys() - KEYS)
    if unknown:
        raise Refusal(f"{path}: an agent has no {', '.join(unknown)}; it has {', '.join(sorted(KEYS))}")
    missing = [key for key in ("name", "prompt") if not isinstance(agent.get(key), str)]
    if missing:
        raise Refusal(f"{path}: {missing[0]} is missing, or is not a text")
    own_tools = [_own_tool(path, tool) for tool in agent.get("own_tools", [])]
    parameters = _parameters(path, agent, own_tools)
    for name, value in parameters.items():
        if len(value.encode()) > LONGEST:
            raise Refusal(f"{path}: {name} has {len(value.encode())} bytes, and CloudFormation takes {LONGEST} at most")
    return AgentFile(agent["name"], parameters, own_tools)


def _own_tool(path, tool):
    try:
        folder = (path.parent / tool["folder"]).resolve()
        template = path.parent / tool["template"] if "template" in tool else REPOSITORY / "functions" / "stacks" / f"{folder.name}.yaml"
        handler = tool["handler"]
    except (KeyError, TypeError) as problem:
        raise Refusal(f"{path}: an own tool has a folder and a handler: {problem!r}") from problem
    if not (folder / "src").is_dir():
        raise Refusal(f"{path}: there is no folder {folder / 'src'}")
    if not template.is_file():
        raise Refusal(f"{path}: there is no template {template} for {folder.name}; own_tools.template names another")
    return OwnTool(folder, handler, template)


def _parameters(path, agent, own_tools):
    tools = [*agent.get("tools", []), *(tool.name for tool in own_tools)]
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
            raise Refusal(f"{path}: parameters.{name} is not a parameter of the agent's stack; it has {', '.join(SETTINGS)}")
        found[SETTINGS[name]] = str(value)
    return found
