"""State machines and activities survive a restart, as they were last made or changed; executions do not.

Every call of the API that changes them ends with a file of all of them, written whole before the call is answered.
"""

import fcntl
import json
import os
from pathlib import Path

from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

CHANGES = (
    "create_state_machine",
    "update_state_machine",
    "delete_state_machine",
    "create_activity",
    "delete_activity",
    "tag_resource",
    "untag_resource",
)


# Held until this process ends.
only_one = []


def keep(file):
    """Brings back what ``file`` has, and writes it anew with each change."""
    path = Path(file)
    # One whose lambda-local was killed may have a moment left to live, and write until then.
    only_one.append(open(path.with_suffix(".lock"), "w"))
    fcntl.flock(only_one[0], fcntl.LOCK_EX)
    if path.exists():
        for kept in json.loads(path.read_text()):
            bring_back(stepfunctions_parser_backends[kept["account"]][kept["region"]], kept)
    for name in CHANGES:
        setattr(StepFunctionsParserBackend, name, followed(getattr(StepFunctionsParserBackend, name), lambda: write(path)))


def followed(operation, by):
    def do(*given, **options):
        result = operation(*given, **options)
        by()
        return result

    return do


def write(path):
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(list(everything())))
    os.replace(unfinished, path)


def everything():
    for account, regions in stepfunctions_parser_backends.items():
        for region, backend in regions.items():
            yield {
                "account": account,
                "region": region,
                "state_machines": [of_machine(backend, machine) for machine in backend.state_machines],
                "activities": [of_activity(backend, activity) for activity in backend.activities.values()],
            }


def of_machine(backend, machine):
    return {
        "name": machine.name,
        "definition": machine.definition,
        "roleArn": machine.roleArn,
        "sm_type": machine.type,
        "loggingConfiguration": machine.loggingConfiguration,
        "tracingConfiguration": machine.tracingConfiguration,
        "encryptionConfiguration": machine.encryptionConfiguration,
        "tags": tags(backend, machine.arn),
    }


def of_activity(backend, activity):
    return {"name": activity.name, "tags": tags(backend, activity.arn)}


def tags(backend, arn):
    return backend.tagger.list_tags_for_resource(arn)["tags"]


def bring_back(backend, kept):
    for machine in kept["state_machines"]:
        backend.create_state_machine(**machine)
    for activity in kept["activities"]:
        backend.create_activity(**activity)
