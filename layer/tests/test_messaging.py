"""How messages travel: what the template says, and what becomes of a message on AWS on this machine."""

import json
import unittest

from delivery.templates import Template
from delivery.translation import translated
from tests.aws import REPOSITORY, OnAws
from tests.test_stacks import evaluated

TEMPLATE = Template.read(REPOSITORY / "functions/stacks/messaging.yaml")
QUEUES = {"WebActions": "WebActionsTopic", "Notifications": "NotificationsTopic", "Agent": "AgentResponseTopic"}
TOPICS = ("WebActions", "Notifications", "AgentResponse", "ScheduleCreation")
THREE_MINUTES, FOUR_DAYS, TWO_WEEKS = 180, 345_600, 1_209_600


def resource(name, **given):
    return evaluated("messaging", Stage="dev", **given).resources[name]["Properties"]


def of_type(kind, **given):
    found = evaluated("messaging", Stage="dev", **given).of_type(kind)
    return {name: one["Properties"] for name, one in found.items()}


def sources(policy):
    """Topics that a queue policy lets in."""
    (allow,) = [statement for statement in policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Allow"]
    arns = allow["Condition"]["ArnEquals"]["aws:SourceArn"]
    return set(arns if isinstance(arns, list) else [arns])


class Queues(unittest.TestCase):
    def test_a_message_is_tried_three_times_and_then_kept_for_two_weeks(self):
        for name in QUEUES:
            queue = resource(f"{name}Queue")
            self.assertEqual(queue["VisibilityTimeout"], 2 * THREE_MINUTES)
            self.assertEqual(queue["MessageRetentionPeriod"], FOUR_DAYS)
            dead = {"deadLetterTargetArn": f"<{name}DeadLetters.Arn>", "maxReceiveCount": 3}
            self.assertEqual(queue["RedrivePolicy"], dead)
            self.assertEqual(resource(f"{name}DeadLetters")["MessageRetentionPeriod"], TWO_WEEKS)

    def test_the_visibility_timeout_follows_a_shorter_timeout_of_functions(self):
        self.assertEqual(resource("AgentQueue", VisibilityTimeoutSeconds=120)["VisibilityTimeout"], 120)

    def test_each_queue_gets_its_topic_raw(self):
        for name, topic in QUEUES.items():
            subscription = resource(f"{name}Subscription")
            self.assertEqual((subscription["TopicArn"], subscription["Endpoint"]), (f"<{topic}>", f"<{name}Queue.Arn>"))
            self.assertIs(subscription["RawMessageDelivery"], True)

    def test_a_queue_lets_in_its_own_topics_only(self):
        alarms = {"Notifications": {"<AlarmsTopic>"}}
        for name, topic in QUEUES.items():
            self.assertEqual(sources(resource(f"{name}QueuePolicy")), {f"<{topic}>"} | alarms.get(name, set()))

    def test_what_sns_cannot_deliver_has_a_queue_that_lets_its_topic_in(self):
        for name, subscription in of_type("AWS::SNS::Subscription").items():
            dead = subscription["RedrivePolicy"]["deadLetterTargetArn"]
            self.assertEqual(dead, "<DeliveryDeadLetters.Arn>", name)
            self.assertIn(subscription["TopicArn"], sources(resource("DeliveryDeadLettersPolicy")), name)
        self.assertEqual(sources(resource("ScheduleCreationDeadLettersPolicy")), {"<ScheduleCreationTopic>"})

    def test_all_are_encrypted_by_keys_of_aws(self):
        for queue in of_type("AWS::SQS::Queue").values():
            self.assertIs(queue["SqsManagedSseEnabled"], True)
        for name in TOPICS:
            self.assertEqual(resource(f"{name}Topic")["KmsMasterKeyId"], "alias/aws/sns")
        # CloudWatch may not use that key.
        self.assertNotIn("KmsMasterKeyId", resource("AlarmsTopic"))


class Alarms(unittest.TestCase):
    def test_operations_get_mail_and_the_processor_a_message(self):
        self.assertNotIn("AlarmMail", evaluated("messaging", Stage="dev").resources)
        mail = resource("AlarmMail", AlarmEmail="ops@example.com")
        self.assertEqual((mail["Protocol"], mail["Endpoint"]), ("email", "ops@example.com"))
        self.assertEqual(resource("AlarmsSubscription")["Endpoint"], "<NotificationsQueue.Arn>")

    def test_alarms_about_notifications_go_by_mail_only(self):
        subscription = resource("AlarmsSubscription")
        self.assertEqual(subscription["FilterPolicyScope"], "MessageBody")
        (rule,) = subscription["FilterPolicy"]["AlarmName"]
        prefix = rule["anything-but"]["prefix"]
        for name in ("NotificationsQueue", "NotificationsDeadLetters"):
            self.assertTrue(resource(name)["QueueName"].startswith(prefix))
        self.assertFalse(resource("WebActionsDeadLetters")["QueueName"].startswith(prefix))
        self.assertNotIn("FilterPolicy", resource("AlarmMail", AlarmEmail="ops@example.com"))

    def test_only_alarms_of_this_account_may_publish(self):
        (statement,) = resource("AlarmsTopicPolicy")["PolicyDocument"]["Statement"]
        self.assertEqual(statement["Principal"], {"Service": "cloudwatch.amazonaws.com"})
        self.assertEqual(statement["Condition"]["StringEquals"], {"aws:SourceAccount": "123456789012"})


class Tables(unittest.TestCase):
    def test_are_named_keyed_and_indexed(self):
        for table, name, key, indexes in (
            ("MessagesTable", "messages", "id", [["stage", "created_date"], ["status", "created_date"]]),
            ("SchedulesTable", "schedules", "id", [["status", "created_date"]]),
            ("ResultsTable", "web-action-results", "id", [["message_id"]]),
            ("SessionsTable", "sessions", "session_id", []),
        ):
            said = resource(table)
            self.assertEqual(said["TableName"], f"rez-agent-{name}-dev")
            self.assertEqual([part["AttributeName"] for part in said["KeySchema"]], [key])
            keys = [
                [part["AttributeName"] for part in index["KeySchema"]]
                for index in said.get("GlobalSecondaryIndexes", [])
            ]
            self.assertEqual(keys, indexes, table)

    def test_results_sessions_and_idempotency_keys_expire(self):
        expiring = {name for name, table in of_type("AWS::DynamoDB::Table").items() if "TimeToLiveSpecification" in table}
        # Of the table of messages only the rows of keys have a ttl: functions/records/tests/claims.rs.
        self.assertEqual(expiring, {"MessagesTable", "ResultsTable", "SessionsTable"})

    def test_each_can_be_restored_and_is_encrypted(self):
        for table in of_type("AWS::DynamoDB::Table").values():
            self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
            self.assertTrue(table["SSESpecification"]["SSEEnabled"])


class Exports(unittest.TestCase):
    def test_functions_find_topics_queues_and_tables(self):
        exports = evaluated("messaging", Stage="prod").exports
        expected = [f"SharedTopicArn{name}" for name in (*TOPICS, "Alarms")]
        expected += [f"Shared{what}{name}" for name in QUEUES for what in ("QueueArn", "QueueUrl", "DeadLettersArn")]
        expected += [f"SharedDeadLettersArn{name}" for name in ("Delivery", "ScheduleCreation", "Scheduler")]
        tables = ("Messages", "Schedules", "WebActionResults", "Sessions")
        expected += [f"SharedTable{what}{name}" for name in tables for what in ("", "Arn")]
        self.assertEqual(set(exports), {f"{name}-prod" for name in expected})


class OnThisMachine(OnAws):
    def setUp(self):
        document = translated(TEMPLATE.document, {"Stage": "dev"})
        stacks = self.client("cloudformation")
        stacks.create_stack(
            StackName="messaging-dev",
            TemplateBody=json.dumps({name: part for name, part in document.items() if name != "Transform"}),
            Parameters=[{"ParameterKey": "Stage", "ParameterValue": "dev"}],
        )
        self.addCleanup(stacks.delete_stack, StackName="messaging-dev")
        self.found = self.exports()

    def receive(self, queue):
        received = self.client("sqs").receive_message(
            QueueUrl=self.queue_url(queue), VisibilityTimeout=0, AttributeNames=["ApproximateReceiveCount"]
        )
        return received.get("Messages", [])

    def queue_url(self, name):
        return self.client("sqs").get_queue_url(QueueName=f"rez-agent-{name}-dev")["QueueUrl"]

    def test_a_message_arrives_in_its_queue_as_it_was_published(self):
        for topic, queue in (("WebActions", "web-actions"), ("Notifications", "notifications"), ("AgentResponse", "agent")):
            self.client("sns").publish(TopicArn=self.found[f"SharedTopicArn{topic}-dev"], Message=f'{{"id":"{topic}"}}')
            (message,) = self.receive(queue)
            self.assertEqual(message["Body"], f'{{"id":"{topic}"}}')

    def test_an_alarm_arrives_where_notifications_do(self):
        self.client("sns").publish(TopicArn=self.found["SharedTopicArnAlarms-dev"], Message='{"AlarmName":"a"}')
        (message,) = self.receive("notifications")
        self.assertEqual(message["Body"], '{"AlarmName":"a"}')

    def test_a_message_that_fails_three_times_is_a_dead_letter(self):
        self.client("sns").publish(TopicArn=self.found["SharedTopicArnNotifications-dev"], Message='{"id":"bad"}')
        counts = [self.receive("notifications")[0]["Attributes"]["ApproximateReceiveCount"] for _ in range(3)]
        self.assertEqual(counts, ["1", "2", "3"])
        self.assertEqual(self.receive("notifications"), [])
        (dead,) = self.receive("notifications-dead-letters")
        self.assertEqual(dead["Body"], '{"id":"bad"}')


if __name__ == "__main__":
    unittest.main()
