"""Change sets: what an update would do to a stack, said as a person reads it, and done only then."""

import uuid

from botocore.exceptions import WaiterError

from delivery import Refusal

# How CloudFormation says that there is nothing to do.
NOTHING = ("didn't contain changes", "No updates are to be performed")
# By what a change is caused, if not by the text of the template.
CAUSES = {
    "ParameterReference": "parameter {}",
    "ResourceReference": "{}",
    "ResourceAttribute": "{}",
    "Automatic": "its own template",
}
TEMPLATE = "the template"


def propose(account, call, has_nested=False):
    """Makes a change set of ``call``. Returns its name and its changes, no changes if there are none."""
    name = f"lrap-{uuid.uuid4()}"
    which = {"StackName": call["StackName"], "ChangeSetName": name}
    # Else a nested stack would count as changed each time.
    nested = {"IncludeNestedStacks": True} if has_nested else {}
    account.change("cloudformation", "create_change_set", **call, ChangeSetName=name, ChangeSetType="UPDATE", **nested)
    try:
        account.wait("cloudformation", "change_set_create_complete", **which)
    except WaiterError as error:
        _refuse_unless_empty(account, which, error)
        return name, []
    if account.dry_run:
        return name, None
    return name, list(account.pages("cloudformation", "describe_change_set", "Changes", **which))


def execute(account, stack_name, name):
    account.change("cloudformation", "execute_change_set", StackName=stack_name, ChangeSetName=name)


def discard(account, stack_name, name):
    account.change("cloudformation", "delete_change_set", StackName=stack_name, ChangeSetName=name)


def _refuse_unless_empty(account, which, error):
    found = account.read("cloudformation", "describe_change_set", **which)
    reason = found.get("StatusReason", str(error))
    discard(account, which["StackName"], which["ChangeSetName"])
    if not any(words in reason for words in NOTHING):
        raise Refusal(f"{which['StackName']}: CloudFormation cannot tell what would change: {reason}") from error


def described(changes):
    """One line for each resource."""
    for change in changes:
        resource = change["ResourceChange"]
        causes = "; ".join(_causes(resource.get("Details", [])))
        yield f"  {_verb(resource):<19} {resource['LogicalResourceId']} ({resource['ResourceType']}){': ' if causes else ''}{causes}"


def added(evaluations):
    """The same of a stack that is not there yet, and of those nested in it."""
    for evaluation in evaluations:
        for name, resource in evaluation.resources.items():
            yield f"  {'added':<19} {name} ({resource['Type']})"


def _verb(resource):
    if resource["Action"] == "Remove":
        return "removed, but kept" if str(resource.get("PolicyAction", "")).startswith("Retain") else "removed"
    replacement = resource.get("Replacement", "False") if resource["Action"] == "Modify" else None
    by_replacement = {"True": "replaced", "Conditional": "replaced, perhaps", "False": "changed"}
    return by_replacement.get(replacement) or {"Add": "added", "Import": "imported"}.get(resource["Action"], resource["Action"].lower())


def _causes(details):
    """Each property that changes, with why."""
    by_target = {}
    for detail in details:
        target = detail.get("Target", {})
        name = target.get("Name") or target.get("Attribute", "it")
        by_target.setdefault(name, []).append(_cause(detail))
    for name, causes in by_target.items():
        known = [cause for cause in dict.fromkeys(causes) if cause != TEMPLATE]
        yield f"{name} changes by {', '.join(known or [TEMPLATE])}"


def _cause(detail):
    form = CAUSES.get(detail.get("ChangeSource"))
    return form.format(detail.get("CausingEntity", "").partition(".")[0] or "another resource") if form else TEMPLATE
