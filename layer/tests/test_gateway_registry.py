"""What the registry of gateways, and the gateways themselves, may do: action by action."""

import unittest

from .test_agents import allowed, properties

CORE = "arn:aws:bedrock-agentcore:eu-central-1:123456789012:"
VAULT = CORE + "token-vault/default"
KEYS, CLIENTS = VAULT + "/apikeycredentialprovider/dev-*", VAULT + "/oauth2credentialprovider/*"
SECRETS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bedrock-agentcore-identity!default/apikey/dev-*"
CLIENTS_SECRETS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bedrock-agentcore-identity!default/oauth2/*"
MCP_CLIENT = "arn:aws:lambda:eu-central-1:123456789012:function:mcp-client-dev"
OAUTH = {"OAuthProviderHosts": "corporate=api.example.com"}
DOCUMENTS = "arn:aws:s3:::<import SharedBucketToolSpecs-dev>/gateways/*"


def each(resources, *actions):
    return {(action, resource) for action in actions for resource in resources}


def core(resources, *actions):
    return each(resources, *(f"bedrock-agentcore:{action}" for action in actions))


class Roles(unittest.TestCase):
    def test_the_registry_changes_gateways_of_its_stage(self):
        gateway = [CORE + "gateway/dev-*"]
        expected = core(gateway, *(verb + what for verb in ("Create", "Delete", "Get", "Update") for what in ("Gateway", "GatewayTarget")))
        expected |= core(gateway, "ListGatewayTargets", "ListTagsForResource", "TagResource") | core(["*"], "ListGateways")
        expected |= core([VAULT, KEYS], *(verb + "ApiKeyCredentialProvider" for verb in ("Create", "Delete", "Get", "Update")))
        expected |= each([MCP_CLIENT], "lambda:InvokeFunction")
        expected |= each([SECRETS], *(f"secretsmanager:{action}" for action in ("CreateSecret", "DeleteSecret", "PutSecretValue")))
        expected |= each(["<Gateways.Arn>", "<Tools.Arn>"], "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan")
        expected |= each(["<Tools.Arn>/index/ToolsByGateway"], "dynamodb:Query")
        registry = ["<import SharedTableArnToolRegistry-dev>"]
        expected |= each(registry, "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem")
        expected |= each(["<GatewayServiceRole.Arn>"], "iam:PassRole") | each([DOCUMENTS], "s3:PutObject")
        expected |= each(["<GatewayRegistryLogs.Arn>"], "logs:CreateLogStream", "logs:PutLogEvents")
        self.assertEqual(allowed("gateway-registry", "GatewayRegistryRole"), expected)
        expected |= core([VAULT, CLIENTS], "GetOauth2CredentialProvider")
        self.assertEqual(allowed("gateway-registry", "GatewayRegistryRole", **OAUTH), expected)

    def test_it_passes_one_role_to_agentcore_alone(self):
        (policy,) = properties("gateway-registry", "GatewayRegistryRole")["Policies"]
        (passing,) = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "iam:PassRole"]
        condition = {"StringEquals": {"iam:PassedToService": "bedrock-agentcore.amazonaws.com"}}
        self.assertEqual(passing["Condition"], condition)

    def test_a_gateway_reads_documents_gets_keys_and_invokes_one_function(self):
        directory = CORE + "workload-identity-directory/default"
        identity = [VAULT, directory, directory + "/workload-identity/*"]
        expected = core([*identity, KEYS], "GetResourceApiKey", "GetWorkloadAccessToken")
        expected |= each([SECRETS], "secretsmanager:GetSecretValue") | each([DOCUMENTS], "s3:GetObject")
        expected |= each(["<GatewayToolsFunction.Arn>"], "lambda:InvokeFunction")
        self.assertEqual(allowed("gateway-registry", "GatewayServiceRole"), expected)
        expected |= core([*identity, CLIENTS], "GetResourceOauth2Token", "GetWorkloadAccessToken")
        expected |= each([CLIENTS_SECRETS], "secretsmanager:GetSecretValue")
        self.assertEqual(allowed("gateway-registry", "GatewayServiceRole", **OAUTH), expected)

    def test_only_agentcore_of_this_account_acts_as_a_gateway(self):
        (trust,) = properties("gateway-registry", "GatewayServiceRole")["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trust["Principal"], {"Service": "bedrock-agentcore.amazonaws.com"})
        self.assertEqual(trust["Condition"]["StringEquals"], {"aws:SourceAccount": "123456789012"})

    def test_nothing_is_reconciled_by_a_schedule_unless_it_is_asked_for(self):
        with self.assertRaises(KeyError):
            properties("gateway-registry", "ReconcileSchedule")
        schedule = properties("gateway-registry", "ReconcileSchedule", ReconcileExpression="rate(15 minutes)")
        self.assertEqual(schedule["Target"]["Input"], '{"reconcile": true}')


if __name__ == "__main__":
    unittest.main()
