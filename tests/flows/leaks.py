"""What must not be in any log, and the search for it."""

import base64
import json
import urllib.parse

# Shorter texts are in logs by chance.
SHORTEST = 8
HEADERS = ("authorization", "x-amz-security-token", "x-api-key")


class Secrets:
    """Secret texts by what they are."""

    def __init__(self):
        self.texts = {}

    def add(self, name, text):
        if len(text) >= SHORTEST:
            self.texts[text] = name

    def learn(self, calls):
        """What calls were authorized by: tokens, keys and signatures."""
        for call in calls:
            for header in HEADERS:
                words = call["headers"].get(header, "").rpartition("Bearer ")[2]
                self.add(f"{header} of {call['words']}", words.rpartition("Signature=")[2])

    def found_in(self, lines):
        """Each secret that is in a line, in any spelling, with the line."""
        lines = list(lines)
        # Most logs hold no secret at all, so that each is searched once as a whole.
        whole = "\n".join(lines)
        found = [(name, form) for text, name in self.texts.items() for form in spellings(text) if form in whole]
        return [f"{name}: {line}" for name, form in found for line in lines if form in line]


def spellings(text):
    """As it is, and as a form, a URL, JSON, ``Debug`` of bytes, and Base64 have it."""
    encoded = text.encode()
    plain = {text, urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text), json.dumps(text)[1:-1]}
    return plain | {base64.b64encode(encoded).decode().rstrip("="), ", ".join(map(str, encoded))}
