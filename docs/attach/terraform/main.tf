variable "stage" {
  type    = string
  default = "dev"
}

variable "function_zip" {
  type = string
}

# The newest layer of the stage, and what the stage's stacks export.
data "aws_ssm_parameter" "layer" {
  name = "/long-content/${var.stage}/layer/arm64"
}

data "aws_cloudformation_export" "table" {
  name = "SharedContentTableLongContent-${var.stage}"
}

data "aws_cloudformation_export" "read_policy" {
  name = "SharedContentReadPolicyArnLongContent-${var.stage}"
}

data "aws_cloudformation_export" "write_policy" {
  name = "SharedContentWritePolicyArnLongContent-${var.stage}"
}

resource "aws_iam_role" "function" {
  name_prefix = "long-content-example-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "function" {
  for_each = {
    logs  = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    read  = data.aws_cloudformation_export.read_policy.value
    write = data.aws_cloudformation_export.write_policy.value
  }
  role       = aws_iam_role.function.name
  policy_arn = each.value
}

resource "aws_lambda_function" "function" {
  function_name = "long-content-example-${var.stage}"
  filename      = var.function_zip
  handler       = "index.handler"
  runtime       = "python3.13"
  architectures = ["arm64"]
  memory_size   = 256
  timeout       = 30
  role          = aws_iam_role.function.arn
  layers        = [data.aws_ssm_parameter.layer.value]

  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/extensions/lrap-wrapper/wrapper"
      AGENT_CONTEXT_TABLE     = data.aws_cloudformation_export.table.value
      # Behind HTTP both are `never`.
      LRAP_HYDRATE = "always"
      LRAP_OFFLOAD = "always"
    }
  }
}
