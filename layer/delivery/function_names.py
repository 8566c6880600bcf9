"""What a person may write for a function: its name, or its ARN, in full or in part."""

import re

from delivery import Refusal

WRITTEN = re.compile(
    r"(?:(?:arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>[0-9]{12}):function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)
LATEST = "$LATEST"


def named(written, region):
    """The name of the function whose configuration can be changed."""
    found = WRITTEN.fullmatch(written)
    if found is None:
        raise Refusal(f"{written} is neither the name nor the ARN of a function")
    if found["region"] not in (None, region):
        raise Refusal(f"{written} is in {found['region']}, and REGION is {region}")
    if found["qualifier"] not in (None, LATEST):
        raise Refusal(
            f"{written} names the version or alias {found['qualifier']}, and a published version never changes: attach to "
            f"{found['name']}, publish a version of it, and point the alias to that by `aws lambda update-alias`"
        )
    return found["name"]
