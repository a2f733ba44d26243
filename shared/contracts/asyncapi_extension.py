"""What FastStream's AsyncAPI generator leaves out, added to the document it wrote.

A pure function over plain JSON values: it moves and names what is there, and adds parameters, replies and MQTT.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["complete"]

Document = dict[str, Any]

PARAMETERS = {
    "id": "The aggregate's id: [a-z0-9_-]{1,64}",
    "pond": "The pond's id: [a-z0-9_-]{1,64}",
    "sensor": "The sensor's id: [a-z0-9_-]{1,64}",
}
SERVERS: Document = {
    "nats": {
        "host": "127.0.0.1:4222",
        "protocol": "nats",
        "description": "NATS with JetStream. EVENTS keeps every event, TELEMETRY a week of readings.",
    },
    "mqtt": {
        "host": "127.0.0.1:1883",
        "protocol": "mqtt",
        "protocolVersion": "3.1.1",
        "description": "The same NATS server, for loggers that speak MQTT; QoS 1 is acknowledged once stored.",
    },
}
REPLY = "Reply"


def complete(generated: Document) -> Document:
    """Return FastStream's document completed; see the module of the same task, ``asyncapi``."""
    channels: Document = {}
    operations: Document = {}
    messages: Document = {}
    for key in sorted(generated["channels"]):
        channel = generated["channels"][key]
        name = key.partition(":")[0]
        payload = _payload(generated, channel)
        model = payload.rsplit("/", 1)[-1]
        messages[model] = _message(model, payload, channel["address"])
        if name not in channels:
            channels[name] = _channel(channel)
        channels[name]["messages"][model] = {"$ref": f"#/components/messages/{model}"}
        if not _is_reply(channel):
            action = generated["operations"][key]["action"]
            operation = operations.setdefault(_operation(action, name), _new_operation(action, name))
            operation["messages"].append({"$ref": f"#/channels/{name}/messages/{model}"})
    _add_replies(channels, operations)
    _add_mqtt(channels, operations)
    return {
        "asyncapi": generated["asyncapi"],
        "info": generated["info"],
        "defaultContentType": generated["defaultContentType"],
        "servers": SERVERS,
        "channels": channels,
        "operations": dict(sorted(operations.items())),
        "components": {
            "messages": dict(sorted(messages.items())),
            "schemas": dict(sorted(generated["components"]["schemas"].items())),
        },
    }


def _payload(generated: Document, channel: Document) -> str:
    """Return the reference to the schema of a generated channel's one message."""
    (message,) = channel["messages"].values()
    name = str(message["$ref"]).rsplit("/", 1)[-1]
    reference: str = generated["components"]["messages"][name]["payload"]["$ref"]
    return reference


def _message(model: str, payload: str, address: str) -> Document:
    message: Document = {"name": model, "title": model, "payload": {"$ref": payload}}
    if address.startswith("tw.events."):
        message["contentType"] = "application/cloudevents+json"
        message["headers"] = {
            "type": "object",
            "properties": {"Nats-Msg-Id": {"type": "string", "description": "The event's id; a repeat is dropped."}},
        }
    elif address.startswith("tw.telemetry."):
        message["headers"] = {
            "type": "object",
            "properties": {"traceparent": {"type": "string", "description": "W3C Trace Context, over NATS: optional."}},
        }
    return message


def _channel(generated: Document) -> Document:
    if _is_reply(generated):
        return {
            "address": None,
            "description": "The inbox that the request names: each has its own.",
            "servers": [{"$ref": "#/servers/nats"}],
            "messages": {},
        }
    channel: Document = {"address": generated["address"], "servers": [{"$ref": "#/servers/nats"}], "messages": {}}
    if generated.get("description"):
        channel["description"] = generated["description"]
    names = re.findall(r"{(\w+)}", generated["address"])
    if names:
        channel["parameters"] = {name: {"description": PARAMETERS[name]} for name in names}
    return channel


def _is_reply(channel: Document) -> bool:
    return str(channel["address"]).startswith("reply:")


def _operation(action: str, name: str) -> str:
    return f"{action}{name}"


def _new_operation(action: str, name: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "messages": []}


def _add_replies(channels: Document, operations: Document) -> None:
    for name, channel in channels.items():
        if channel["address"] is None:
            asked = operations[_operation("receive", name.removesuffix(REPLY))]
            asked["reply"] = {
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{model}"} for model in channel["messages"]],
            }


def _add_mqtt(channels: Document, operations: Document) -> None:
    """Telemetry comes over MQTT too: NATS reads a topic's slashes as a subject's dots."""
    for name, channel in list(channels.items()):
        address = channel["address"]
        if address is None or not address.startswith("tw.telemetry."):
            continue
        topic = f"{name}Mqtt"
        channels[topic] = {
            **channel,
            "address": address.replace(".", "/"),
            "servers": [{"$ref": "#/servers/mqtt"}],
        }
        operation = _new_operation("receive", topic)
        operation["messages"] = [{"$ref": f"#/channels/{topic}/messages/{model}"} for model in channel["messages"]]
        operations[_operation("receive", topic)] = operation
