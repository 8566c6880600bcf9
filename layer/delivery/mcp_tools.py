"""Tools of an MCP server: lists what the server has, and writes their rows into the registry of tools.

Both are done by the stage's functions: ``mcp-client`` asks the server, within its list of hosts and with its secrets, and
``tool-registry`` checks each row. What a server says of its tools reaches models only by this command, so it says what is new.
"""

import json
import re
import shlex
from dataclasses import dataclass, replace

from delivery import Refusal

# What of a row follows from the server; the rest is the operator's, and stays.
OF_THE_SERVER = ("description", "input_schema", "output_schema", "endpoint", "auth", "remote_name")
READ_BY_MODELS = ("description", "input_schema")
# What only the registry writes.
OF_THE_REGISTRY = ("created_at", "updated_at", "remote_digest", "lambda_function_name")
ACTIVE, DISABLED = "active", "disabled"
# The key of a secret's JSON object if AUTH= names none.
USUAL_KEY = "token"
LONGEST_NAME = 50
LONGEST_SHOWN = 300


@dataclass(frozen=True)
class Server:
    """Where a server is, how it knows its caller, and what its tools' names begin with in the registry."""

    endpoint: str
    auth: dict
    prefix: str = ""


def renew(account, stage, server):
    """Writes the rows of the server's tools, and disables those of tools that the server does not have any more.

    A row that is not active keeps its status: an operator may have disabled it.
    """
    registry = Registry(account, stage)
    function = account.read("lambda", "get_function", FunctionName=f"mcp-client-{stage}")["Configuration"]["FunctionArn"]
    listed = _listed(account, stage, server)
    # As the registry spells it.
    server = replace(server, endpoint=listed["endpoint"])
    wanted = rows(listed["tools"], server, function)
    present = registry.rows()
    for name, row in wanted.items():
        _write(account, registry, name, row, present.get(name))
    for name in gone(wanted, present, server):
        registry.change("POST", f"/tools/{name}/disable")
        account.say(f"{name}: disabled, {server.endpoint} does not have it any more")


def rows(tools, server, function):
    """The rows of a server's tools, by name."""
    found = {}
    for tool in tools:
        name = snake_case(server.prefix + tool["remote_name"])
        if name in found:
            raise Refusal(f"{tool['remote_name']} and {found[name]['remote_name']} would both be called {name}: nothing was written")
        found[name] = {
            "tool_name": name,
            "transport": "mcp",
            "lambda_arn": function,
            "description": tool["description"],
            "input_schema": tool["input_schema"],
            "output_schema": tool.get("output_schema") or {},
            "endpoint": server.endpoint,
            "auth": server.auth,
            "remote_name": tool["remote_name"],
        }
    return found


def snake_case(text):
    """``listFiles``, ``list-files`` and ``List Files`` are ``list_files``: names as models call them."""
    words = re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", re.sub("[^A-Za-z0-9]+", " ", text))
    name = "_".join(words).lower()
    if not re.fullmatch("[a-z][a-z0-9_]{2,49}", name):
        remedy = "give another PREFIX=" if len(name) > LONGEST_NAME else "give a PREFIX="
        raise Refusal(f"the tool {shown(text)} cannot be called {name!r}, which is not 3 to {LONGEST_NAME} characters: {remedy}")
    return name


def gone(wanted, present, server):
    """Names of rows of this server's tools that it does not have any more."""
    return [
        name
        for name, row in present.items()
        if row.get("endpoint") == server.endpoint and name not in wanted and row["status"] != DISABLED
    ]


def printable(text):
    """A server's text in one line: no control character reaches the terminal."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def shown(text):
    """The beginning of a server's text, for an error."""
    line = printable(text)
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}… ({len(line)} characters)"


def auth_of(words):
    """``AUTH=`` as a row has it: ``bearer:SECRET``, ``header:NAME:SECRET``, each with ``#KEY`` behind it or without."""
    kind, _, rest = (words or "none").partition(":")
    header, _, secret = rest.partition(":") if kind == "header" else ("", "", rest)
    secret, _, key = secret.partition("#")
    key = key or USUAL_KEY
    if kind == "none" and not rest:
        return {"type": "none"}
    if kind not in ("bearer", "header") or not secret or (kind == "header" and not header):
        raise Refusal(f"AUTH is {words}: give none, bearer:SECRET or header:NAME:SECRET, with #KEY after it if the member is not called token")
    return {"type": kind, **({"header": header} if header else {}), "secret_name": secret, "secret_key": key}


class Registry:
    """The registry of tools, asked as its HTTP API asks it."""

    def __init__(self, account, stage):
        self._account = account
        self._function = f"tool-registry-{stage}"

    def rows(self):
        """All rows, by name."""
        found, token = {}, None
        while True:
            query = {"limit": "100", **({"next_token": token} if token else {})}
            page = _body(self._account.read("lambda", "invoke", **self._request("GET", "/tools", query=query)))
            found |= {row["tool_name"]: row for row in page["tools"]}
            token = page.get("next_token")
            if not token:
                return found

    def change(self, method, path, body=None):
        """A request that changes a row; a dry run prints it."""
        if self._account.dry_run:
            self._account.say(f"{method} {path}{' ' + shlex.quote(json.dumps(body)) if body else ''}")
            return
        _body(self._account.change("lambda", "invoke", **self._request(method, path, body)))

    def _request(self, method, path, body=None, query=None):
        event = {
            "version": "2.0",
            "rawPath": path,
            "queryStringParameters": query or {},
            "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        return {"FunctionName": self._function, "Payload": json.dumps(event)}


def _listed(account, stage, server):
    event = {"type": "list", "endpoint": server.endpoint, "auth": server.auth}
    answer = account.read("lambda", "invoke", FunctionName=f"mcp-client-{stage}", Payload=json.dumps(event))
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise Refusal(f"{server.endpoint}: {shown(str(payload.get('errorMessage')))}")
    return payload


def _body(answer):
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise Refusal(f"the registry of tools failed: {shown(str(payload.get('errorMessage')))}")
    body = json.loads(payload["body"]) if payload.get("body") else {}
    if payload["statusCode"] >= 400:
        raise Refusal(f"the registry of tools refused: {shown(body.get('error', ''))}")
    return body


def _write(account, registry, name, row, there):
    if there is None:
        registry.change("POST", "/tools", row)
        _say(account, f"{name}: new", row, READ_BY_MODELS)
        return
    if there.get("endpoint") != row["endpoint"]:
        raise Refusal(f"there is a tool {name} already, which is not of {row['endpoint']}: give another PREFIX=")
    changed = [field for field in OF_THE_SERVER if there.get(field) != row[field]]
    if changed:
        kept = {field: value for field, value in there.items() if field not in OF_THE_REGISTRY}
        registry.change("PUT", f"/tools/{name}", {**kept, **row})
    active = f"POST /tools/{name}/activate lets agents use it"
    status = "" if there["status"] == ACTIVE else f", and stays {there['status']} ({active})"
    _say(account, f"{name}: {'changed' if changed else 'unchanged'}{status}", row, [field for field in READ_BY_MODELS if field in changed])


def _say(account, what, row, fields):
    """What became of a tool, and what models will read of it, whole: the operator judges it."""
    account.say(what)
    for field in fields:
        text = row[field] if isinstance(row[field], str) else json.dumps(row[field], ensure_ascii=False)
        account.say(f"  {field}: {printable(text)}")
