"""What calls and invocations would cost on AWS, at list prices."""

import collections

from tests.flows.load.reports import reports

# US dollars in us-east-1, read in November 2026, without a free tier.
# https://aws.amazon.com/api-gateway/pricing/: an HTTP API's request of up to 512 KB, of the first 300 million of a month.
API_REQUEST = 1.00 / 1e6
# https://aws.amazon.com/lambda/pricing/: arm64, the first 7.5 billion GB-seconds of a month.
LAMBDA_REQUEST, LAMBDA_GB_SECOND = 0.20 / 1e6, 0.0000133334
# https://aws.amazon.com/dynamodb/pricing/on-demand/: the standard table class.
WRITE_UNIT, READ_UNIT = 0.625 / 1e6, 0.125 / 1e6
# https://aws.amazon.com/sns/pricing/: a publish of up to 64 KB; deliveries to queues are free.
SNS_REQUEST = 0.50 / 1e6
# https://aws.amazon.com/sqs/pricing/: standard queues, a request of up to 64 KB.
SQS_REQUEST = 0.40 / 1e6
# https://aws.amazon.com/cloudwatch/pricing/: logs that are ingested.
LOG_BYTE = 0.50 / 1e9

READS = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}


class Costs:
    """``lines`` are (service, what was counted, US dollars)."""

    def __init__(self, calls, lines):
        self.reports = reports(lines)
        self.lines = [self.api(), *self.functions(), self.tables(calls), self.topics(calls), self.queues(calls), self.logs(lines)]

    def of(self, function):
        return next((found for name, found in self.reports.items() if name.startswith(f"{function}-")), [])

    def api(self):
        number = len(self.of("webapi"))
        return "API Gateway, HTTP API", f"{number} requests", number * API_REQUEST

    def functions(self):
        for name, found in sorted(self.reports.items()):
            seconds = sum(report.gb_seconds for report in found)
            dollars = len(found) * LAMBDA_REQUEST + seconds * LAMBDA_GB_SECOND
            yield f"Lambda, `{name.rpartition('-')[0]}`", f"{len(found)} requests, {seconds:.1f} GB-seconds", dollars

    def tables(self, calls):
        units = collections.Counter()
        for call in calls:
            if call["service"] == "aws:dynamodb":
                units["read" if call["words"].split()[1] in READS else "write"] += charged(call)
        said = f"{units['write']:g} write units, {units['read']:g} read units"
        return "DynamoDB, on demand", said, units["write"] * WRITE_UNIT + units["read"] * READ_UNIT

    def topics(self, calls):
        number = sum(call["words"].startswith("sns Publish") for call in calls)
        return "SNS", f"{number} requests", number * SNS_REQUEST

    def queues(self, calls):
        """The topic sends each message; Lambda receives a batch and deletes it, with one request each."""
        sent, batches = sum(call["words"].startswith("sns Publish") for call in calls), len(self.of("processor"))
        number = sent + 2 * batches
        return "SQS", f"{number} requests: {sent} that send, {batches} that receive a batch, {batches} that delete one", number * SQS_REQUEST

    def logs(self, lines):
        ours = [line.partition(" | ")[2] for line in lines if " | " in line]
        number = sum(len(line.encode()) for line in ours)
        return "CloudWatch Logs", f"{number / 1e6:.1f} MB", number * LOG_BYTE


def charged(call):
    """Request units. DynamoDB also charges a write whose condition fails, and does not say so; rows here are of one unit."""
    return call["units"] or (1 if call["status"] == 400 else 0)
