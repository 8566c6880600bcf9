"""A tool of an agent is a Python function.

    from lrap_tools import Content, Range, serve, tool

    @tool
    def count_word(text: Content, word: str) -> str:
        '''Counts how often a word occurs in a text.

        text: The text, or its handle.
        word: The word to count.
        '''
        return str(text.split().count(word))

    handler = serve(count_word)

``serve`` makes the handler of a Lambda function: it takes a tool call, ``{"name", "id", "input"}``, checks the input, calls the function,
and returns the ``tool_result`` that the state machine of an agent expects. Whatever goes wrong is a result with ``is_error``, in words for the
model. ``python -m lrap_tools MODULE`` prints what a registry of tools wants to know.
"""

from lrap_tools.schema import Content, Range
from lrap_tools.tool import Tool, ToolError, serve, tool

__all__ = ["Content", "Range", "Tool", "ToolError", "serve", "tool"]
