"""Rows of a table as they were at a moment: restored into a table beside it, and copied back from there.

DynamoDB restores into a new table only, which has neither the TTL nor the tags, protection and recovery of the old one, and belongs to
no stack. So the table of the stack stays, and gets the rows back. Nothing here prints a row.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from botocore.exceptions import ClientError

from delivery import Refusal

ABSENT = {"ResourceNotFoundException", "TableNotFoundException"}
# As many keys as one BatchGetItem takes.
BATCH = 100
ENABLED = "ENABLED"


def restored_name(table):
    return f"{table}-restored"


def restore(account, table, moment=None):
    """Restores a table as it was at ``moment``, or as late as possible, into the table ``{table}-restored``, and waits for it."""
    earliest, latest = _window(account, table)
    if moment and not earliest <= moment <= latest:
        raise Refusal(f"{table} can be restored to a moment from {_said(earliest)} to {_said(latest)}: AT={_said(moment)} is outside this range")
    target = restored_name(table)
    if account.find("dynamodb", "describe_table", ABSENT, TableName=target):
        raise Refusal(f"resource exists: the table {target} comes from an earlier restore: delete it first, or copy its rows back")
    when = {"RestoreDateTime": _said(moment)} if moment else {"UseLatestRestorableTime": True}
    account.change("dynamodb", "restore_table_to_point_in_time", SourceTableName=table, TargetTableName=target, **when)
    account.wait("dynamodb", "table_exists", TableName=target)
    if not account.dry_run:
        account.say(f"{target}: restored, as {table} was at {_said(moment or latest)}")


def _window(account, table):
    """The first and the last moment that the table can be restored to."""
    found = account.find("dynamodb", "describe_continuous_backups", ABSENT, TableName=table)
    if found is None:
        raise Refusal(
            f"missing dependency: there is no table {table}: DynamoDB keeps a backup of a deleted table for 35 days, see docs/recovery.md"
        )
    recovery = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] != ENABLED:
        raise Refusal(f"{table} has no point-in-time recovery, and cannot be restored")
    return recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]


def moment(text):
    """A moment of a text such as 2026-11-29T15:00:00Z. Without a zone it would be a guess."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refusal(f"AT={text} is not a time with a time zone, such as 2026-11-29T15:00:00Z")
    return found


def _said(moment_of_time):
    return moment_of_time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Count:
    """What became of the rows of a restored table."""

    copied: int = 0
    same: int = 0
    different: int = 0
    expired: int = 0


def copy_back(account, table, overwrite=False):
    """Copies rows of ``{table}-restored`` that ``table`` does not have, and with ``overwrite`` also those that differ."""
    keys, expires = _keys(account, table), _expires(account, table)
    source, count = restored_name(table), Count()
    if account.find("dynamodb", "describe_table", ABSENT, TableName=source) is None:
        raise Refusal(f"missing dependency: there is no table {source}: `make restore TABLE={table}` makes it")
    for rows in _batches(account.pages("dynamodb", "scan", "Items", TableName=source, ConsistentRead=True)):
        present = _present(account, table, keys, rows)
        for row in rows:
            _copy(account, table, row, present.get(_key(row, keys)), count, keys, expires, overwrite)
    would_be = "would be copied" if account.dry_run else "copied"
    account.say(f"{table}: {count.copied} rows {would_be}, {count.same} were there, {count.expired} have expired")
    if count.different and not overwrite:
        account.say(f"{table}: {count.different} rows differ, and stay as they are: OVERWRITE=1 replaces them with those of {source}")


def _copy(account, table, row, there, count, keys, expires, overwrite):
    if expires in row and float(row[expires]["N"]) < time.time():
        count.expired += 1
    elif there == row:
        count.same += 1
    elif there is not None and not overwrite:
        count.different += 1
    elif account.dry_run or _put(account, table, row, keys, overwrite):
        count.copied += 1
    else:
        count.different += 1


def _put(account, table, row, keys, overwrite):
    """Whether the row was written: what somebody else has written meanwhile stays, unless rows are overwritten."""
    condition = {} if overwrite else {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": keys[0]}}
    try:
        account.change("dynamodb", "put_item", TableName=table, Item=row, **condition)
        return True
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False


def _keys(account, table):
    found = account.find("dynamodb", "describe_table", ABSENT, TableName=table)
    if found is None:
        raise Refusal(f"missing dependency: there is no table {table} to copy rows to: deploy its stack first")
    return [part["AttributeName"] for part in found["Table"]["KeySchema"]]


def _expires(account, table):
    """The attribute by which rows expire, or ``None``."""
    found = account.read("dynamodb", "describe_time_to_live", TableName=table)["TimeToLiveDescription"]
    return found.get("AttributeName") if found["TimeToLiveStatus"] == ENABLED else None


def _batches(rows):
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _present(account, table, keys, rows):
    """Those of the rows that the table has, by their keys."""
    found = {}
    wanted = {table: {"Keys": [{key: row[key] for key in keys} for row in rows], "ConsistentRead": True}}
    while wanted:
        answer = account.read("dynamodb", "batch_get_item", RequestItems=wanted)
        found.update({_key(row, keys): row for row in answer["Responses"].get(table, [])})
        wanted = answer.get("UnprocessedKeys", {})
    return found


def _key(row, keys):
    """Something that a dictionary takes as its key."""
    return tuple(next(iter(row[key].values())) for key in keys)
