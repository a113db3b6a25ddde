"""The OpenAPI document as one page that needs no script, no style sheet and no font from anywhere."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["page"]

Json = Mapping[str, Any]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; overflow-wrap: anywhere }
h2, h3.operation { margin-top: 3rem; border-bottom: 1px solid #d0d7de }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em }
pre { background: #f3f4f6; padding: 0.75rem; overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0;
  border-bottom: 1px solid #d0d7de }
th:first-child, td:first-child { min-width: 8rem }
td:nth-child(2) { min-width: 6rem }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 } pre { background: #161b22 } a { color: #79b8ff } }
"""


def page(document: Json) -> str:
    """Return *document*, an OpenAPI 3.1 description, as HTML."""
    title, version, description = (
        escape(document["info"][key]) for key in ("title", "version", "description")
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title} {version}</h1><p>{description}</p>"
        '<p>For programs: <a href="/schema/openapi.json">openapi.json</a></p>'
        f'{"".join(_index(document))}{"".join(_operations(document))}<h2 id="bodies">Bodies</h2>'
        f"{''.join(_schemas(document['components']['schemas']))}</body></html>"
    )


def _groups(document: Json) -> Iterator[tuple[Json, Sequence[tuple[str, Json]]]]:
    """Each tag, in the order of the document, and its operations by method and path."""
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in document["tags"]:
        yield tag, [one for one in operations if tag["name"] in one[1]["tags"]]


def _index(document: Json) -> Iterator[str]:
    yield "<nav>"
    for tag, operations in _groups(document):
        yield f"<p>{escape(tag['description'])}</p><ul>"
        for title, operation in operations:
            link = f'<a href="#{escape(operation["operationId"])}"><code>{escape(title)}</code></a>'
            yield f"<li>{link}: {escape(operation['summary'])}</li>"
        yield "</ul>"
    yield '<p><a href="#bodies">Bodies</a></p></nav>'


def _operations(document: Json) -> Iterator[str]:
    for tag, operations in _groups(document):
        yield f"<h2>{escape(tag['description'])}</h2>"
        for title, operation in operations:
            name = escape(operation["operationId"])
            yield f'<h3 class="operation" id="{name}"><code>{escape(title)}</code></h3>'
            yield from _operation(operation)


def _operation(operation: Json) -> Iterator[str]:
    yield f"<p>{escape(operation['summary'])}</p><p>{escape(operation.get('description', ''))}</p>"
    if operation.get("parameters"):
        yield "<h4>Parameters</h4>"
        yield from _parameters(operation["parameters"])
    if "requestBody" in operation:
        yield "<h4>Request</h4>"
        yield from _content(operation["requestBody"]["content"])
    yield "<h4>Responses</h4>"
    for status, response in sorted(operation["responses"].items()):
        yield f"<h5>{escape(status)}</h5><p>{escape(response['description'])}</p>"
        yield from _content(response.get("content", {}))
        yield from _headers(response.get("headers", {}))


def _parameters(parameters: Sequence[Json]) -> Iterator[str]:
    yield "<table><tr><th>Parameter</th><th>Type</th><th></th></tr>"
    for parameter in parameters:
        need = "required" if parameter.get("required") else "optional"
        text = f"in the {parameter['in']}, {need}. {parameter.get('description') or ''}"
        yield _row(parameter["name"], parameter.get("schema", {}), text)
    yield "</table>"


def _content(content: Json) -> Iterator[str]:
    for media_type, media in content.items():
        yield f"<p><code>{escape(media_type)}</code>: {_type(media['schema'])}</p>"
        for example in media.get("examples", {}).values():
            yield _example(example["value"])


def _headers(headers: Json) -> Iterator[str]:
    for name, header in headers.items():
        yield f"<p><code>{escape(name)}</code>: {escape(header['description'])}</p>"


def _schemas(schemas: Json) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
        if "properties" not in schema:
            yield f"<p>{_type(schema)}</p>"
        else:
            yield "<table><tr><th>Field</th><th>Type</th><th></th></tr>"
            for field, content in schema["properties"].items():
                need = "required" if field in schema.get("required", ()) else "optional"
                yield _row(field, content, f"{need}. {content.get('description', '')}")
            yield "</table>"
        for example in schema.get("examples", []):
            yield _example(example)


def _row(name: str, schema: Json, text: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{_type(schema)}</td><td>{escape(text)}</td></tr>"


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(option) for option in schema[choice])
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if isinstance(values := schema.get("additionalProperties"), dict):
        return f"names to {_type(values)}"
    if "enum" in schema:
        return " or ".join(escape(json.dumps(value)) for value in schema["enum"])
    types = schema.get("type", "anything")
    text = schema.get("format") or (types if isinstance(types, str) else " or ".join(types))
    if "exclusiveMinimum" in schema:
        text += f" above {schema['exclusiveMinimum']:g}"
    if "minimum" in schema:
        text += f" from {schema['minimum']:g}"
    if "maximum" in schema:
        text += f" to {schema['maximum']:g}"
    if "default" in schema:
        text += f", {json.dumps(schema['default'])} where absent"
    return escape(text)


def _example(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2))}</pre>"
