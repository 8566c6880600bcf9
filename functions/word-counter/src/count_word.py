"""A tool in Python: how often a word occurs in a text of any length."""

import re

from lrap_tools import Content, serve, tool


@tool
def count_word(text: Content, word: str) -> str:
    """Counts how often a word occurs in a text, in capitals or not.

    text: The text, or its handle, exactly as a result gave it.
    word: The word to count.
    """
    return str(len(re.findall(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)))


handler = serve(count_word)
