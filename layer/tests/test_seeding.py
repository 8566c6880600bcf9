"""The rows of models: which are written into the table, and which are left to those who changed them."""

import unittest

from delivery.seeding import SEEDED_AS, decided, fingerprint


def row(price="2.00", **more):
    return {"pk": {"S": "a#b"}, "price": {"N": price}, **more}


def seeded(found, price=None):
    """As DynamoDB gives back what was written: numbers in their shortest spelling."""
    return {**found, "price": {"N": price or found["price"]["N"]}, SEEDED_AS: {"S": fingerprint(found)}}


class Rows(unittest.TestCase):
    def test_a_row_that_is_not_there_is_written_with_its_fingerprint(self):
        rows, kept = decided([row()], {})
        self.assertEqual((rows, kept), ([{**row(), SEEDED_AS: {"S": fingerprint(row())}}], []))

    def test_a_row_that_is_there_is_not_written_again(self):
        self.assertEqual(decided([row()], {"a#b": seeded(row(), "2")}), ([], []))

    def test_a_row_whose_price_has_changed_is_written_again(self):
        rows, kept = decided([row("3.00")], {"a#b": seeded(row(), "2")})
        self.assertEqual([each["price"] for each in rows], [{"N": "3.00"}])
        self.assertEqual(kept, [])

    def test_a_row_that_somebody_has_changed_is_kept(self):
        edited = {**seeded(row()), "is_active": {"S": "false"}}
        self.assertEqual(decided([row("3.00")], {"a#b": edited}), ([], ["a#b"]))

    def test_a_row_that_somebody_else_has_written_is_kept(self):
        self.assertEqual(decided([row("3.00")], {"a#b": row()}), ([], ["a#b"]))

    def test_a_row_that_only_the_table_has_stays(self):
        self.assertEqual(decided([], {"mine#b": row()}), ([], []))


if __name__ == "__main__":
    unittest.main()
