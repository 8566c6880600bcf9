"""``AWS::DynamoDB::Table``: made, changed and deleted by the API of lambda-local's tables."""

import time

from ministack.services.cloudformation.provisioners import _physical_name

from clients import own, parameters

# What a table can be made with, and what else is done about a table, by the name of the property.
MADE_WITH = {
    "TableName",
    "KeySchema",
    "AttributeDefinitions",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
    "StreamSpecification",
    "SSESpecification",
    "Tags",
    "TableClass",
    "DeletionProtectionEnabled",
}
DONE_BESIDE = {"TimeToLiveSpecification"}
# Backups are of no use on one machine: taken note of by the template alone.
WITHOUT_EFFECT = {"PointInTimeRecoverySpecification", "ContributorInsightsSpecification", "KinesisStreamSpecification"}
CHANGED_AT_ONCE = ("BillingMode", "ProvisionedThroughput", "StreamSpecification", "DeletionProtectionEnabled", "TableClass")


def create(logical_id, properties, stack_name):
    refuse_unknown(properties)
    client = own("dynamodb")
    name = properties.get("TableName") or _physical_name(stack_name, logical_id, max_len=255)
    client.create_table(**parameters(client, "CreateTable", {**in_api_form(properties), "TableName": name}))
    settle(client, name)
    if properties.get("TimeToLiveSpecification"):
        set_time_to_live(client, name, properties["TimeToLiveSpecification"])
    return name, attributes(client, name)


def update(name, old, new, stack_name, logical_id=None):
    refuse_unknown(new)
    client = own("dynamodb")
    for change in changes(in_api_form(old), in_api_form(new)):
        client.update_table(TableName=name, **parameters(client, "UpdateTable", change))
        settle(client, name)
    if old.get("TimeToLiveSpecification") != new.get("TimeToLiveSpecification"):
        before = old.get("TimeToLiveSpecification", {})
        set_time_to_live(client, name, new.get("TimeToLiveSpecification") or {**before, "Enabled": False})
    change_tags(client, name, old, new)
    return name, attributes(client, name)


def delete(name, properties):
    client = own("dynamodb")
    try:
        client.delete_table(TableName=name)
    except client.exceptions.ResourceNotFoundException:
        return


def refuse_unknown(properties):
    unknown = sorted(set(properties) - MADE_WITH - DONE_BESIDE - WITHOUT_EFFECT)
    if unknown:
        raise ValueError(f"AWS::DynamoDB::Table: {', '.join(unknown)} not supported on this machine")


def in_api_form(properties):
    """What the API calls otherwise than the template does."""
    given = dict(properties)
    if "SSESpecification" in given:
        encryption = dict(given["SSESpecification"])
        given["SSESpecification"] = {"Enabled": encryption.pop("SSEEnabled", False), **encryption}
    if given.get("StreamSpecification"):
        given["StreamSpecification"] = {"StreamEnabled": True, **given["StreamSpecification"]}
    return given


def changes(old, new):
    """One ``UpdateTable`` after the other, as DynamoDB takes only one change of an index at once."""
    plain = {name: new[name] for name in CHANGED_AT_ONCE if name in new and new[name] != old.get(name)}
    if "DeletionProtectionEnabled" in old and "DeletionProtectionEnabled" not in new:
        plain["DeletionProtectionEnabled"] = False
    if "StreamSpecification" in old and "StreamSpecification" not in new:
        plain["StreamSpecification"] = {"StreamEnabled": False}
    if plain:
        yield plain
    before, after = (indexes(properties) for properties in (old, new))
    for name in before:
        if before[name] != after.get(name):
            yield {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]}
    for name in after:
        if before.get(name) != after[name]:
            yield {
                "AttributeDefinitions": new["AttributeDefinitions"],
                "GlobalSecondaryIndexUpdates": [{"Create": after[name]}],
            }


def indexes(properties):
    return {index["IndexName"]: index for index in properties.get("GlobalSecondaryIndexes", [])}


def set_time_to_live(client, name, specification):
    given = {"TableName": name, "TimeToLiveSpecification": specification}
    client.update_time_to_live(**parameters(client, "UpdateTimeToLive", given))


def change_tags(client, name, old, new):
    before, after = ({tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])} for properties in (old, new))
    arn = attributes(client, name)["Arn"]
    removed = [key for key in before if key not in after]
    if removed:
        client.untag_resource(ResourceArn=arn, TagKeys=removed)
    if after != before and after:
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": str(value)} for key, value in after.items()])


def attributes(client, name):
    table = client.describe_table(TableName=name)["Table"]
    stream = {"StreamArn": table["LatestStreamArn"]} if table.get("LatestStreamArn") else {}
    return {"Arn": table["TableArn"], **stream}


def settle(client, name):
    while client.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(0.05)
