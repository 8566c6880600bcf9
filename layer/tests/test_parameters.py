"""What is given by hand is judged by what the template declares, before CloudFormation is asked."""

import unittest

from delivery.parameters import problems, words
from delivery.simulation import is_known
from delivery.templates import deployed


def said(declared, value):
    return list(problems("P", {"Type": "String", **declared}, value))


class Words(unittest.TestCase):
    def test_a_value_has_spaces_inside_parentheses_only(self):
        self.assertEqual(
            words(" A=rate(5 minutes)  B=cron(0 12 * * ? *) C=x,y D="), ["A=rate(5 minutes)", "B=cron(0 12 * * ? *)", "C=x,y", "D="]
        )
        self.assertEqual(words("A=(b c"), ["A=(b", "c"])


class Values(unittest.TestCase):
    def test_a_number_that_is_none_is_refused(self):
        self.assertEqual(said({"Type": "Number"}, "20k"), ["P is 20k, which is not a number"])
        self.assertEqual(said({"Type": "Number"}, "20"), [])

    def test_a_number_out_of_range_is_refused(self):
        between = {"Type": "Number", "MinValue": 1, "MaxValue": 100}
        self.assertEqual(said(between, "0"), ["P is 0, less than 1"])
        self.assertEqual(said(between, "101"), ["P is 101, more than 100"])
        self.assertEqual([said(between, value) for value in ("1", "100")], [[], []])

    def test_a_value_that_is_not_among_those_allowed_is_refused(self):
        allowed = {"AllowedValues": ["arm64", "x86_64"]}
        self.assertEqual(said(allowed, "arm"), ["P is arm, which is not one of arm64, x86_64"])
        self.assertEqual(said(allowed, "arm64"), [])

    def test_a_value_of_another_form_is_refused(self):
        self.assertEqual(said({"AllowedPattern": "^v[0-9]+$"}, "2"), ["P is 2, which does not match ^v[0-9]+$"])
        self.assertEqual(said({"AllowedPattern": "^v[0-9]+$"}, "v2"), [])

    def test_a_text_that_is_too_long_or_too_short_is_refused(self):
        short = {"MinLength": 3, "MaxLength": 5}
        self.assertEqual(said(short, "ab"), ["P has 2 characters: 3 to 5 are allowed"])
        self.assertEqual(said(short, "abcdef"), ["P has 6 characters: 3 to 5 are allowed"])
        self.assertEqual(said({}, "x" * 4097), ["P has 4097 characters: 0 to 4096 are allowed"])

    def test_a_value_in_place_of_the_name_of_a_parameter_is_refused(self):
        looked_up = {"Type": "AWS::SSM::Parameter::Value<String>"}
        self.assertIn("must be the name of a parameter of Systems Manager", said(looked_up, "arn:aws:lambda:…")[0])
        self.assertEqual(said(looked_up, "/long-content/dev/layer/arm64"), [])


class Permissions(unittest.TestCase):
    def test_every_type_of_resource_is_one_whose_permissions_are_known(self):
        kinds = {
            resource["Type"]
            for template in deployed()
            for _, evaluation in template.evaluations
            for resource in evaluation.resources.values()
        }
        self.assertGreater(len(kinds), 10)
        self.assertEqual([kind for kind in sorted(kinds) if not is_known(kind)], [])

    def test_a_type_that_nobody_thought_of_is_not_known(self):
        self.assertFalse(is_known("AWS::EC2::Instance"))


if __name__ == "__main__":
    unittest.main()
