"""Rows made of a small price list, and what is refused."""

import importlib.machinery
import importlib.util
import json
import unittest
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent


def module():
    loader = importlib.machinery.SourceFileLoader("renew", str(HERE / "renew"))
    spec = importlib.util.spec_from_loader("renew", loader)
    found = importlib.util.module_from_spec(spec)
    loader.exec_module(found)
    return found


renew = module()
SOURCE = {"priced_on": "2026-11-29", "name": "list==1"}
FACT = {
    "input_cost_per_token": Decimal("2e-06"),
    "output_cost_per_token": Decimal("1e-05"),
    "cache_read_input_token_cost": Decimal("7.5e-08"),
    "max_input_tokens": 1000,
    "max_output_tokens": 100,
    "supports_function_calling": True,
}


def rows(fact, model=None, retired=()):
    selection = {
        "providers": {"p": {"transformer": "openai_v1"}},
        "models": [{"provider": "p", "model_id": "m", **(model or {})}],
        "retired": list(retired),
    }
    return renew.rows_of(selection, {"m": fact}, **SOURCE)


class Rows(unittest.TestCase):
    def test_prices_are_those_of_the_list_for_a_million_tokens(self):
        (row,) = rows(FACT)
        prices = {name: value["N"] for name, value in row.items() if name.endswith("_price_per_million")}
        expected = {"input": "2.00", "output": "10.00", "cache_read": "0.075"}
        self.assertEqual(prices, {f"{name}_price_per_million": price for name, price in expected.items()})
        self.assertEqual((row["priced_on"], row["price_source"]), ({"S": "2026-11-29"}, {"S": "list==1; no source named"}))

    def test_tiers_and_long_calls_have_their_own(self):
        more = {"input_cost_per_token_flex": Decimal("1e-06"), "output_cost_per_token_flex": Decimal("5e-06")}
        long = {"input_cost_per_token_above_200k_tokens": Decimal("4e-06"), "output_cost_per_token_above_200k_tokens": Decimal("2e-05")}
        (row,) = rows(FACT | more | long)
        self.assertEqual((row["tiers"], row["long_context_above"]), ({"S": '["flex"]'}, {"N": "200000"}))
        self.assertEqual((row["flex_input_price_per_million"], row["long_output_price_per_million"]), ({"N": "1.00"}, {"N": "20.00"}))

    def test_what_a_model_refuses_is_never_sent(self):
        (row,) = rows(FACT | {"supports_reasoning": True, "supports_sampling_params": False})
        self.assertEqual(json.loads(row["omit"]["S"]), ["temperature", "top_p"])

    def test_a_model_without_a_price_or_out_of_the_list_is_refused(self):
        for fact, model in (({**FACT, "output_cost_per_token": None}, {}), (FACT, {"model_id": "gone"}), (FACT, {"successor": "gone"})):
            with self.assertRaises(SystemExit):
                rows(fact, model)

    def test_the_rows_that_are_shipped_have_one_default_and_the_pins_date(self):
        shipped = json.loads((HERE / "src/llm/models.json").read_text())
        self.assertEqual(sum(row["is_default"]["S"] == "true" for row in shipped), 1)
        dates = {row["priced_on"]["S"] for row in shipped if row["is_active"]["S"] == "true"}
        self.assertEqual(dates, {renew.source((HERE / "prices.txt").read_text())["priced_on"]})


if __name__ == "__main__":
    unittest.main()
