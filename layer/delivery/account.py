"""An AWS account: read freely, changed only through ``change``, which in a dry run says what it would do and does not.

What is said is the AWS CLI's command for the same, so that a dry run can be read, kept, and done by hand, unless it names
what nobody may read.
"""

import json
import shlex
from pathlib import Path

from botocore import xform_name
from botocore.exceptions import ClientError

from delivery import Refusal

# Where the CLI's name of a service is not the SDK's.
CLI_NAMES = {"s3": "s3api"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}


class FromFile:
    """A parameter's value that lies in a file: the bytes for the SDK, the path for the person who reads the command."""

    def __init__(self, path, scheme="fileb://"):
        self.path = Path(path)
        self.scheme = scheme

    def value(self):
        return self.path.read_bytes() if self.scheme != "file://" else self.path.read_text()

    def __str__(self):
        return f"{self.scheme}{self.path}"


class Masked:
    """A parameter's value that is not printed: the command shows ``said`` in its place."""

    def __init__(self, value, said):
        self._value = value
        self._said = said

    def value(self):
        return self._value

    def __str__(self):
        return self._said


# In seconds.
LONGEST_WAIT = 3600


class Account:
    """One account in one region, by the credentials of ``session``."""

    def __init__(self, session, dry_run=False, say=print, endpoint=None):
        self._session = session
        self._endpoint = endpoint
        self._clients = {}
        self.dry_run = dry_run
        self.say = say

    @property
    def region(self):
        return self._session.region_name

    @property
    def _where(self):
        return {"endpoint_url": self._endpoint} if self._endpoint else {}

    def client(self, service):
        if service not in self._clients:
            self._clients[service] = self._session.client(service, **self._where)
        return self._clients[service]

    def read(self, service, operation, **parameters):
        """The answer of an operation that changes nothing."""
        return _asked(self.client(service), operation, parameters)

    def find(self, service, operation, absent, **parameters):
        """The same, or ``None`` where the error is that there is no such thing: its code is in ``absent``."""
        try:
            return self.read(service, operation, **parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] in absent:
                return None
            raise

    def pages(self, service, operation, member, **parameters):
        """All elements of a list that comes in pages."""
        for page in self.client(service).get_paginator(operation).paginate(**parameters):
            yield from page.get(member, [])

    def change(self, service, operation, **parameters):
        """Changes the account and returns the answer; in a dry run says the command and returns ``None``."""
        if self.dry_run:
            self.say(self._command(service, operation, parameters))
            return None
        return _asked(self.client(service), operation, _read(parameters))

    def wait(self, service, waiter, **parameters):
        """Until a change is done; in a dry run says the command that waits."""
        if self.dry_run:
            self.say(self._command(service, f"wait {waiter}", parameters))
        else:
            self.client(service).get_waiter(waiter).wait(**parameters, **self._pauses)

    @property
    def _pauses(self):
        """The SDK looks every 5 or 30 seconds, and what is on this machine takes one."""
        return {"WaiterConfig": {"Delay": 1, "MaxAttempts": LONGEST_WAIT}} if self._endpoint else {}

    def report(self, what):
        """Says what has happened: nothing has in a dry run."""
        if not self.dry_run:
            self.say(what)

    def _command(self, service, operation, parameters):
        where = {"region": self.region, **self._where}
        return command(service, operation, parameters, where)


STAND_INS = (FromFile, Masked)


def command(service, operation, parameters, where):
    """What to type for an operation; ``where`` are options of every command."""
    words = ["aws", CLI_NAMES.get(service, service), *operation.replace("_", "-").split()]
    for name, value in parameters.items():
        words += _option(name, value)
    for name, value in where.items():
        words += [f"--{name.replace('_', '-')}", value]
    return " ".join(map(shlex.quote, words))


def _option(name, value):
    if isinstance(value, dict) and any(isinstance(member, FromFile) for member in value.values()):
        # As the CLI has it: a structure that holds a file is the file's own option.
        ((name, value),) = value.items()
    option = xform_name(name, "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value) if isinstance(value, (str, int, *STAND_INS)) else json.dumps(value)]


def _read(value):
    """A parameter as it is sent: with the files in it read, and nothing masked."""
    if isinstance(value, STAND_INS):
        return value.value()
    return {name: _read(member) for name, member in value.items()} if isinstance(value, dict) else value


def _asked(client, operation, parameters):
    try:
        return getattr(client, operation)(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            raise Refusal(
                f"permission denied: {error.operation_name} of {client.meta.service_model.service_name}: "
                f"{error.response['Error']['Message']}"
            ) from error
        raise
