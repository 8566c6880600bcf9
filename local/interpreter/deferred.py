"""Puts off what moto imports and no state machine here needs. Import this module before moto.

moto's tasks of AWS Batch need the names of a job's states. The package with these names also imports moto's EC2, and with it all regions and types
of instances, which would take more than half of the interpreter's start.
"""

import importlib.util
import sys


def defer(name):
    """The package's modules can be imported, and the package itself is executed when something of it is used."""
    spec = importlib.util.find_spec(name)
    package = importlib.util.module_from_spec(spec)

    def execute(attribute):
        del package.__getattr__
        spec.loader.exec_module(package)
        return getattr(package, attribute)

    package.__getattr__ = execute
    sys.modules[name] = package


defer("moto.batch")
