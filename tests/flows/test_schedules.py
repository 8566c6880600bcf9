"""A schedule on its way into EventBridge Scheduler, and what is sent when it is due."""

import datetime
import json

from tests.flows import STAGE, OnPlatform

SCHEDULES = f"rez-agent-schedules-{STAGE}"
MESSAGES = f"rez-agent-messages-{STAGE}"
FORECAST = "https://api.weather.gov/gridpoints/TOP/31,80/forecast"
UTC = datetime.timezone.utc


class Schedules(OnPlatform):
    def row(self, name):
        return self.table("schedules").get_item(Key={"id": f"{STAGE}-{name}"}, ConsistentRead=True)["Item"]

    def put_row(self, name, **change):
        now = spelt(datetime.datetime.now(UTC))
        row = {"id": f"{STAGE}-{name}", "name": name, "stage": STAGE, "timezone": "UTC", "created_by": "test"}
        row |= {"target_type": "notify", "message_type": "notify", "payload": json.dumps({"message": name}), "arguments": "{}"}
        row |= {"created_date": now, "updated_date": now, "action": "create", "revision": 1, **change}
        self.table("schedules").put_item(Item=row)

    def test_schedule_creation(self):
        request = {"action": "create", "name": "hourly", "schedule_expression": "cron(0 * * * ? *)", "message_type": "notify"}
        asked = self.post("/api/schedules", {**request, "payload": {"message": "hourly"}})["message_id"]
        self.eventually(lambda: self.message(asked)["status"] == "completed", "the end of the change")
        row = self.row("hourly")
        self.assertEqual(row["status"], "active")
        made = self.client("scheduler").get_schedule(Name=f"{STAGE}-hourly")
        self.assertEqual((made["Arn"], made["ScheduleExpression"]), (row["schedule_arn"], "cron(0 * * * ? *)"))
        self.in_order(
            f"dynamodb GetItem {SCHEDULES}",
            f"dynamodb PutItem {SCHEDULES}",
            f"sns Publish rez-agent-schedule-creation-{STAGE}",
            f"scheduler POST /schedules/{STAGE}-hourly",
            f"dynamodb UpdateItem {SCHEDULES}",
        )
        calls = self.calls()
        self.assertIn(f"dynamodb UpdateItem {MESSAGES}", calls[calls.index(f"dynamodb UpdateItem {SCHEDULES}") :])
        self.platform.control("DELETE", "calls")
        # At schedule time.
        self.advance(3600)
        self.eventually(lambda: "hourly" in [one["message"] for one in self.shown()], "the notification")
        self.in_order(
            f"dynamodb GetItem {SCHEDULES}",
            f"dynamodb PutItem {MESSAGES}",
            f"sns Publish rez-agent-notifications-{STAGE}",
            f"dynamodb UpdateItem {MESSAGES}",
        )
        self.client("scheduler").delete_schedule(Name=f"{STAGE}-hourly")
        self.put_row("hourly", schedule_expression="cron(0 * * * ? *)", status="inactive")

    def test_a_scheduled_task_is_performed_and_told(self):
        request = {"action": "create", "name": "forecast", "schedule_expression": "cron(0 * * * ? *)", "message_type": "web_action"}
        asked = self.post("/api/schedules", {**request, "payload": {"version": "1.0", "action": "weather", "url": FORECAST}})["message_id"]
        self.eventually(lambda: self.message(asked)["status"] == "completed", "the end of the change")
        self.platform.control("DELETE", "calls")
        self.advance(3600)
        self.eventually(lambda: self.attempts("Tuesday Night"), "the notification")
        self.in_order(
            f"dynamodb GetItem {SCHEDULES}",
            f"dynamodb PutItem {MESSAGES}",
            f"sns Publish rez-agent-web-actions-{STAGE}",
            f"dynamodb UpdateItem {MESSAGES}",
            "noaa GET /gridpoints/TOP/31,80/forecast",
            f"dynamodb PutItem rez-agent-web-action-results-{STAGE}",
            f"sns Publish rez-agent-notifications-{STAGE}",
            "ntfy POST /",
        )
        self.client("scheduler").delete_schedule(Name=f"{STAGE}-forecast")
        self.put_row("forecast", schedule_expression="cron(0 * * * ? *)", status="inactive")

    def test_eventbridge_scheduler_workflow(self):
        # Its event of an hour ago was lost.
        now = datetime.datetime.now(UTC)
        due = (now - datetime.timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        before = spelt(due - datetime.timedelta(hours=1))
        expression = f"cron(0 {due.hour} * * ? *)"
        self.put_row("lost", schedule_expression=expression, status="active", created_date=before, updated_date=before)
        there = datetime.datetime.fromisoformat(self.platform.clock({})["now"])
        noon = there.replace(hour=12, minute=0, second=1, microsecond=0)
        noon += datetime.timedelta(days=1) if noon <= there else datetime.timedelta()
        self.platform.clock({"set": noon.isoformat()})
        self.eventually(lambda: self.row("lost").get("last_run") == spelt(due), "the run that was made up for")
        self.eventually(lambda: "lost" in [one["message"] for one in self.shown()], "the notification")
        self.in_order(
            f"dynamodb Query {SCHEDULES}",
            f"dynamodb PutItem {MESSAGES}",
            f"sns Publish rez-agent-notifications-{STAGE}",
            f"dynamodb UpdateItem {SCHEDULES}",
        )
        # The schedule itself was missing too.
        self.eventually(lambda: "schedule_arn" in self.row("lost"), "the schedule")
        self.client("scheduler").delete_schedule(Name=f"{STAGE}-lost")
        self.put_row("lost", schedule_expression=expression, status="inactive")


def spelt(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
