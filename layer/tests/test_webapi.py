"""Who reaches the HTTP API of messages and schedules, and what its functions may do."""

import json
import unittest

from tests.aws import REPOSITORY
from tests.test_stacks import evaluated

DESCRIPTION = json.loads((REPOSITORY / "functions/webapi/openapi.json").read_text())
KEYS = {"AuthorizerKeysSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keys"}
TOKENS = {"JwtJwksUrl": "https://a.example/jwks", "JwtIssuer": "https://a.example", "JwtAudience": "api"}


def stack(**given):
    return evaluated("functions", Stage="dev", **given)


def properties(name, **given):
    return stack(**given).resources[name]["Properties"]


def actions(role, **given):
    """What a role may do, without its log."""
    (policy,) = properties(role, **given)["Policies"]
    allowed = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"] if statement["Sid"] != "OwnLog"]
    return sorted({action for each in allowed for action in ([each] if isinstance(each, str) else each)})


class Routes(unittest.TestCase):
    def test_every_path_of_the_description_leads_to_the_function(self):
        method, path = properties("WebApiRoute")["RouteKey"].split()
        self.assertEqual(method, "ANY")
        beginning = path.removesuffix("{path+}")
        self.assertTrue(DESCRIPTION["paths"] and all(each.startswith(beginning) for each in DESCRIPTION["paths"]))

    def test_without_a_parameter_requests_are_signed(self):
        route = properties("WebApiRoute")
        self.assertEqual((route["AuthorizationType"], "AuthorizerId" in route), ("AWS_IAM", False))
        self.assertNotIn("AuthorizerFunction", stack().resources)

    def test_keys_or_tokens_replace_the_signature(self):
        for given in (KEYS, TOKENS, KEYS | TOKENS):
            route = properties("WebApiRoute", **given)
            self.assertEqual(route["AuthorizationType"], "CUSTOM")
            self.assertTrue(route["AuthorizerId"])
            authorizer = properties("ApiAuthorizer", **given)
            self.assertEqual((authorizer["AuthorizerPayloadFormatVersion"], authorizer["AuthorizerResultTtlInSeconds"]), ("2.0", 0))

    def test_only_the_parameter_open_leads_to_no_credentials(self):
        for given in ({}, KEYS, TOKENS):
            self.assertNotEqual(properties("WebApiRoute", **given)["AuthorizationType"], "NONE")
            self.assertEqual(properties("WebApiRoute", Open="true", **given)["AuthorizationType"], "NONE")

    def test_no_web_page_may_use_the_api_unless_it_is_listed(self):
        self.assertNotIn("CorsConfiguration", properties("Api"))
        listed = properties("Api", CorsOrigins="https://a.example")["CorsConfiguration"]["AllowOrigins"]
        self.assertEqual(listed, ["https://a.example"])


class Permissions(unittest.TestCase):
    def test_the_api_writes_and_publishes_and_deletes_nothing(self):
        tables = ["BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"]
        self.assertEqual(actions("WebApiRole"), [f"dynamodb:{action}" for action in tables] + ["sns:Publish"])

    def test_the_authorizer_reads_its_secret_and_nothing_else(self):
        self.assertEqual(actions("AuthorizerRole", **KEYS), ["secretsmanager:GetSecretValue"])
        self.assertEqual(actions("AuthorizerRole", **TOKENS), [])


if __name__ == "__main__":
    unittest.main()
