"""Each check is shown a template that is wrong in one way, and says so; and the repository's own, of which it says nothing."""

import unittest
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from delivery.checks import functions, imports, parameters, permissions, removal, tags
from delivery.evaluation import Evaluation, UnknownFunction
from delivery.templates import STACKS, Template
from delivery.translation import Untranslatable, evaluations

LAYER = [Template.read(path) for path in sorted(STACKS.glob("*.yaml"))]
FUNCTIONS = [Template.read(path) for path in sorted((STACKS.parents[1] / "functions/stacks").glob("*.yaml"))]
OUR_OWN = LAYER + FUNCTIONS
STAGE = "Parameters: {Stage: {Type: String}}\n"


def template(text, name="bad"):
    return Template(Path(f"{name}.yaml"), yaml_parse(STAGE + text))


def exporting(name, imported=None):
    value = "{'Fn::ImportValue': !Sub '%s'}" % imported if imported else "x"
    return f"Outputs: {{One: {{Value: {value}, Export: {{Name: !Sub '{name}'}}}}}}"


def importing(name):
    return f"Resources: {{R: {{Type: 'AWS::SNS::Topic', Properties: {{TopicName: {{'Fn::ImportValue': !Sub '{name}'}}}}}}}}"


class Imports(unittest.TestCase):
    def said(self, *texts):
        return " / ".join(
            imports.check([template(text, f"t{number}") for number, text in enumerate(texts)], promised=())
        )

    def test_our_own_are_right(self):
        self.assertEqual(list(imports.check(OUR_OWN)), [])

    def test_each_comes_after_those_it_takes_from(self):
        order = [template.name for template in imports.in_order(LAYER[::-1])]
        self.assertEqual(order, ["artifacts", "extension-layer", "long-content", "function"])

    def test_the_order_of_one_stage_agrees_with_every_set_of_parameters(self):
        order = [template.name for template in imports.in_order_of(OUR_OWN[::-1], "dev")]
        trades = {template.name: imports.trade_of(template) for template in OUR_OWN}
        late = [
            f"{giver} before {taker}"
            for taker in order
            for giver in order[order.index(taker) + 1 :]
            if trades[giver].gives & trades[taker].takes
        ]
        self.assertEqual((sorted(order), late), (sorted(trades), []))

    def test_a_dangling_import_is_named(self):
        self.assertIn("t0: nothing exports or sets SharedNone-dev", self.said(importing("SharedNone-${Stage}")))

    def test_a_dangling_parameter_is_named(self):
        text = (
            "Resources: {R: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Sub '{{resolve:ssm:/none/${Stage}}}'}}}"
        )
        self.assertIn("t0: nothing exports or sets /none/dev", self.said(text))

    def test_an_import_that_only_some_parameters_reach_is_found(self):
        text = (
            "Conditions: {Prod: !Equals [!Ref Stage, prod]}\nResources: {R: {Type: 'AWS::SNS::Topic', Condition: Prod, "
            "Properties: {TopicName: {'Fn::ImportValue': SharedNone-prod}}}}"
        )
        self.assertIn("nothing exports or sets SharedNone-prod", self.said(text))

    def test_a_cycle_is_named(self):
        said = self.said(
            exporting("SharedA-${Stage}", "SharedB-${Stage}"), exporting("SharedB-${Stage}", "SharedA-${Stage}")
        )
        self.assertRegex(said, "a cycle of imports: t. -> t. -> t.")

    def test_a_name_given_twice_is_named(self):
        self.assertIn("SharedA-dev is given by more than one", self.said(*[exporting("SharedA-${Stage}")] * 2))

    def test_s0_17_a_name_of_another_form_is_named(self):
        for name in ("TableA-${Stage}", "SharedA", "Shareda-${Stage}", "SharedA-dev"):
            self.assertIn("is not of the form", self.said(exporting(name)), name)

    def test_s0_08_s0_09_a_promised_name_that_is_gone_is_named(self):
        said = list(imports.check([template("Resources: {}")]))
        for form in imports.PROMISED:
            self.assertIn(f"no template exports {form.format(stage='dev')}, on which other stacks rely", said)


class Permissions(unittest.TestCase):
    def said(self, statement):
        document = "{Statement: [{Effect: Allow, %s}]}" % statement
        text = "Resources: {P: {Type: 'AWS::IAM::ManagedPolicy', Properties: {PolicyDocument: %s}}}" % document
        return " / ".join(permissions.check(template(text)))

    def test_our_own_are_right(self):
        self.assertEqual([problem for template in OUR_OWN for problem in permissions.check(template)], [])

    def test_s0_25_what_is_wider_than_named_is_found(self):
        statements = {
            "the action dynamodb:* contains a wildcard": "Action: 'dynamodb:*', Resource: 'arn:aws:dynamodb:r:a:table/t'",
            "dynamodb:PutItem is allowed on everything": "Action: 'dynamodb:PutItem', Resource: '*'",
            "dynamodb:GetItem is allowed on everything": "Action: ['dynamodb:GetItem'], Resource: ['arn:aws:dynamodb:r:a:table/*']",
            "NotAction allows everything": "NotAction: 'iam:*', Resource: 'arn:aws:iam::a:role/r'",
            "the principal is everyone": "Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*', Principal: {AWS: '*'}",
            "needs a condition on cloudwatch:namespace": "Action: 'cloudwatch:PutMetricData', Resource: '*'",
        }
        for expected, statement in statements.items():
            self.assertIn(expected, self.said(statement))

    def test_what_is_named_is_not(self):
        for statement in (
            "Action: 'dynamodb:GetItem', Resource: !Sub 'arn:aws:dynamodb:r:a:table/${Stage}'",
            "Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/*'",
            "Action: 'logs:PutLogEvents', Resource: 'arn:aws:logs:r:a:log-group:/mine:*'",
            "Action: 'xray:PutTraceSegments', Resource: '*'",
            "Action: 'cloudwatch:PutMetricData', Resource: '*', Condition: {StringEquals: {'cloudwatch:namespace': N}}",
        ):
            self.assertEqual(self.said(statement), "")

    def test_a_wide_policy_of_awss_is_found(self):
        policy = "arn:aws:iam::aws:policy/AdministratorAccess"
        text = "Resources: {R: {Type: 'AWS::IAM::Role', Properties: {ManagedPolicyArns: ['%s']}}}" % policy
        self.assertIn("AdministratorAccess allows more", " / ".join(permissions.check(template(text))))


LAYER_OF_ARCHITECTURE = "!If [IsArm, !Ref Arm64Layer, !Ref X86Layer]"


class Functions(unittest.TestCase):
    GOOD = (STACKS / "function.yaml").read_text()

    def said(self, was, becomes):
        self.assertIn(was, self.GOOD)
        broken = Template(Path("bad.yaml"), yaml_parse(self.GOOD.replace(was, becomes)))
        return " / ".join(functions.check(broken))

    def test_our_own_are_right(self):
        self.assertEqual([problem for template in OUR_OWN for problem in functions.check(template)], [])

    def test_a_mismatch_of_architecture_is_found(self):
        self.assertIn("runs on x86_64 with the layer of arm64", self.said(f"- {LAYER_OF_ARCHITECTURE}", "- !Ref Arm64Layer"))
        self.assertIn(
            "runs on x86_64 with the layer of arm64", self.said("      Architectures: [!Ref Architecture]\n", "")
        )

    def test_so_is_one_by_export(self):
        by_export = "{'Fn::ImportValue': !Sub 'SharedProxyLayerX86LongContent-${Stage}'}"
        said = self.said(LAYER_OF_ARCHITECTURE, by_export)
        self.assertIn("runs on arm64 with the layer of x86_64", said)
        self.assertNotIn("runs on x86_64 with", said)

    def test_s0_10_s0_22_a_function_without_the_policy_is_found(self):
        self.assertIn(
            "neither the read nor the write policy", self.said("PolicyArnLongContent-", "TopicArnLongContent-")
        )

    def test_s0_11_another_wrapper_is_found(self):
        self.assertIn(
            "is not /opt/extensions/lrap-wrapper/wrapper", self.said("lrap-wrapper/wrapper", "lrap-wrapper/w")
        )

    def test_s0_12_a_missing_table_is_found(self):
        self.assertIn("but not AGENT_CONTEXT_TABLE", self.said("AGENT_CONTEXT_TABLE", "CONTEXT_TABLE"))

    def test_s0_19_a_layer_that_is_not_last_is_found(self):
        late = "        - arn:aws:lambda:r:a:layer:late:1\n      Environment:\n"
        self.assertIn("must come last", self.said("      Environment:\n", late))

    def test_h6_a_mode_that_is_not_stated_is_found(self):
        for variable in ("LRAP_HYDRATE", "LRAP_OFFLOAD"):
            for becomes, said in (("", "not set"), (f"          {variable}: auto\n", "auto")):
                self.assertIn(f"{variable} is {said}", self.said(f"          {variable}: always\n", becomes))

    def test_h6_a_function_behind_http_that_does_not_say_never_is_found(self):
        urls = (
            "  Url:\n    Type: AWS::Lambda::Url\n"
            "    Properties: {TargetFunctionArn: !GetAtt Function.Arn, AuthType: AWS_IAM}\n",
            "  Allowed:\n    Type: AWS::Lambda::Permission\n    Properties: {FunctionName: !Ref Function, "
            "Action: 'lambda:InvokeFunction', Principal: apigateway.amazonaws.com}\n",
        )
        for url in urls:
            said = self.said("\nResources:\n", f"\nResources:\n{url}")
            for variable in ("LRAP_HYDRATE", "LRAP_OFFLOAD"):
                self.assertIn(f"is invoked over HTTP, but {variable} is always", said)
        never = self.GOOD.replace(": always", ": never").replace("\nResources:\n", f"\nResources:\n{urls[0]}")
        self.assertEqual(list(functions.check(Template(Path("good.yaml"), yaml_parse(never)))), [])

    def test_a_queue_does_not_count_as_http(self):
        allowed = "  Allowed:\n    Type: AWS::Lambda::Permission\n    Properties: {FunctionName: !Ref Function, "
        said = self.said("\nResources:\n", f"\nResources:\n{allowed}Action: 'lambda:InvokeFunction', Principal: sns.amazonaws.com}}\n")
        self.assertEqual(said, "")

    def test_a_wrapper_without_its_layer_is_found(self):
        self.assertIn("would not start", self.said("/long-content/{stage}/layer", "/other/{stage}/layer"))


class Parameters(unittest.TestCase):
    GOOD = Functions.GOOD

    def said(self, was, becomes):
        self.assertIn(was, self.GOOD)
        broken = Template(Path("stacks/bad.yaml"), yaml_parse(self.GOOD.replace(was, becomes)))
        return " / ".join(parameters.check([broken]))

    def test_our_own_are_right(self):
        self.assertEqual(list(parameters.check(OUR_OWN)), [])

    def test_a_setting_of_the_layer_that_a_stack_does_not_take_is_found(self):
        self.assertIn("has no parameter ContentTtlSeconds", self.said("ContentTtlSeconds", "Seconds"))

    def test_a_setting_that_does_not_reach_its_variable_is_found(self):
        for variable, parameter in (
            ("MAX_CONTENT_SIZE", "MaxContentSize"),
            ("LRAP_CONTENT_TTL", "ContentTtlSeconds"),
            ("LRAP_SIGNING_SECRET_ARN", "SigningSecretArn"),
        ):
            said = self.said(f"          {variable}:", f"          {variable}_2:")
            self.assertIn(f"Function: {variable} is not set from the parameter {parameter}", said)

    def test_a_signing_secret_that_the_role_may_not_read_is_found(self):
        said = self.said("Action: secretsmanager:GetSecretValue", "Action: secretsmanager:DescribeSecret")
        self.assertIn("its role may not read SigningSecretArn", said)

    def test_a_permission_without_a_secret_is_found(self):
        said = self.said('  IsSigned: !Not [!Equals [!Ref SigningSecretArn, ""]]', "  IsSigned: !Equals [1, 1]")
        self.assertIn("FunctionRole may read a secret although none was given", said)

    def test_a_parameter_that_is_ignored_is_found(self):
        for was, becomes, said in (
            ("      PermissionsBoundary: !If", "      # If", "PermissionsBoundary as its boundary"),
            ("      Tracing: !If", "      # If", "not traced as the parameter EnableXRay says"),
            ("!Ref LogRetentionDays", "7", "not kept as long as the parameter LogRetentionDays says"),
        ):
            self.assertIn(said, self.said(was, becomes))

    def test_a_parameter_that_means_something_else_elsewhere_is_found(self):
        good, other = (
            Template(Path(f"stacks/{name}.yaml"), yaml_parse(text))
            for name, text in (("good", self.GOOD), ("other", self.GOOD.replace("Default: 86400", "Default: 3600")))
        )
        said = list(parameters.check([good, other]))
        self.assertEqual(said, ["other: the parameter ContentTtlSeconds is declared differently from good"])

    def test_a_template_to_copy_from_may_take_what_it_likes(self):
        elsewhere = Template(Path("attach/bad.yaml"), yaml_parse(self.GOOD.replace("ContentTtlSeconds", "Seconds")))
        self.assertEqual(list(parameters.check([elsewhere])), [])


class Removal(unittest.TestCase):
    def said(self, attributes, kind="AWS::DynamoDB::Table"):
        return " / ".join(removal.check(template(f"Resources: {{T: {{Type: '{kind}', {attributes}}}}}")))

    def test_our_own_are_right(self):
        self.assertEqual([problem for template in OUR_OWN for problem in removal.check(template)], [])

    def test_s0_25_what_vanishes_outside_development_is_found(self):
        for attributes in (
            "Properties: {}",
            "DeletionPolicy: Retain",
            "DeletionPolicy: Delete, UpdateReplacePolicy: Retain",
        ):
            self.assertIn("is deleted with its stack, or replaced, in prod", self.said(attributes))

    def test_s0_25_what_stays_behind_in_development_is_found(self):
        self.assertIn(
            "is not deleted when dev is destroyed", self.said("DeletionPolicy: Retain, UpdateReplacePolicy: Retain")
        )

    def test_a_table_without_protection_is_found(self):
        self.assertIn(
            "no deletion protection in prod", self.said("DeletionPolicy: Retain, UpdateReplacePolicy: Retain")
        )


class Tags(unittest.TestCase):
    def said(self, properties):
        text = "Resources: {T: {Type: 'AWS::SNS::Topic', Properties: {%s}}}" % properties
        return list(tags.check(template(text, "stacks/bad")))

    def test_our_own_are_right(self):
        self.assertEqual([problem for template in OUR_OWN for problem in tags.check(template)], [])

    def test_a_resource_without_them_or_of_another_stage_is_found(self):
        for properties in ("", "Tags: [{Key: Project, Value: lrap}, {Key: Stage, Value: dev}]"):
            self.assertEqual(self.said(properties), ["bad: T does not have the tags Project and Stage"])

    def test_others_are_welcome(self):
        self.assertEqual(self.said("Tags: [{Key: Project, Value: lrap}, {Key: Stage, Value: !Ref Stage}, {Key: A, Value: B}]"), [])


class Sam(unittest.TestCase):
    def test_a_template_that_sam_refuses_is_refused(self):
        text = (
            "Transform: AWS::Serverless-2016-10-31\n"
            "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Runtime: python3.13}}}"
        )
        with self.assertRaisesRegex(Untranslatable, "CodeUri"):
            list(evaluations(template(text)))

    def test_a_folder_is_taken_for_what_packaging_uploads(self):
        text = (
            "Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: 'AWS::Serverless::Function', "
            "Properties: {Runtime: python3.13, Handler: a.b, CodeUri: ./code}}}"
        )
        _, evaluation = next(evaluations(template(text)))
        self.assertEqual(evaluation.resources["F"]["Properties"]["Code"], {"S3Bucket": "packaged", "S3Key": "code"})


class Evaluating(unittest.TestCase):
    def test_decides_and_puts_together(self):
        document = yaml_parse("""
            Parameters: {Stage: {Type: String}, Size: {Type: Number, Default: 3}}
            Mappings: {Sizes: {dev: {Name: small}}}
            Conditions:
              Dev: !Equals [!Ref Stage, dev]
              Not: !Not [{Condition: Dev}]
              Both: !And [{Condition: Dev}, {Condition: Not}]
            Resources:
              Gone: {Type: T, Condition: Not}
              Here:
                Type: T
                Properties:
                  Size: !Ref Size
                  Name: !FindInMap [Sizes, !Ref Stage, Name]
                  Arn: !Sub ["${Gone.Arn}/${Own}/${!Literal}", {Own: !Join ["-", [a, !Ref Stage]]}]
                  Absent: !If [Both, 1, !Ref AWS::NoValue]
                  List: [!If [Dev, 1, 2], !Ref AWS::NoValue]
            """)
        resources = Evaluation(document, {"Stage": "dev"}).resources
        properties = {"Size": 3, "Name": "small", "Arn": "<Gone.Arn>/a-dev/${Literal}", "List": [1]}
        self.assertEqual(resources, {"Here": {"Type": "T", "Properties": properties}})

    def test_a_parameter_from_the_systems_manager_is_what_the_stage_has(self):
        document = yaml_parse("""
            Metadata: {StageParameters: {Layer: "/layers/{stage}"}}
            Parameters: {Stage: {Type: String}, Layer: {Type: 'AWS::SSM::Parameter::Value<String>'}}
            Resources: {R: {Type: T, Properties: {Layer: !Ref Layer}}}
            """)
        for given, name in (({"Stage": "prod"}, "/layers/prod"), ({"Stage": "prod", "Layer": "/mine"}, "/mine")):
            properties = Evaluation(document, given).resources["R"]["Properties"]
            self.assertEqual(properties, {"Layer": "{{resolve:ssm:%s}}" % name})

    def test_does_not_guess(self):
        with self.assertRaisesRegex(UnknownFunction, "Fn::Cidr"):
            Evaluation({"Resources": {"R": {"Type": "T", "Properties": {"A": {"Fn::Cidr": []}}}}}, {})
