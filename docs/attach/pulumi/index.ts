import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

const stage = pulumi.getStack();
const layer = aws.ssm.getParameterOutput({ name: `/long-content/${stage}/layer/arm64` });
const exported = (name: string) => aws.cloudformation.getExportOutput({ name: `${name}-${stage}` }).value;

const role = new aws.iam.Role("function", {
  assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" }),
  managedPolicyArns: [
    aws.iam.ManagedPolicy.AWSLambdaBasicExecutionRole,
    exported("SharedContentReadPolicyArnLongContent"),
    exported("SharedContentWritePolicyArnLongContent"),
  ],
});

export const handler = new aws.lambda.Function("example", {
  code: new pulumi.asset.FileArchive("../src"),
  handler: "index.handler",
  runtime: "python3.13",
  architectures: ["arm64"],
  memorySize: 256,
  timeout: 30,
  role: role.arn,
  layers: [layer.value],
  environment: {
    variables: {
      AWS_LAMBDA_EXEC_WRAPPER: "/opt/extensions/lrap-wrapper/wrapper",
      AGENT_CONTEXT_TABLE: exported("SharedContentTableLongContent"),
      // Behind HTTP both are `never`.
      LRAP_HYDRATE: "always",
      LRAP_OFFLOAD: "always",
    },
  },
}).name;
