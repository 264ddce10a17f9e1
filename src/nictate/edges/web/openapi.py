"""What the API is, in the words of OpenAPI 3.1: data, for people's tools and for our tests."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nictate.edges.web.pages import LONGEST_PAGE, PAGE
from nictate.edges.web.recordings import FORMATS, LONGEST_NAME
from nictate.signals import KINDS
from nictate.status import Status
from nictate.wire import SCHEMA, Schema

JSON = "application/json"
ID: Schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def schema_of(kind: Any) -> Schema:
    """JSON Schema of a type as our frozen dataclasses have them."""
    simple = {bool: "boolean", int: "integer", float: "number", str: "string", types.NoneType: "null"}
    if kind in simple:
        return {"type": simple[kind]}
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {
            "type": "object",
            "required": list(hints),
            "properties": {name: schema_of(hint) for name, hint in hints.items()},
        }
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": schema_of(get_args(kind)[0])}
    assert get_origin(kind) in (Union, types.UnionType), kind
    return {"anyOf": [schema_of(inner) for inner in get_args(kind)]}


def _finite(schema: Schema) -> Schema:
    """Numbers may be null: JSON has no word for those that are not finite."""
    if schema.get("type") == "number":
        return {"type": ["number", "null"]}
    if "properties" in schema:
        return schema | {"properties": {name: _finite(inner) for name, inner in schema["properties"].items()}}
    if "items" in schema:
        return schema | {"items": _finite(schema["items"])}
    if "anyOf" in schema:
        return schema | {"anyOf": [_finite(inner) for inner in schema["anyOf"]]}
    return schema


def _status() -> Schema:
    status = _finite(schema_of(Status))
    more = {
        "nictate": {"type": "string", "description": "Version"},
        "utc": {"type": "string", "format": "date-time"},
        "newest_age_s": {"type": ["number", "null"], "description": "Age of the newest sample in s"},
        "subscribers": {"type": "integer", "minimum": 0},
    }
    return status | {"required": [*more, *status["required"]], "properties": more | status["properties"]}


TEXT = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0\s][^\x00-\x1f\x7f-\x9f]*$"
"""Something that can be seen, and no control characters."""

RECORDING: Schema = {
    "type": "object",
    "required": ["id", "name", "first", "last", "began", "ended"],
    "properties": {
        "id": ID,
        "name": {"type": "string", "description": "As it was given"},
        "first": {**ID, "description": "Id of its first event, or of the next one, when there is none yet"},
        "last": {
            "anyOf": [ID, {"type": "null"}],
            "description": "Id of its last event, one below first when there is none; null as long as it goes on",
        },
        "began": {"type": "string", "format": "date-time"},
        "ended": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    },
}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, about: str, schema: Schema, **more: Any) -> Schema:
    return {"name": name, "in": "query", "description": about, "schema": schema, **more}


MOMENT: Schema = {"type": "number", "minimum": 0, "maximum": 253402300799}
KINDS_ASKED = _query(
    "kinds",
    "Only these, with commas between",
    {"type": "array", "items": {"enum": list(KINDS)}, "minItems": 1},
    style="form",
    explode=False,
)
AFTER = _query("after", "Only larger ids than this", ID)
RECORDING_ID = {"name": "id", "in": "path", "required": True, "schema": {**ID, "minimum": 1}}
ERRORS = {
    "400": "A parameter is not known, given twice, or out of its range; the request is malformed",
    "401": "The token is missing or wrong",
    "403": "The request comes from a page of another site",
    "404": "There is no such thing",
    "405": "There is no such method here",
    "409": "Too many recordings go on already",
    "413": "The body is too long",
    "415": "The body is no JSON by its type",
    "421": "The service is not known by that host name",
    "422": "The body is JSON, but not what is wanted",
    "429": "Too many requests from one address, or too many subscribers",
}


def _answers(good: dict[str, Schema], *more: str) -> Schema:
    usual = ("400", "401", "403", "405", "413", "421", "429")
    return good | {code: {"$ref": f"#/components/responses/{code}"} for code in sorted({*usual, *more})}


def _good(about: str, content: Schema, media_type: str = JSON) -> Schema:
    return {"description": about, "content": {media_type: {"schema": content}}}


def document(version: str) -> Schema:
    """The whole of it, for the nictate of that ``version``."""
    text = {"type": "string"}
    paths: Schema = {
        "/api/v1/events": {
            "get": {
                "operationId": "events",
                "summary": "Events as they come, as Server-Sent Events whose data are BlinkEvent",
                "description": "Without `after` and `Last-Event-ID`, what comes from now on. The id of the last event "
                "is told at the start, so that who is cut off at once misses nothing.",
                "parameters": [
                    AFTER,
                    KINDS_ASKED,
                    {
                        "name": "Last-Event-ID",
                        "in": "header",
                        "description": "As `after`, and before it: what a browser says when it comes back",
                        "schema": ID,
                    },
                ],
                "responses": _answers({"200": _good("Until either side ends it", text, "text/event-stream")}),
            }
        },
        "/api/v1/blinks": {
            "get": {
                "operationId": "blinks",
                "summary": "Past events, by pages",
                "parameters": [
                    AFTER,
                    _query("until", "Only ids up to this and itself", ID),
                    _query(
                        "limit",
                        "At most so many",
                        {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE},
                    ),
                    KINDS_ASKED,
                    _query("run", "Only of this run", {"type": "string", "maxLength": 200}),
                    _query("since", "Only from this time on: Unix time in s, or a date of ISO 8601", MOMENT),
                    _query("before", "Only before this time, given in the same way", MOMENT),
                    _query("order", "Of the ids", {"enum": ["asc", "desc"], "default": "asc"}),
                ],
                "responses": _answers({"200": _good("A page", _ref("Page"))}),
            }
        },
        "/api/v1/status": {
            "get": {
                "operationId": "status",
                "summary": "Where the service stands",
                "responses": _answers({"200": _good("Now", _ref("Status"))}),
            }
        },
        "/api/v1/recordings": {
            "get": {
                "operationId": "recordings",
                "summary": "All recordings",
                "responses": _answers(
                    {
                        "200": _good(
                            "All of them",
                            {
                                "type": "object",
                                "required": ["recordings"],
                                "properties": {"recordings": {"type": "array", "items": _ref("Recording")}},
                            },
                        )
                    }
                ),
            },
            "post": {
                "operationId": "start",
                "summary": "Start a recording: give what comes from now on a name",
                "requestBody": {
                    "required": True,
                    "content": {
                        JSON: {
                            "schema": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {
                                        "type": "string",
                                        "minLength": 1,
                                        "maxLength": LONGEST_NAME,
                                        "description": "Text, without control characters",
                                        "pattern": TEXT,
                                    }
                                },
                            }
                        }
                    },
                },
                "responses": _answers({"201": _good("It has begun", _ref("Recording"))}, "409", "415", "422"),
            },
        },
        "/api/v1/recordings/{id}/stop": {
            "post": {
                "operationId": "stop",
                "summary": "End a recording; one that has ended stays as it is",
                "parameters": [RECORDING_ID],
                "responses": _answers({"200": _good("It has ended", _ref("Recording"))}, "404"),
            }
        },
        "/api/v1/recordings/{id}/events": {
            "get": {
                "operationId": "download",
                "summary": "The events of a recording as a file, up to now when it goes on",
                "parameters": [
                    RECORDING_ID,
                    _query("format", "Of the file", {"enum": list(FORMATS), "default": "json"}),
                ],
                "responses": _answers(
                    {
                        "200": {
                            "description": "The file",
                            "content": {media_type: {"schema": text} for media_type, _ in FORMATS.values()},
                        }
                    },
                    "404",
                    "422",
                ),
            }
        },
        "/api/v1/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document",
                "responses": _answers({"200": _good("OpenAPI 3.1", {"type": "object"})}),
            }
        },
        "/api/v1/schema.json": {
            "get": {
                "operationId": "schema",
                "summary": "JSON Schema of an event",
                "responses": _answers({"200": _good("JSON Schema, 2020-12", {"type": "object"})}),
            }
        },
        "/healthz": {
            "get": {
                "operationId": "health",
                "summary": "Whether the service is alive; needs no token",
                "security": [],
                "responses": _answers(
                    {"200": _good("It is", _ref("Health")), "503": _good("Its detector has ended", _ref("Health"))}
                ),
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "For Prometheus",
                "responses": _answers({"200": _good("Its text format", text, "text/plain")}),
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nictate",
            "version": version,
            "description": "Blinks of a live EEG stream. `/api/v1/ws` is a WebSocket with the parameters and the "
            "envelopes of `/api/v1/events`, one a message; `/api/v1/signals` is one with signals to be drawn.",
        },
        "paths": paths,
        "security": [{}, {"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {code: _good(about, _ref("Error")) for code, about in ERRORS.items()},
            "schemas": {
                "BlinkEvent": SCHEMA,
                "Page": {
                    "type": "object",
                    "required": ["entries", "oldest", "newest", "next"],
                    "properties": {
                        "entries": {"type": "array", "items": _ref("BlinkEvent")},
                        "oldest": {**ID, "description": "Smallest id that there is; 0 when there is none"},
                        "newest": {**ID, "description": "Largest id that there is; 0 when there is none"},
                        "next": {
                            "anyOf": [ID, {"type": "null"}],
                            "description": "`after` of the next page, with order=desc its `until`; null on the last",
                        },
                    },
                },
                "Status": _status(),
                "Recording": RECORDING,
                "Health": {
                    "type": "object",
                    "required": ["ok", "connection"],
                    "properties": {"ok": {"type": "boolean"}, "connection": {"type": "string"}},
                },
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string", "description": "One line"}},
                },
            },
        },
    }
