"""The rows of models and their prices, which the stage's table starts with and is renewed by.

A row remembers the hash of what it was seeded as. One that a person has changed since differs from that, and is left alone.
"""

import hashlib
import json
from decimal import Decimal

from delivery.templates import REPOSITORY

ROWS = REPOSITORY / "functions" / "llm-models" / "src" / "llm" / "models.json"
STACK = "shared-infrastructure"
KEY = "pk"
SEEDED_AS = "seeded_as"


def seed(account, stage):
    """Puts the rows that are new, and those that have changed and that nobody else has changed."""
    table = f"SharedLLMTable-{stage.name}"
    present = {row[KEY]["S"]: row for row in _present(account, table)}
    rows, kept = decided(json.loads(ROWS.read_text()), present)
    for row in rows:
        account.change("dynamodb", "put_item", TableName=table, Item=row)
    account.report(f"{table}: {len(rows)} rows of models written")
    for key in kept:
        account.report(f"{table}: {key} was changed by someone else, and is kept as it is")


def decided(wanted, present):
    """Rows to put, and the keys of those that differ from what was seeded."""
    rows, kept = [], []
    for row in wanted:
        found = present.get(row[KEY]["S"])
        if found is not None and found.get(SEEDED_AS, {}).get("S") != fingerprint(found):
            kept.append(row[KEY]["S"])
        elif found is None or fingerprint(found) != fingerprint(row):
            rows.append({**row, SEEDED_AS: {"S": fingerprint(row)}})
    return rows, kept


def fingerprint(row):
    """Of everything but itself. DynamoDB gives numbers back in another spelling."""
    members = {name: _spelt(value) for name, value in row.items() if name != SEEDED_AS}
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()


def _spelt(value):
    ((kind, content),) = value.items()
    return {kind: str(Decimal(content).normalize()) if kind == "N" else content}


def _present(account, table):
    """What the table holds: nothing, as long as it is not there."""
    if account.find("dynamodb", "describe_table", {"ResourceNotFoundException"}, TableName=table) is None:
        return []
    return account.pages("dynamodb", "scan", "Items", TableName=table)
