"""What holds for every endpoint: health, request ids, problems, and the description of the API."""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http import problems
from taxi_predictor.adapters.http.app import EXAMPLES, create_app
from taxi_predictor.adapters.http.decoding import decode
from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.shelf import ModelShelf

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
READY = ["/health/ready", "/health"]


async def _well() -> None:
    return


async def _silent() -> None:
    raise Unavailable("the trip database does not answer")


@pytest.mark.parametrize("shelf", ["empty_shelf", "simulated_shelf"])
def test_the_process_is_live_with_and_without_a_champion(
    serve: Serve, request: pytest.FixtureRequest, shelf: str
) -> None:
    with serve(shelf=request.getfixturevalue(shelf)) as client:
        response = client.get("/health/live")
    assert response.status_code == 200
    assert response.json() == {"status": "live"}


@pytest.mark.parametrize("path", READY)
def test_with_a_champion_the_service_is_ready_whoever_is_down(serve: Serve, path: str) -> None:
    with serve(pings={"registry": _well, "database": _silent}) as client:
        response = client.get(path)
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "version": 3,
        "source": "champion",
        "degraded": None,
        "sync": None,
        "neighbours": {"registry": "ok", "database": "the trip database does not answer"},
    }


@pytest.mark.parametrize("path", READY)
def test_without_a_champion_the_service_is_not_ready(
    serve: Serve, empty_shelf: ModelShelf, path: str
) -> None:
    with serve(shelf=empty_shelf, pings={"registry": _well}) as client:
        response = client.get(path)
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    problem = response.json()
    assert problem["type"] == "/problems/not-ready"
    assert problem["detail"] == "no model was placed on this shelf yet"
    assert problem["neighbours"] == {"registry": "ok"}


@pytest.mark.parametrize("path", ["/v1", "/v20", "/v3/models", "/schema/nothing", "/schema/nothing.json"])
def test_an_unknown_path_is_a_problem(client: TestClient[Litestar], path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["title"] == "Not Found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/predictions", "OPTIONS, POST"),
        ("HEAD", "/v1/predictions", "OPTIONS, POST"),
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_a_problem_and_names_the_right_one(
    client: TestClient[Litestar], method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Content-Type"] == "application/problem+json"
    assert sorted(response.headers["Allow"].split(", ")) == allowed.split(", ")


OF_EACH_ANSWER = ("date", "x-request-id", "server-timing")


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/health/live",
        "/schema",
        "/schema/openapi.json",
        "/v1/departures?pickup=161&dropoff=132&date=2024-03-01",
        "/v1/departures?pickup=161",
        "/osrm/table/v1/car/-73.98,40.75;-73.95,40.78",
        "/osrm/nearest/v1/car/-73.98,40.75",
        "/v2",
        "/v2/health/ready",
        "/v2/nowhere",
        "/nowhere",
    ],
)
def test_the_head_of_an_answer_can_be_asked_for_alone(client: TestClient[Litestar], path: str) -> None:
    head, whole = client.head(path), client.get(path)
    assert head.status_code == whole.status_code
    assert head.content == b""
    assert int(head.headers["Content-Length"]) == len(whole.content) > 0
    for headers in (head.headers, whole.headers):
        for name in OF_EACH_ANSWER:
            headers.pop(name, None)
    assert head.headers == whole.headers


def test_the_root_leads_to_the_page_about_the_api(client: TestClient[Litestar]) -> None:
    response = client.get("/", follow_redirects=False)
    assert response.status_code == 302
    assert client.get("/").text == client.get("/schema").text


@pytest.mark.parametrize("path", ["/health", "/schema", "/nowhere", "/v1/predictions"])
def test_every_response_has_an_id_of_its_own(client: TestClient[Litestar], path: str) -> None:
    first, second = (client.get(path).headers["X-Request-Id"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("given", ["trace-17", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
def test_a_sane_request_id_is_taken_over(client: TestClient[Litestar], given: str) -> None:
    for path in ("/health", "/nowhere"):
        assert client.get(path, headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "<script>", 'a"b', "a\tb"])
def test_another_request_id_is_replaced(client: TestClient[Litestar], given: str) -> None:
    headers = client.get("/health", headers={"X-Request-Id": given}).headers
    assert headers.get_list("X-Request-Id") != [given]
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-Id"])


def test_the_hexagon_is_opened_when_the_server_starts_and_closed_when_it_stops(
    client: TestClient[Litestar],
) -> None:
    hexagon: Hexagon = client.app.state.hexagon
    seen: list[str] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[Hexagon]:
        seen.append("opened")
        yield hexagon
        seen.append("closed")

    with TestClient(create_app(opened)) as other:
        assert other.get("/health").status_code == 200
        assert seen == ["opened"]
    assert seen == ["opened", "closed"]


def test_building_the_application_opens_nothing() -> None:
    def refuse() -> Any:
        raise AssertionError("opened")

    first, second = create_app(refuse), create_app(refuse)
    assert first.state is not second.state


# --- the description of the API ---

GATE = {"400", "401", "403", "408", "429", "503"}
ASKED = {"200", "500", *GATE}
TOLD = {*ASKED, "413", "415", "422"}
STATUSES = {
    ("/v1/predictions", "post"): {*TOLD, "409"},
    ("/v1/predictions/batch", "post"): {*TOLD, "409"},
    ("/v1/jobs", "post"): {*TOLD, "202", "404", "409"} - {"200"},
    ("/v1/jobs", "get"): {*ASKED, "422"},
    ("/v1/jobs/{job_id}", "get"): {*ASKED, "404", "422"},
    ("/v1/jobs/{job_id}/result", "get"): {*ASKED, "404", "409", "422"},
    ("/v1/jobs/{job_id}", "delete"): {*ASKED, "204", "404", "422"} - {"200"},
    ("/v1/outcomes", "post"): {*TOLD, "201", "202", "409"},
    ("/v1/outcomes/batch", "post"): {*TOLD, "409"},
    ("/v1/matrix", "post"): TOLD,
    ("/v1/arrivals", "post"): TOLD,
    ("/v1/departures", "get"): {*ASKED, "413", "422"},
    ("/v1/departures", "post"): TOLD,
    ("/v1/nearest", "post"): TOLD,
    ("/v1/reachable", "post"): TOLD,
    ("/v1/models", "get"): {*ASKED, "422"},
    ("/v1/models/{version}", "get"): {*ASKED, "404", "422"},
    ("/v1/models/{version}/promote", "post"): {*TOLD, "404", "409"},
    ("/v1/models/rollback", "post"): {*ASKED, "404", "409", "422"},
    ("/v1/stats", "get"): {*ASKED, "422"},
    ("/health/live", "get"): {"200"},
    ("/health/ready", "get"): {"200", "500", "503"},
    ("/health", "get"): {"200", "500", "503"},
    **{
        (f"/osrm{start}/{service}/v1/{{profile}}/{{coordinates}}", "get"): (
            {"200", "400", "401", "403", "408", "429", "500", "503"}
        )
        for start in ("", "/at/{time}")
        for service in ("table", "route")
    },
}
FILES = {"text/csv", "application/x-ndjson", "application/vnd.apache.parquet"}
NO_JSON = {"/v1/reachable": "application/geo+json", "/v1/jobs/{job_id}/result": "text/csv"}
"""Paths that answer in something else, and what that is."""
OTHER_FORMS = {"OSRM"}
"""Tags of operations whose errors have a form of their own."""


@pytest.fixture(scope="module")
def document(client: TestClient[Litestar]) -> Mapping[str, Any]:
    response = client.get("/schema/openapi.json")
    assert response.status_code == 200
    described: Mapping[str, Any] = response.json()
    return described


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield (path, method), operation


def _references(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def test_every_endpoint_documents_the_statuses_it_can_give(document: Mapping[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {key: set(operation["responses"]) for key, operation in _operations(document)} == STATUSES


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/models", "/v1/models/latest"])
def test_who_takes_no_parameter_refuses_every_one(
    client: TestClient[Litestar], operator: Mapping[str, str], path: str
) -> None:
    response = client.get(path, params={"verbose": 1}, headers=operator)
    assert response.status_code == 422
    assert response.json()["detail"] == "there is no parameter 'verbose', nor any other"
    assert client.options(path, params={"verbose": 1}).status_code == 204


def test_operations_have_names_of_their_own(document: Mapping[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in _operations(document)]
    assert len(names) == len(set(names)) == len(STATUSES)
    assert all(re.fullmatch("[a-zA-Z-]{4,}", name) for name in names)


def test_every_error_is_documented_as_a_problem_with_an_example(document: Mapping[str, Any]) -> None:
    for (path, _), operation in _operations(document):
        takes_keys = any(
            parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ())
        )
        if OTHER_FORMS & set(operation["tags"]):
            continue
        for status, response in operation["responses"].items():
            passes = status in ("429", "503") or (status == "409" and takes_keys)
            assert "X-Request-Id" in response["headers"]
            assert ("Retry-After" in response["headers"]) == passes
            assert ("WWW-Authenticate" in response["headers"]) == (status == "401")
            if status == "204":
                assert "content" not in response
                continue
            if status.startswith("2"):
                usual = NO_JSON.get(path, "application/json")
                packed = path.startswith("/v1/") and usual == "application/json"
                assert usual in response["content"]
                assert ("application/vnd.msgpack" in response["content"]) == packed
                continue
            [(media_type, media)] = response["content"].items()
            assert media_type == "application/problem+json"
            name = media["schema"]["$ref"].rpartition("/")[2]
            [example] = media["examples"].values()
            problem = msgspec.convert(example["value"], getattr(problems, name))
            assert str(problem.status) == status


def test_every_reference_of_the_document_leads_somewhere(document: Mapping[str, Any]) -> None:
    references = set(_references(document))
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_what_is_taken_as_json_is_taken_as_messagepack_too(document: Mapping[str, Any]) -> None:
    taken = {
        path: set(operation["requestBody"]["content"])
        for (path, _), operation in _operations(document)
        if "requestBody" in operation
    }
    formats = {"application/json", "application/vnd.msgpack"}
    for path in ("/v1/predictions/batch", "/v1/outcomes/batch"):
        assert taken.pop(path) == {*formats, "application/x-ndjson"}
    assert taken.pop("/v1/matrix") == formats
    assert taken.pop("/v1/jobs") == {*FILES, "application/jsonl"}
    assert all(found == formats for path, found in taken.items() if path.startswith("/v1/"))


def test_the_examples_of_every_body_can_be_decoded(document: Mapping[str, Any]) -> None:
    decoded, structs = 0, {struct.__name__: struct for struct in EXAMPLES}
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            # By way of JSON: some answers hold arrays that are written already.
            decode(msgspec.json.encode(example), structs[name])
            decoded += 1
    assert decoded >= 20


def test_the_example_requests_are_documented_as_decoding_takes_them(document: Mapping[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["PredictionBody"]["additionalProperties"] is False
    assert set(schemas["PredictionBody"]["required"]) == {"pickup", "dropoff"}
    kinds = [schemas[kind["$ref"].rpartition("/")[2]] for kind in schemas["PlaceBody"]["oneOf"]]
    assert [kind["required"] for kind in kinds] == [["lat", "lon"], ["zone"]]
    assert all(kind["additionalProperties"] is False for kind in kinds)
    assert kinds[1]["properties"]["zone"]["minimum"] == 0


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
def test_the_page_about_the_api_needs_nothing_from_elsewhere(client: TestClient[Litestar], path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert not re.findall(r"https?:|//[a-z]|<script|<link|<img|@import|url\(", response.text)
    for path_ in ("/v1/predictions", "/health/ready", "application/problem+json", "PredictionBody"):
        assert path_ in response.text


def test_the_page_about_the_api_begins_with_what_it_is_for_and_leads_to_all_of_it(
    client: TestClient[Litestar], document: Mapping[str, Any]
) -> None:
    page = client.get("/schema").text
    index = page.partition("<nav>")[2].partition("</nav>")[0]
    links = re.findall(r'href="#([^"]+)"', index)
    assert links[0] == "predict"
    names = [operation["operationId"] for _, operation in _operations(document)]
    assert sorted(links) == sorted([*names, "bodies"])
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_every_operation_has_one_tag_that_is_described(document: Mapping[str, Any]) -> None:
    described = [tag["name"] for tag in document["tags"]]
    tags = [operation["tags"] for _, operation in _operations(document)]
    assert all(len(each) == 1 for each in tags)
    assert {tag for [tag] in tags} == set(described)
    assert described[0] == "predictions"


def test_numbers_in_osrms_queries_are_described_as_numbers(
    client: TestClient[Litestar], document: Mapping[str, Any]
) -> None:
    operation = document["paths"]["/osrm/table/v1/{profile}/{coordinates}"]["get"]
    kinds = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    for name in ("scale_factor", "fallback_speed"):
        assert kinds[name] == {"type": "number", "exclusiveMinimum": 0}
    assert "number above 0" in client.get("/schema").text
