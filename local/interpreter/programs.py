"""A definition is parsed once, when its state machine is made: moto parses it again for every execution, which takes 0.3 s for the agent's.

Executions can share what comes of it, as the iterations of a Map do: what changes is in the execution's environment.
"""

import functools

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

# Of the definitions that were used last.
KEPT = 32
parse = AmazonStateLanguageParser.parse


@functools.lru_cache(KEPT)
def parsed(definition):
    """The program, without its syntax tree: it takes much memory, and no code here reads it."""
    program, _ = parse(definition)
    return program, None


def parse_once():
    AmazonStateLanguageParser.parse = staticmethod(parsed)
