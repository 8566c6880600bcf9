from aws_cdk import App, Duration, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

app = App()
stage = app.node.try_get_context("stage") or "dev"
stack = Stack(app, "LongContentExample")

layer = lambda_.LayerVersion.from_layer_version_arn(
    stack,
    "LongContent",
    ssm.StringParameter.value_for_string_parameter(stack, f"/long-content/{stage}/layer/arm64"),
)

function = lambda_.Function(
    stack,
    "Function",
    code=lambda_.Code.from_inline("def handler(event, context):\n    return {'text': event.get('text', '') * 2}\n"),
    handler="index.handler",
    runtime=lambda_.Runtime.PYTHON_3_13,
    architecture=lambda_.Architecture.ARM_64,
    memory_size=256,
    timeout=Duration.seconds(30),
    layers=[layer],
    environment={
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/extensions/lrap-wrapper/wrapper",
        "AGENT_CONTEXT_TABLE": Fn.import_value(f"SharedContentTableLongContent-{stage}"),
        # Behind HTTP both are `never`.
        "LRAP_HYDRATE": "always",
        "LRAP_OFFLOAD": "always",
    },
)

for what in ("Read", "Write"):
    policy = Fn.import_value(f"SharedContent{what}PolicyArnLongContent-{stage}")
    function.role.add_managed_policy(iam.ManagedPolicy.from_managed_policy_arn(stack, f"{what}Contents", policy))

app.synth()
