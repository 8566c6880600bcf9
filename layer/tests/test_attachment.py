"""What attaching and detaching do to a function's configuration."""

import unittest

from delivery import Refusal
from delivery.attachment import Wish, advice, attached, common_table, detached
from delivery.layers import WRAPPER

LAYERS = "arn:aws:lambda:eu-central-1:123456789012:layer:"
OURS = LAYERS + "lrap-arm64-dev:7"
OLDER = LAYERS + "lrap-arm64-dev:3"
OWN = [f"{LAYERS}own-{number}:1" for number in range(5)]
BEHIND = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "AGENT_CONTEXT_TABLE": "AgentContext-dev"}


def function(layers=(), **variables):
    return {
        "FunctionName": "f",
        "Architectures": ["arm64"],
        "Layers": [{"Arn": arn} for arn in layers],
        "Environment": {"Variables": variables},
    }


def wish(**other):
    return Wish(**{"layer": OURS, "architectures": ["arm64"], "table": "AgentContext-dev", **other})


class Attaching(unittest.TestCase):
    def test_s0_19_the_layer_comes_after_the_functions_own(self):
        self.assertEqual(attached(function(OWN[:2]), wish())[0], [*OWN[:2], OURS])

    def test_s0_11_s0_12_two_variables_join_those_that_are_there(self):
        self.assertEqual(attached(function(MINE="1"), wish())[1], {"MINE": "1", **BEHIND})

    def test_s0_13_the_threshold_is_set_if_asked_for(self):
        self.assertEqual(attached(function(), wish(threshold=9000))[1], {**BEHIND, "MAX_CONTENT_SIZE": "9000"})

    def test_a_function_without_layers_and_variables_gets_both(self):
        self.assertEqual(attached({"FunctionName": "f", "Architectures": ["arm64"]}, wish()), ([OURS], BEHIND))

    def test_an_older_version_is_replaced_where_it_stands(self):
        self.assertEqual(attached(function([OWN[0], OLDER, OWN[1]]), wish())[0], [OWN[0], OURS, OWN[1]])

    def test_attaching_twice_changes_nothing(self):
        layers, variables = attached(function(OWN[:1], MINE="1"), wish())
        self.assertEqual(attached(function(layers, **variables), wish()), (layers, variables))

    def test_another_wrapper_follows_ours(self):
        variables = attached(function(AWS_LAMBDA_EXEC_WRAPPER="/opt/datadog_wrapper"), wish())[1]
        self.assertEqual(variables, {**BEHIND, "LRAP_NEXT_WRAPPER": "/opt/datadog_wrapper"})

    def test_datadogs_application_security_is_refused(self):
        datadog = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper", "DD_SERVERLESS_APPSEC_ENABLED": "true"}
        for present in (datadog, {**datadog, "AWS_LAMBDA_EXEC_WRAPPER": "", "LRAP_NEXT_WRAPPER": "/opt/datadog_wrapper"}):
            with self.assertRaisesRegex(Refusal, "would not start"):
                attached(function(**present), wish())
        attached(function(**{**datadog, "DD_SERVERLESS_APPSEC_ENABLED": "false"}), wish())

    def test_what_is_left_to_do_is_said(self):
        for runtime, variables, words in (
            ("python3.13", {}, []),
            ("provided.al2023", {}, ["os-only-runtimes"]),
            ("python3.13", {"LRAP_NEXT_WRAPPER": "/opt/bootstrap"}, ["AWS_LWA_LAMBDA_RUNTIME_API_PROXY"]),
            ("python3.13", {"LRAP_NEXT_WRAPPER": "/opt/bootstrap", "AWS_LWA_LAMBDA_RUNTIME_API_PROXY": "x"}, []),
        ):
            with self.subTest(runtime=runtime, variables=variables):
                said = list(advice({"Runtime": runtime}, variables))
                self.assertEqual([word for word, line in zip(words, said, strict=True) if word not in line], [])

    def test_two_other_wrappers_are_refused(self):
        with self.assertRaisesRegex(Refusal, "only one of the two can follow"):
            attached(function(AWS_LAMBDA_EXEC_WRAPPER="/opt/a", LRAP_NEXT_WRAPPER="/opt/b"), wish())

    def test_the_stages_table_is_not_mixed_with_another(self):
        self.assertEqual(common_table("dev", "AgentContext-dev", None), "AgentContext-dev")
        self.assertEqual(common_table("dev", None, "Mine"), "Mine")
        with self.assertRaisesRegex(Refusal, "AgentContext-dev.*TABLE="):
            common_table("dev", "AgentContext-dev", "AgentContext-prod")

    def test_another_architecture_is_refused(self):
        with self.assertRaisesRegex(Refusal, "f runs on arm64, and .* is for x86_64"):
            attached(function(), wish(architectures=["x86_64"]))

    def test_a_sixth_layer_is_refused(self):
        with self.assertRaisesRegex(Refusal, "has 5 layers"):
            attached(function(OWN), wish())

    def test_no_table_is_refused(self):
        with self.assertRaisesRegex(Refusal, "missing dependency: no content table"):
            attached(function(), wish(table=None))


class Detaching(unittest.TestCase):
    def test_detaching_restores_what_was(self):
        for before in (
            function(),
            function(OWN[:4], MINE="1"),
            function(OWN[:1], AWS_LAMBDA_EXEC_WRAPPER="/opt/datadog_wrapper"),
        ):
            layers, variables = attached(before, wish(threshold=1))
            expected = [layer["Arn"] for layer in before["Layers"]], before["Environment"]["Variables"]
            self.assertEqual(detached(function(layers, **variables)), expected)

    def test_another_wrapper_set_since_stays(self):
        other = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/other"}
        self.assertEqual(detached(function([OURS], **other))[1], other)
        self.assertEqual(detached(function([OURS], **other, LRAP_NEXT_WRAPPER="/opt/datadog"))[1], other)
