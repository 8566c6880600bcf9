"""``python -m lrap_tools MODULE`` prints the tools of a module as a registry of tools wants them."""

import importlib
import json
import sys

from lrap_tools.tool import Tool

if len(sys.argv) != 2:
    sys.exit("usage: python -m lrap_tools MODULE")
sys.path.insert(0, "")
module = importlib.import_module(sys.argv[1])
print(json.dumps([value.row() for value in vars(module).values() if isinstance(value, Tool)], indent=2, ensure_ascii=False))
