"""An MCP server in a function: one message of the protocol comes in as the event, the answer to it goes out."""
