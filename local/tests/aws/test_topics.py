"""Topics: what functions and queues are given of a message."""

import json
import uuid

from tests.aws import OnAws

SOURCE = """
import json, os
import boto3

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(event))
"""


class Topics(OnAws):
    def setUp(self):
        self.sqs, self.sns, self.name = self.client("sqs"), self.client("sns"), f"t{uuid.uuid4().hex[:8]}"
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.topic = self.sns.create_topic(Name=self.name)["TopicArn"]

    def arn(self, queue):
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def next(self):
        def message():
            return self.sqs.receive_message(QueueUrl=self.queue, MessageAttributeNames=["All"], WaitTimeSeconds=1).get("Messages")

        (received,) = self.eventually(message, "the message")
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=received["ReceiptHandle"])
        return received

    def subscribe(self, protocol, endpoint, **attributes):
        self.sns.subscribe(TopicArn=self.topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)

    def publish(self, text, **attributes):
        given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        return self.sns.publish(TopicArn=self.topic, Message=text, Subject="S", MessageAttributes=given)["MessageId"]

    def test_a_function_is_given_the_messages_own_id_and_attributes(self):
        function = self.function(self.name, SOURCE, Environment={"Variables": {"SEEN": self.queue}})
        self.subscribe("lambda", function)
        sent = self.publish("text", kind="k")
        (record,) = json.loads(self.next()["Body"])["Records"]
        self.assertEqual((record["EventSource"], record["EventVersion"]), ("aws:sns", "1.0"))
        self.assertTrue(record["EventSubscriptionArn"].startswith(self.topic))
        message = record["Sns"]
        expected = {"Type": "Notification", "MessageId": sent, "TopicArn": self.topic, "Subject": "S", "Message": "text"}
        self.assertEqual({name: message[name] for name in expected}, expected)
        self.assertEqual(message["MessageAttributes"], {"kind": {"Type": "String", "Value": "k"}})

    def test_a_queue_is_given_the_message_alone_and_what_its_filter_lets_through(self):
        self.subscribe("sqs", self.arn(self.queue), RawMessageDelivery="true", FilterPolicy=json.dumps({"kind": ["wanted"]}))
        self.publish("other", kind="other")
        self.publish("text", kind="wanted")
        self.assertEqual(self.next()["Body"], "text")
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=self.queue))

    def test_the_envelope_has_the_messages_own_id_and_attributes(self):
        self.subscribe("sqs", self.arn(self.queue))
        sent = self.publish("text", kind="k")
        message = json.loads(self.next()["Body"])
        expected = {"Type": "Notification", "MessageId": sent, "TopicArn": self.topic, "Subject": "S", "Message": "text"}
        self.assertEqual({name: message[name] for name in expected}, expected)
        self.assertEqual(message["MessageAttributes"], {"kind": {"Type": "String", "Value": "k"}})

    def test_a_queue_is_given_the_attributes_of_a_raw_message(self):
        self.subscribe("sqs", self.arn(self.queue), RawMessageDelivery="true")
        self.publish("text", kind="k")
        attribute = self.next()["MessageAttributes"]["kind"]
        self.assertEqual((attribute["DataType"], attribute["StringValue"]), ("String", "k"))

    def test_what_cannot_be_delivered_goes_to_the_dead_letters_of_the_subscription(self):
        gone = self.sqs.create_queue(QueueName=f"{self.name}-gone")["QueueUrl"]
        queue, function = self.arn(gone), self.function(self.name, SOURCE)
        redrive = json.dumps({"deadLetterTargetArn": self.arn(self.queue)})
        for protocol, endpoint in (("sqs", queue), ("lambda", function)):
            with self.subTest(protocol):
                topic = self.topic = self.sns.create_topic(Name=f"{self.name}-{protocol}")["TopicArn"]
                self.subscribe(protocol, endpoint, RedrivePolicy=redrive)
                if protocol == "sqs":
                    self.sqs.delete_queue(QueueUrl=gone)
                else:
                    self.client("lambda").delete_function(FunctionName=self.name)
                sent = self.publish("text")
                message = json.loads(self.next()["Body"])
                self.assertEqual((message["MessageId"], message["TopicArn"]), (sent, topic))
