"""Recovery as its page says, on AWS on this machine, which restores a table as it is: what a moment in the past would bring is AWS's part."""

import re
import time

from tests.aws import REPOSITORY, OnAws

TABLE = "AgentRegistry-dev"
PAGE = (REPOSITORY / "docs/recovery.md").read_text()
KEYS = [("agent_name", "HASH"), ("version", "RANGE")]


def row(name, prompt="Be brief.", **more):
    return {"agent_name": {"S": name}, "version": {"S": "v1.0"}, "system_prompt": {"S": prompt}, **more}


class Recovery(OnAws):
    def setUp(self):
        self.tables = self.client("dynamodb")
        self.tables.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in KEYS],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS],
        )
        self.addCleanup(self.tables.delete_table, TableName=TABLE)
        self.recoverable(True)

    def recoverable(self, enabled):
        self.tables.update_continuous_backups(
            TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )

    def put(self, *rows):
        for one in rows:
            self.tables.put_item(TableName=TABLE, Item=one)

    def delete(self, name):
        self.tables.delete_item(TableName=TABLE, Key={"agent_name": {"S": name}, "version": {"S": "v1.0"}})

    def rows(self):
        found = self.tables.scan(TableName=TABLE)["Items"]
        return {one["agent_name"]["S"]: one["system_prompt"]["S"] for one in found}

    def restore(self):
        said = self.succeeds("restore", f"TABLE={TABLE}")
        self.addCleanup(self.tables.delete_table, TableName=f"{TABLE}-restored")
        return said

    def test_the_steps_of_the_page_bring_back_what_was_deleted_and_damaged(self):
        self.put(row("deleted"), row("damaged"))
        backups = self.tables.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
        latest = backups["PointInTimeRecoveryDescription"]["LatestRestorableDateTime"].isoformat()
        steps = re.findall(r"^ +make (.*)$", PAGE, re.MULTILINE)
        self.assertEqual([step.split()[0] for step in steps], ["restore", "copy-back", "copy-back", "copy-back"])
        for step in steps:
            self.succeeds(*re.sub(r"AT=\S+", f"AT={latest}", step.replace("-prod", "-dev")).split())
            if step.startswith("restore"):
                self.addCleanup(self.tables.delete_table, TableName=f"{TABLE}-restored")
                self.delete("deleted")
                self.put(row("damaged", "!"))
        self.assertEqual(self.rows(), {"deleted": "Be brief.", "damaged": "Be brief."})

    def test_what_was_deleted_comes_back_and_what_is_newer_stays(self):
        self.put(*(row(f"agent-{number}") for number in range(120)), row("changed"))
        self.assertIn(f"{TABLE}-restored: restored", self.restore())
        for number in range(110):
            self.delete(f"agent-{number}")
        self.put(row("changed", "Be long."), row("newer"))
        said = self.succeeds("copy-back", f"TABLE={TABLE}")
        self.assertIn(f"{TABLE}: 110 rows copied, 10 were there, 0 have expired", said)
        self.assertIn("1 rows differ, and stay as they are: OVERWRITE=1", said)
        self.assertEqual(len(self.rows()), 122)
        self.assertEqual(self.rows()["changed"], "Be long.")

    def test_what_was_damaged_is_overwritten_if_it_is_asked_for(self):
        self.put(row("damaged"))
        self.restore()
        self.put(row("damaged", "!"))
        self.assertIn("1 rows copied", self.succeeds("copy-back", f"TABLE={TABLE}", "OVERWRITE=1"))
        self.assertEqual(self.rows(), {"damaged": "Be brief."})

    def test_rows_that_have_expired_stay_gone(self):
        self.tables.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
        late, early = ({"N": str(int(time.time()) + seconds)} for seconds in (3600, -3600))
        self.put(row("late", ttl=late), row("early", ttl=early))
        self.restore()
        for name in ("late", "early"):
            self.delete(name)
        self.assertIn("1 rows copied, 0 were there, 1 have expired", self.succeeds("copy-back", f"TABLE={TABLE}"))
        self.assertEqual(list(self.rows()), ["late"])

    def test_a_dry_run_changes_nothing_and_shows_no_row(self):
        self.put(row("agent", "a secret prompt"))
        said = self.succeeds("restore", f"TABLE={TABLE}", "DRY_RUN=1")
        self.assertIn("aws dynamodb restore-table-to-point-in-time --source-table-name AgentRegistry-dev", said)
        self.assertNotIn(f"{TABLE}-restored", self.tables.list_tables()["TableNames"])
        self.restore()
        self.delete("agent")
        said = self.succeeds("copy-back", f"TABLE={TABLE}", "DRY_RUN=1")
        self.assertIn("1 rows would be copied", said)
        self.assertNotIn("secret", said)
        self.assertEqual(self.rows(), {})

    def test_what_cannot_be_restored_is_said_beforehand(self):
        self.assertIn("there is no table Gone-dev", self.refuses("restore", "TABLE=Gone-dev"))
        self.assertIn("AT=yesterday is not a time with a time zone", self.refuses("restore", f"TABLE={TABLE}", "AT=yesterday"))
        self.assertIn("can be restored to a moment from", self.refuses("restore", f"TABLE={TABLE}", "AT=2020-01-01T00:00:00Z"))
        self.assertIn("make restore TABLE=", self.refuses("copy-back", f"TABLE={TABLE}"))
        self.restore()
        self.assertIn("comes from an earlier restore", self.refuses("restore", f"TABLE={TABLE}"))
        self.recoverable(False)
        self.assertIn("has no point-in-time recovery", self.refuses("restore", f"TABLE={TABLE}"))
