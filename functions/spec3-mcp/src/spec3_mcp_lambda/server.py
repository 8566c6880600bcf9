"""The protocol: JSON-RPC 2.0 messages, of which MCP's are a choice, to answers.

Only what a server without sessions needs: introductions, tools, and that it is alive. Nothing that comes in makes the
invocation fail; what is wrong with a message is told in the answer to it.
"""

from spec3_mcp_lambda.tools import TOOLS, InvalidArguments, ToolFailure

# Newest first: what is offered to a client that asks for one that is not here.
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


class ProtocolError(Exception):
    """What a message is answered with instead of a result."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Server:
    """Knows its stage by name, and nothing else: one serves every client."""

    def __init__(self, stage):
        self._name = f"spec3-mcp-{stage}"
        self._methods = {
            "initialize": self._initialize,
            "ping": lambda params: {},
            "tools/list": lambda params: {"tools": [tool.description() for tool in TOOLS.values()]},
            "tools/call": call_tool,
        }

    def answer(self, message):
        """The response, or ``None`` to a notification, which nobody answers."""
        try:
            check(message)
            if "id" not in message:
                return None
            return {"jsonrpc": "2.0", "id": message["id"], "result": self._result(message)}
        except ProtocolError as error:
            return {"jsonrpc": "2.0", "id": id_of(message), "error": {"code": error.code, "message": str(error)}}

    def _result(self, message):
        method = self._methods.get(message["method"])
        if method is None:
            raise ProtocolError(METHOD_NOT_FOUND, f"there is no method {message['method']}")
        params = message.get("params", {})
        if not isinstance(params, dict):
            raise ProtocolError(INVALID_PARAMS, "params must be an object")
        return method(params)

    def _initialize(self, params):
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": self._name, "version": "1.0.0"},
        }


def check(message):
    """Whether it is a message at all. Batches are not: only one version of the protocol had them."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, 'the event must be one message of JSON-RPC: {"jsonrpc": "2.0", ...}')
    if not isinstance(message.get("method"), str):
        raise ProtocolError(INVALID_REQUEST, "method must be a text")
    if "id" in message and id_of(message) is None:
        raise ProtocolError(INVALID_REQUEST, "id must be a text or a whole number")


def id_of(message):
    """The id to answer with, ``None`` where there is none that a message may have."""
    found = message.get("id") if isinstance(message, dict) else None
    # To Python, true is a number too.
    return found if isinstance(found, (str, int)) and not isinstance(found, bool) else None


def call_tool(params):
    name = params.get("name")
    tool = TOOLS.get(name) if isinstance(name, str) else None
    if tool is None:
        raise ProtocolError(INVALID_PARAMS, f"name: there is no tool {name}")
    try:
        return content(tool.call(params.get("arguments", {})))
    except InvalidArguments as error:
        raise ProtocolError(INVALID_PARAMS, str(error)) from error
    except ToolFailure as failure:
        # Not the protocol's failure: the model that called the tool is to read it, and to do better.
        return {**content(str(failure)), "isError": True}


def content(text):
    return {"content": [{"type": "text", "text": text}]}
