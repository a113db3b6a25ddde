"""What schemathesis cannot write and read by itself; it loads this file before it looks for faults."""

import json
from typing import Any

import msgspec
import schemathesis


def packable(value: Any) -> Any:
    """*value* where MessagePack has no larger numbers, and no halves of characters."""
    if isinstance(value, dict):
        return {packable(name): packable(field) for name, field in value.items()}
    if isinstance(value, list):
        return [packable(item) for item in value]
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value) if abs(value) < 1e308 else float("inf")
    return value


@schemathesis.serializer("application/vnd.msgpack")
def in_messagepack(_: Any, value: Any) -> bytes:
    return msgspec.msgpack.encode(packable(value))


@schemathesis.deserializer("application/vnd.msgpack")
def of_messagepack(_: Any, response: Any) -> Any:
    # By way of JSON: the description knows times as text.
    return msgspec.json.decode(msgspec.json.encode(msgspec.msgpack.decode(response.content)))


@schemathesis.serializer("application/x-ndjson")
def in_a_line(_: Any, value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


@schemathesis.deserializer("application/x-ndjson")
def of_a_line(_: Any, response: Any) -> Any:
    # One was sent, and what is described is one.
    [answer] = response.content.splitlines()
    return msgspec.json.decode(answer)
