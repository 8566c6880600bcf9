"""What a function's role may do with the content table: looked up, said, and given if asked for."""

from botocore.exceptions import ClientError

from delivery import Refusal
from delivery.simulation import refused

ACTIONS = ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem")
ABSENT = {"NoSuchEntity"}


def refuse_absent(account, function, arn):
    """A function whose role is not there could not run anyway."""
    if account.find("iam", "get_role", ABSENT, RoleName=name_of(arn)) is None:
        raise Refusal(f"missing dependency: the role of {function}, {arn}, does not exist")


def name_of(arn):
    return arn.rpartition("/")[2]


def settle(account, arn, table, policies, attaches):
    """Attaches what the role lacks of ``policies``, or says what it lacks. ``table`` is an ARN. Of another stage's table, or of one without a
    stage, no policies are known."""
    role = name_of(arn)
    missing = sorted(set(policies) - _attached(account, role))
    if policies and not missing:
        account.say(f"The role {role} has the policies of the content table.")
    elif policies and attaches:
        for policy in missing:
            account.change("iam", "attach_role_policy", RoleName=role, PolicyArn=policy)
        account.report(f"The role {role} now has {', '.join(missing)}")
    else:
        account.say(_lacking(account, arn, table, missing))


def _lacking(account, arn, table, policies):
    """What to do for a role that lacks these policies. It may have others that allow the same."""
    remedy = f"ATTACH_POLICIES=1 attaches {' and '.join(policies)}" if policies else "give it a policy that allows that"
    try:
        lacking = list(refused(account, arn, ACTIONS, table))
    except (ClientError, Refusal) as problem:
        return f"Whether the role {name_of(arn)} may use {table} could not be checked ({problem}): {remedy}"
    if lacking:
        return f"The role {name_of(arn)} lacks {', '.join(lacking)} on {table}: {remedy}"
    return f"The role {name_of(arn)} may read and write the content table."


def _attached(account, role):
    found = account.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)
    return {policy["PolicyArn"] for policy in found}
