"""What a person may write in FUNCTION=, and what is refused of it and why."""

import unittest

from delivery import Refusal
from delivery.function_names import named

REGION = "eu-central-1"


class Names(unittest.TestCase):
    def test_a_name_and_an_arn_in_full_or_in_part_mean_the_same_function(self):
        for written in (
            "my-function",
            "my-function:$LATEST",
            "123456789012:function:my-function",
            "arn:aws:lambda:eu-central-1:123456789012:function:my-function",
            "arn:aws:lambda:eu-central-1:123456789012:function:my-function:$LATEST",
        ):
            with self.subTest(written):
                self.assertEqual(named(written, REGION), "my-function")

    def test_a_version_or_an_alias_is_refused_with_what_to_do(self):
        for written in ("f:7", "f:live", "arn:aws:lambda:eu-central-1:123456789012:function:f:live"):
            with self.subTest(written), self.assertRaisesRegex(Refusal, "attach to f, publish a version of it, and point the alias"):
                named(written, REGION)

    def test_a_function_of_another_region_is_refused(self):
        with self.assertRaisesRegex(Refusal, "is in us-east-1, and REGION is eu-central-1"):
            named("arn:aws:lambda:us-east-1:123456789012:function:f", REGION)

    def test_what_is_no_function_is_refused(self):
        for written in ("", "f g", "arn:aws:lambda:eu-central-1:123456789012:layer:f", "f:live:more"):
            with self.subTest(written), self.assertRaisesRegex(Refusal, "neither the name nor the ARN"):
                named(written, REGION)


if __name__ == "__main__":
    unittest.main()
