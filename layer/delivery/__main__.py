"""``python -m delivery``: what ``make validate``, ``publish-…``, ``attach``, ``detach``, ``deploy`` and ``destroy`` run."""

import argparse
import os
import re
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from delivery import Refusal, attachment, deployment, diagrams as pictures, operations as watching, publishing
from delivery.account import Account
from delivery.checks import functions, imports, parameters, permissions, removal, tags
from delivery.evaluation import STAGES, UnknownFunction
from delivery.layers import LayerZip
from delivery.templates import Template
from delivery.translation import Untranslatable


def main(arguments=None):
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (Refusal, Untranslatable, UnknownFunction) as refusal:
        print(f"{options.command}: refused:\n{refusal}", file=sys.stderr)
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
    layer_zip = LayerZip.read(options.zip, options.architecture)
    publishing.publish(_account(options), layer_zip, options.stage)
    return 0


def attach(options):
    attachment.attach(
        _account(options), options.function, options.stage, options.layer, options.table, options.max_content_size
    )
    return 0


def detach(options):
    attachment.detach(_account(options), options.function)
    return 0


def deploy(options):
    paths = {"x86_64": options.zip_x86, "arm64": options.zip_arm}
    zips = {architecture: LayerZip.read(path, architecture) for architecture, path in paths.items()}
    deployment.deploy(_account(options), options.stage, zips, dict(options.parameter))
    return 0


def destroy(options):
    deployment.destroy(_account(options), options.stage)
    return 0


def _account(options):
    # The SDK for Python knows AWS_DEFAULT_REGION only.
    session = boto3.Session(region_name=options.region or os.environ.get("AWS_REGION"))
    if session.region_name is None:
        raise Refusal("no region: give REGION=…, or set AWS_REGION")
    return Account(session, options.dry_run)


def _parser():
    parser = argparse.ArgumentParser(prog="delivery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("validate", "diagrams", "operations"):
        commands.add_parser(name).add_argument("templates", nargs="+")
    _acting(commands, "publish", "zip", "architecture")
    _acting(commands, "attach", "function").add_argument("--layer")
    commands.choices["attach"].add_argument("--table")
    commands.choices["attach"].add_argument("--max-content-size")
    _acting(commands, "detach", "function")
    _acting(commands, "deploy", "zip_x86", "zip_arm").add_argument(
        "--parameter", action="append", default=[], type=_parameter
    )
    # Nobody destroys a stage by leaving out its name.
    _acting(commands, "destroy", stage=None)
    for name, command in commands.choices.items():
        command.set_defaults(run=globals()[name])
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


def _parameter(text):
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not of the form Name=Value")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
