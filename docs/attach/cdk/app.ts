import { App, Duration, Fn, Stack, aws_iam as iam, aws_lambda as lambda, aws_ssm as ssm } from "aws-cdk-lib";

const app = new App();
const stage: string = app.node.tryGetContext("stage") ?? "dev";
const stack = new Stack(app, "LongContentExample");

const layer = lambda.LayerVersion.fromLayerVersionArn(
  stack,
  "LongContent",
  ssm.StringParameter.valueForStringParameter(stack, `/long-content/${stage}/layer/arm64`),
);

const handler = new lambda.Function(stack, "Function", {
  code: lambda.Code.fromInline("exports.handler = async (event) => ({ text: (event.text ?? '').repeat(2) });"),
  handler: "index.handler",
  runtime: lambda.Runtime.NODEJS_22_X,
  architecture: lambda.Architecture.ARM_64,
  memorySize: 256,
  timeout: Duration.seconds(30),
  layers: [layer],
  environment: {
    AWS_LAMBDA_EXEC_WRAPPER: "/opt/extensions/lrap-wrapper/wrapper",
    AGENT_CONTEXT_TABLE: Fn.importValue(`SharedContentTableLongContent-${stage}`),
    // Behind HTTP both are `never`.
    LRAP_HYDRATE: "always",
    LRAP_OFFLOAD: "always",
  },
});

for (const what of ["Read", "Write"]) {
  const policy = Fn.importValue(`SharedContent${what}PolicyArnLongContent-${stage}`);
  handler.role!.addManagedPolicy(iam.ManagedPolicy.fromManagedPolicyArn(stack, `${what}Contents`, policy));
}

app.synth();
