"""Gives a function the layer and its variables, and takes them away again; everything else about the function stays.

What becomes of a configuration is decided by pure functions of it, ``attached`` and ``detached``.
"""

import json
from dataclasses import dataclass
from typing import Optional

from delivery import Refusal, roles
from delivery.account import Masked
from delivery.function_names import named
from delivery.layers import (
    CONTENT_TABLE,
    EXEC_WRAPPER,
    NAME,
    NEXT_WRAPPER,
    THRESHOLD,
    WRAPPER,
    export_name,
    is_ours,
    layer_name,
    unversioned,
)
from delivery.settings import mistakes

MOST_LAYERS = 5
# Wrappers of others that need more than to follow ours: docs/living-with says why.
DATADOG = "/opt/datadog_wrapper"
DATADOG_APPLICATION_SECURITY = "DD_SERVERLESS_APPSEC_ENABLED"
WEB_ADAPTER = "/opt/bootstrap"
WEB_ADAPTER_PROXY = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
OUR_VARIABLES = {EXEC_WRAPPER, NEXT_WRAPPER, CONTENT_TABLE, THRESHOLD}
ABSENT = {"ResourceNotFoundException"}


@dataclass(frozen=True)
class Wish:
    """What a function is to have: a layer version for the architectures it is made for, the table, and a threshold if any."""

    layer: str
    architectures: list
    table: Optional[str]
    threshold: Optional[str] = None


@dataclass(frozen=True)
class Overrides:
    """What a person names in place of what the stage has, and whether the role gets the policies."""

    layer: Optional[str] = None
    table: Optional[str] = None
    threshold: Optional[str] = None
    attaches_policies: bool = False


def attach(account, written, stage, overrides=Overrides()):
    """Adds the layer to a function. Layer and table are those of the stage's stacks, if no others are named."""
    function = named(written, account.region)
    configuration = _configuration(account, function)
    (architecture,) = configuration.get("Architectures", ["x86_64"])
    layer = overrides.layer or _layer_of_stage(account, architecture, stage)
    of_stage = _table_of_stage(account, stage)
    table = overrides.table or common_table(stage, of_stage, _variables(configuration).get(CONTENT_TABLE))
    wish = Wish(layer, _architectures(account, layer), table, overrides.threshold)
    layers, variables = attached(configuration, wish)
    _refuse_mistakes(function, variables, account.region)
    arn = _table_arn(account, table)
    roles.refuse_absent(account, function, configuration["Role"])
    _update(account, function, configuration, layers, variables)
    account.report(f"{function} has {layer}.")
    policies = _policies(account, stage) if table == of_stage else []
    roles.settle(account, configuration["Role"], arn, policies, overrides.attaches_policies)
    for line in (*advice(configuration, variables), *_aliases(account, function)):
        account.say(line)


def detach(account, written):
    """Takes the layer away from a function, and its variables; a wrapper that stood behind ours is the function's own again."""
    function = named(written, account.region)
    configuration = _configuration(account, function)
    if not any(map(is_ours, _layers(configuration))):
        raise Refusal(f"{function} does not have the layer")
    _update(account, function, configuration, *detached(configuration))
    account.report(f"{function} runs without the layer. Its role keeps its policies.")
    for line in _aliases(account, function):
        account.say(line)


def _refuse_mistakes(function, variables, region):
    found = mistakes(variables, region)
    if found:
        raise Refusal("\n".join(f"wrong setting: {function} would not start: {mistake}" for mistake in found))


def _table_arn(account, table):
    """Of a table that is there, and is one of contents."""
    found = account.find("dynamodb", "describe_table", ABSENT, TableName=table)
    if found is None:
        raise Refusal(f"missing dependency: there is no table {table} in {account.region}: create one with `make deploy ONLY=layer`, or name one with TABLE=")
    key = [(part["AttributeName"], part["KeyType"]) for part in found["Table"]["KeySchema"]]
    if key != [("id", "HASH")]:
        raise Refusal(f"{table} is not a content table: its key is {', '.join(name for name, _ in key)}, not id alone")
    return found["Table"]["TableArn"]


def _aliases(account, function):
    """Aliases point to published versions, which stay as they were."""
    found = account.pages("lambda", "list_aliases", "Aliases", FunctionName=function)
    names = [f"{alias['Name']} (version {alias['FunctionVersion']})" for alias in found]
    if names:
        yield f"Its aliases stay as they are until they point to a new version: {', '.join(names)}"


def attached(configuration, wish):
    """Layers and variables of a function that gets what is wished for."""
    _refuse_mismatch(configuration, wish)
    if wish.table is None:
        raise Refusal(
            "missing dependency: no content table: deploy the stage's stacks with `make deploy ONLY=layer`, or name one by TABLE="
        )
    variables = _wrapped(_variables(configuration))
    variables[CONTENT_TABLE] = wish.table
    if wish.threshold:
        variables[THRESHOLD] = str(wish.threshold)
    return _with_layer(_layers(configuration), wish.layer), variables


def advice(configuration, variables):
    """What is left to do by hand for a function that now has these variables."""
    if configuration.get("Runtime", "").startswith("provided"):
        yield "Its runtime ignores AWS_LAMBDA_EXEC_WRAPPER: layer/README.md#os-only-runtimes says what to do instead."
    if variables.get(NEXT_WRAPPER) == WEB_ADAPTER and not variables.get(WEB_ADAPTER_PROXY):
        yield f"Lambda Web Adapter polls the Runtime API itself, so set {WEB_ADAPTER_PROXY}: docs/living-with/web-adapter.md"


def detached(configuration):
    """Layers and variables of a function that loses the layer."""
    variables = dict(_variables(configuration))
    if variables.get(EXEC_WRAPPER) == WRAPPER:
        del variables[EXEC_WRAPPER]
        if variables.get(NEXT_WRAPPER):
            variables[EXEC_WRAPPER] = variables[NEXT_WRAPPER]
    variables.pop(NEXT_WRAPPER, None)
    for name in (CONTENT_TABLE, THRESHOLD):
        variables.pop(name, None)
    return [layer for layer in _layers(configuration) if not is_ours(layer)], variables


def _refuse_mismatch(configuration, wish):
    architectures = configuration.get("Architectures", ["x86_64"])
    if wish.architectures and not set(architectures) <= set(wish.architectures):
        raise Refusal(
            f"{configuration['FunctionName']} runs on {', '.join(architectures)}, and {wish.layer} is for "
            f"{', '.join(wish.architectures)}: its extension could not be executed, and the function would not start"
        )


def _wrapped(variables):
    """With our wrapper in front, and behind it the one that was there."""
    variables = dict(variables)
    present = variables.get(EXEC_WRAPPER)
    if present and present != WRAPPER:
        if variables.get(NEXT_WRAPPER) not in (None, "", present):
            raise Refusal(
                f"{EXEC_WRAPPER} is {present}, {NEXT_WRAPPER} is {variables[NEXT_WRAPPER]}: only one of the two can follow the layer's wrapper"
            )
        variables[NEXT_WRAPPER] = present
    variables[EXEC_WRAPPER] = WRAPPER
    _refuse_application_security(variables)
    return variables


def _refuse_application_security(variables):
    """Datadog's proxy opens its port only where its wrapper comes first; that wrapper points the runtime there in any case."""
    is_on = variables.get(DATADOG_APPLICATION_SECURITY, "").lower() in ("1", "t", "true")
    if is_on and variables.get(NEXT_WRAPPER) == DATADOG:
        raise Refusal(
            f"{DATADOG_APPLICATION_SECURITY} is set: with a wrapper other than Datadog's, the function would not start, see "
            "docs/living-with/datadog.md"
        )


def _with_layer(layers, wanted):
    """In place of an older version, since the order of layers matters; else after the function's own."""
    kept = []
    for layer in layers:
        if not is_ours(layer) and unversioned(layer) != unversioned(wanted):
            kept.append(layer)
        elif wanted not in kept:
            kept.append(wanted)
    if wanted not in kept:
        kept.append(wanted)
    if len(kept) > MOST_LAYERS:
        raise Refusal(f"the function has {len(layers)} layers, and Lambda allows {MOST_LAYERS}: merge two of the function's layers")
    return kept


def common_table(stage, of_stage, present):
    """The table of the stage, or the one that a function has where the stage has none. They cannot differ: what is
    written to one could not be read from the other."""
    if present and of_stage and present != of_stage:
        raise Refusal(f"{CONTENT_TABLE} is {present}, and the table of the stage {stage} is {of_stage}: choose one with TABLE=")
    return of_stage or present


def _configuration(account, function):
    configuration = account.find("lambda", "get_function_configuration", ABSENT, FunctionName=function)
    if configuration and configuration.get("LastUpdateStatus") == "InProgress":
        account.wait("lambda", "function_updated_v2", FunctionName=function)
        configuration = account.find("lambda", "get_function_configuration", ABSENT, FunctionName=function)
    if configuration is None:
        raise Refusal(f"missing dependency: there is no function {function} in {account.region}")
    if configuration.get("PackageType", "Zip") != "Zip":
        raise Refusal(f"{function} is a container image, which takes no layers: see docs/living-with/containers.md")
    # Variables that cannot be read would be lost: an update replaces all of them.
    unreadable = configuration.get("Environment", {}).get("Error")
    if unreadable:
        raise Refusal(f"permission denied: the variables of {function} cannot be read: {unreadable['Message']}")
    return configuration


def _update(account, function, configuration, layers, variables):
    if layers == _layers(configuration) and variables == _variables(configuration):
        account.say(f"{function}: nothing to change")
        return
    # With the revision, where there is one: a change of the function since it was read is not overwritten.
    revision = {name: configuration[name] for name in ("RevisionId",) if name in configuration}
    account.change(
        "lambda",
        "update_function_configuration",
        FunctionName=function,
        Layers=layers,
        Environment=_masked(variables),
        **revision,
    )
    account.wait("lambda", "function_updated_v2", FunctionName=function)


def _masked(variables):
    """A function's own variables may be secrets: a dry run says their names alone. That is no JSON, lest somebody runs it."""
    said = [f"{json.dumps(name)}: {_said(name, value)}" for name, value in variables.items()]
    return Masked({"Variables": variables}, f'{{"Variables": {{{", ".join(said)}}}}}')


def _said(name, value):
    return json.dumps(value) if name in OUR_VARIABLES else "<unchanged>"


def _layer_of_stage(account, architecture, stage):
    """What the stacks export, else the newest that was published by hand."""
    exported = _exports(account).get(export_name(architecture, stage))
    if exported:
        return exported
    name = layer_name(architecture, stage)
    versions = list(account.pages("lambda", "list_layer_versions", "LayerVersions", LayerName=name))
    if not versions:
        raise Refusal(
            f"missing dependency: no layer for {architecture} in stage {stage}: `make publish-x86`, `make publish-arm` "
            "or `make deploy` makes one, LAYER_ARN= names one"
        )
    return max(versions, key=lambda version: version["Version"])["LayerVersionArn"]


def _table_of_stage(account, stage):
    return _exports(account).get(f"SharedContentTableLongContent-{stage}")


def _architectures(account, layer):
    name, _, number = layer.rpartition(":")
    if not number.isdigit():
        raise Refusal(f"{layer} is not the ARN of a layer version: it does not end in a version number")
    version = account.find("lambda", "get_layer_version", ABSENT, LayerName=name, VersionNumber=int(number))
    if version is None:
        raise Refusal(f"missing dependency: there is no layer version {layer}")
    named = NAME.fullmatch(unversioned(layer).rpartition(":")[2])
    return version.get("CompatibleArchitectures") or ([named[1]] if named else [])


def _policies(account, stage):
    exports = _exports(account)
    names = [f"SharedContent{direction}PolicyArnLongContent-{stage}" for direction in ("Read", "Write")]
    return [exports[name] for name in names if name in exports]


def _exports(account):
    return {export["Name"]: export["Value"] for export in account.pages("cloudformation", "list_exports", "Exports")}


def _layers(configuration):
    return [layer["Arn"] for layer in configuration.get("Layers", [])]


def _variables(configuration):
    return configuration.get("Environment", {}).get("Variables", {})
