"""``python -m delivery``: what ``make validate``, ``publish-…``, ``attach``, ``detach``, ``deploy`` and ``destroy`` run."""

import argparse
import re
import sys
import tempfile

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from delivery import (
    Refusal,
    agent_files,
    attachment,
    deployment,
    diagrams as pictures,
    mcp_tools as servers,
    operations as watching,
    publishing,
    queues,
    recovery,
    seeding,
)
from delivery.checks import functions, imports, parameters, permissions, removal, tags
from delivery.connection import connected, is_here, parameters_of
from delivery.evaluation import STAGES, UnknownFunction
from delivery.layers import LayerZip
from delivery.parameters import refuse_unknown, words
from delivery.stacks import Sources, Stage
from delivery.templates import Template
from delivery.translation import Untranslatable


def main(arguments=None):
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (Refusal, Untranslatable, UnknownFunction) as refusal:
        print(f"{options.command}: refused:\n{refusal}", file=sys.stderr)
    except EndpointConnectionError as error:
        remedy = ": `make up` starts AWS on this machine" if is_here(error.kwargs["endpoint_url"]) else ""
        print(f"{options.command}: {error}{remedy}", file=sys.stderr)
    except ResponseParserError as error:
        print(f"{options.command}: the answer is not from AWS, or is incomplete: {str(error).splitlines()[0]}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
    return 1


def validate(options):
    """Checks templates, and prints the order in which they are deployed."""
    templates = [Template.read(path) for path in options.templates]
    problems = [*imports.check(templates), *parameters.check(templates)]
    for check in (permissions.check, functions.check, removal.check, tags.check):
        problems += [problem for template in templates for problem in check(template)]
    if problems:
        raise Refusal("\n".join(problems))
    order = " -> ".join(template.name for template in imports.in_order(templates))
    print(f"validate: {len(templates)} templates in stages {', '.join(STAGES)}, order of deployment: {order}")
    return 0


def diagrams(options):
    """Makes the pictures of the documentation anew."""
    pictures.write(options.templates)
    return 0


def operations(options):
    """Makes the template of alarms and dashboard anew."""
    watching.write(options.templates)
    return 0


def publish(options):
    layer_zip = LayerZip.read(options.zip, options.architecture, options.stage)
    publishing.publish(_account(options), layer_zip, options.stage)
    return 0


def attach(options):
    overrides = attachment.Overrides(options.layer, options.table, options.max_content_size, options.attach_policies)
    attachment.attach(_account(options), options.function, options.stage, overrides)
    return 0


def detach(options):
    attachment.detach(_account(options), options.function)
    return 0


def deploy(options):
    account, stage, wanted = _wanted(options)
    deployment.deploy(account, stage, wanted)
    return 0


def deploy_agent(options):
    """The agent of a file, with the functions of the agent's tools; and all of the stage, if there is none yet."""
    agent = agent_files.read(options.file)
    account = _account(options)
    for tool in agent.own_tools:
        tool.package(options.zips, parameters_of(options.stage).get("Architecture", "arm64"))
    with tempfile.TemporaryDirectory() as folder:
        sources = Sources(folder, options.zips, tuple(tool.stack() for tool in agent.own_tools))
        present = Stage(account, options.stage)
        arns = [present.function_arn(tool.function(options.stage)) for tool in agent.own_tools]
        agent.write(folder, arns)
        wanted = [*(tool.folder.name for tool in agent.own_tools), f"agent-{agent.name}"]
        stage = Stage(account, options.stage, wanted if present.is_there else [], sources)
        zips = {"x86_64": options.zip_x86, "arm64": options.zip_arm}
        deployment.deploy(account, stage, deployment.wanted(stage, parameters_of(options.stage), zips))
    if present.is_there:
        seeding.seed(account, stage)
    return 0


def diff(options):
    """Exit code 3 says that something would change."""
    account, stage, wanted = _wanted(options)
    return 3 if deployment.diff(account, stage, wanted) else 0


def dead_letters(options):
    queues.list_dead_letters(_account(options), options.stage)
    return 0


def redrive(options):
    queues.redrive(_account(options), options.queue, options.to)
    return 0


def restore(options):
    recovery.restore(_account(options), options.table, options.at and recovery.moment(options.at))
    return 0


def copy_back(options):
    recovery.copy_back(_account(options), options.table, options.overwrite)
    return 0


def mcp_tools(options):
    """Writes the rows of an MCP server's tools."""
    server = servers.Server(options.url, servers.auth_of(options.auth), options.prefix)
    servers.renew(_account(options), options.stage, server)
    return 0


def destroy(options):
    account = _account(options)
    deployment.destroy(account, Stage(account, options.stage, options.only, Sources(options.agents)))
    return 0


def _wanted(options):
    account = _account(options)
    stage = Stage(account, options.stage, options.only, Sources(options.agents, options.zips))
    refuse_unknown(stage, dict(options.parameter))
    given = {**parameters_of(options.stage), **dict(options.parameter)}
    zips = {"x86_64": options.zip_x86, "arm64": options.zip_arm}
    return account, stage, deployment.wanted(stage, given, zips)


def _account(options):
    return connected(options.stage, options.region, options.dry_run)


def _parser():
    parser = argparse.ArgumentParser(prog="delivery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("validate", "diagrams", "operations"):
        commands.add_parser(name).add_argument("templates", nargs="+")
    _acting(commands, "publish", "zip", "architecture")
    _acting(commands, "attach", "function").add_argument("--layer")
    commands.choices["attach"].add_argument("--table")
    commands.choices["attach"].add_argument("--max-content-size")
    commands.choices["attach"].add_argument("--attach-policies", action="store_true")
    _acting(commands, "detach", "function")
    for name in ("deploy", "diff"):
        _acting(commands, name, "zip_x86", "zip_arm").add_argument("--parameter", action="append", default=[], type=_parameter)
        commands.choices[name].add_argument("--parameters", action="extend", dest="parameter", type=_parameters)
        commands.choices[name].add_argument("--zips")
    _acting(commands, "deploy-agent", "file", "zip_x86", "zip_arm").add_argument("--zips")
    # Nobody destroys a stage by leaving out its name.
    _acting(commands, "destroy", stage=None)
    for name in ("deploy", "diff", "destroy"):
        commands.choices[name].add_argument("--only", type=_words, default=[])
        commands.choices[name].add_argument("--agents")
    _acting(commands, "dead-letters")
    _acting(commands, "redrive", "queue").add_argument("--to")
    _acting(commands, "restore", "table").add_argument("--at")
    _acting(commands, "copy-back", "table").add_argument("--overwrite", action="store_true")
    _acting(commands, "mcp-tools", "url").add_argument("--auth")
    commands.choices["mcp-tools"].add_argument("--prefix", default="")
    for name, command in commands.choices.items():
        command.set_defaults(run=globals()[name.replace("-", "_")])
    return parser


def _acting(commands, name, *operands, stage="dev"):
    command = commands.add_parser(name)
    for operand in operands:
        command.add_argument(operand)
    command.add_argument("--stage", type=_stage, default=stage, required=stage is None)
    command.add_argument("--region")
    command.add_argument("--dry-run", action="store_true")
    return command


def _stage(text):
    if not re.fullmatch("[a-z0-9]{2,20}", text):
        raise argparse.ArgumentTypeError(f"{text} is not a stage: 2 to 20 lower case letters and digits")
    return text


def _words(text):
    return [word for word in text.replace(",", " ").split() if word]


def _parameters(text):
    return [_parameter(word) for word in words(text)]


def _parameter(text):
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not of the form Name=Value")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
