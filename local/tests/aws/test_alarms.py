"""Alarms on queues and on expressions, evaluated on a clock that tests set."""

import json
import uuid

from tests.aws import OnAws


class Alarms(OnAws):
    def setUp(self):
        self.name = f"a{uuid.uuid4().hex[:8]}"
        sqs = self.sqs = self.client("sqs")
        self.news = sqs.create_queue(QueueName=f"{self.name}-news")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.news, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.topic = self.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.client("sns").subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )

    def deploy(self, properties):
        template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": self.name, **properties}}}}
        formation = self.client("cloudformation")
        formation.create_stack(StackName=self.name, TemplateBody=json.dumps(template))
        formation.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def message(self):
        def received():
            self.advance(60)
            return self.sqs.receive_message(QueueUrl=self.news, WaitTimeSeconds=1).get("Messages")

        (found,) = self.eventually(received, "the alarm's message")
        self.sqs.delete_message(QueueUrl=self.news, ReceiptHandle=found["ReceiptHandle"])
        return json.loads(found["Body"])

    def state(self):
        (alarm,) = self.client("cloudwatch").describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return alarm["StateValue"]

    def test_an_alarm_on_a_queue_is_raised_and_ends_with_its_messages(self):
        queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.deploy(
            {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [{"Name": "QueueName", "Value": self.name}],
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "AlarmActions": [self.topic],
            }
        )
        self.advance(60)
        self.eventually(lambda: self.state() == "OK", "no alarm")
        self.sqs.send_message(QueueUrl=queue, MessageBody="dead")
        raised = self.message()
        self.assertEqual((raised["NewStateValue"], raised["AlarmName"]), ("ALARM", self.name))
        self.assertEqual((raised["Region"], raised["AWSAccountId"]), ("EU (Frankfurt)", "123456789012"))
        expected = {"MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "MAXIMUM", "Threshold": 0.0}
        self.assertEqual({name: raised["Trigger"][name] for name in expected}, expected)
        self.assertEqual(raised["Trigger"]["Dimensions"], [{"value": self.name, "name": "QueueName"}])
        self.sqs.purge_queue(QueueUrl=queue)
        self.eventually(lambda: self.advance(60) and self.state() == "OK", "the end of the alarm")

    def test_an_alarm_on_an_expression_wants_so_many_of_so_many_periods(self):
        def metric(name):
            return {
                "Id": name.lower(),
                "ReturnData": False,
                "MetricStat": {"Metric": {"Namespace": self.name, "MetricName": name}, "Period": 60, "Stat": "Sum"},
            }

        rate = {"Id": "rate", "Expression": "IF(calls >= 20, 100 * FILL(errors, 0) / calls, 0)", "Label": "Percent"}
        self.deploy(
            {
                "Metrics": [rate, metric("Errors"), metric("Calls")],
                "EvaluationPeriods": 2,
                "DatapointsToAlarm": 2,
                "Threshold": 5,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [self.topic],
            }
        )

        def put(calls, errors):
            data = [{"MetricName": "Calls", "Value": calls}, {"MetricName": "Errors", "Value": errors}]
            self.client("cloudwatch").put_metric_data(Namespace=self.name, MetricData=data)

        put(10, 10)
        self.advance(60)
        put(10, 10)
        self.assertEqual(self.state(), "OK", "fewer than 20 calls")
        self.advance(60)
        put(100, 6)
        self.assertEqual(self.state(), "OK", "one of two periods")
        self.advance(60)
        put(100, 6)
        self.assertEqual(self.state(), "ALARM")
        raised = self.message()
        self.assertEqual([query["Id"] for query in raised["Trigger"]["Metrics"]], ["rate", "errors", "calls"])
