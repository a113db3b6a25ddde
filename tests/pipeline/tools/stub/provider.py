"""The stand-in itself: Terraform starts it and talks to it by gRPC, protocol 6.

The file that STUB_SCHEMA names is what ``schema.py`` has written.
"""

import base64
import json
import os
import tempfile
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import msgpack
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, grpc_stdio_pb2_grpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc
from tf.runner import _self_signed_cert

UNKNOWN = msgpack.ExtType(0, b"\x00")
SCHEMA = json.loads(Path(os.environ["STUB_SCHEMA"]).read_text("utf-8"))
ALIVE_S = 600
Invent = Callable[[str, str, str], Any]


def read(value: Any) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json)


def packed(value: Any) -> Any:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def block_of(block: Any) -> Any:
    found = pb.Schema.Block()
    for name, one in block["attrs"].items():
        found.attributes.add(
            name=name,
            type=one["type"].encode(),
            required=one["required"],
            optional=one["optional"],
            computed=one["computed"],
        )
    for name, one in block["blocks"].items():
        nesting = pb.Schema.NestedBlock.SINGLE if one["single"] else pb.Schema.NestedBlock.LIST
        found.block_types.add(
            type_name=name, block=block_of(one["block"]), nesting=nesting, min_items=one["min"]
        )
    return found


def schema_of(block: Any) -> Any:
    return pb.Schema(version=0, block=block_of(block))


def invented(kind: str, name: str, resource: str) -> Any:
    """Some value of *kind* for what AWS would compute."""
    plain = json.loads(kind)
    if plain == "string":
        return f"stub-{resource}-{name}"
    if plain in ("number", "bool"):
        return 0 if plain == "number" else False
    if isinstance(plain, list) and plain[0] == "list":
        return [invented(json.dumps(plain[1]), f"{name}{index}", resource) for index in (0, 1)]
    return {} if isinstance(plain, list) and plain[0] == "map" else None


def unknown(kind: str, name: str, resource: str) -> Any:
    return UNKNOWN


def computed(block: Any, value: Any, resource: str, invent: Invent) -> Any:
    """*value* with what nobody has set and AWS would compute."""
    for name, one in block["attrs"].items():
        if one["computed"] and (value.get(name) is None or isinstance(value[name], msgpack.ExtType)):
            value[name] = invent(one["type"], name, resource)
    for name, one in block["blocks"].items():
        inner = value.get(name)
        for part in inner if isinstance(inner, list) else [inner]:
            if isinstance(part, dict):
                computed(one["block"], part, resource, invent)
    return value


class Provider(rpc.ProviderServicer):  # type: ignore[misc] # made by a generator, without types
    def GetMetadata(self, request: Any, context: Any) -> Any:
        return pb.GetMetadata.Response(
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in SCHEMA["resources"]],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=name) for name in SCHEMA["data"]],
        )

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return pb.GetProviderSchema.Response(
            provider=schema_of(SCHEMA["provider"]),
            resource_schemas={name: schema_of(block) for name, block in SCHEMA["resources"].items()},
            data_source_schemas={name: schema_of(block) for name, block in SCHEMA["data"].items()},
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=packed(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        value = read(request.proposed_new_state)
        if value is not None and read(request.prior_state) is None:
            value = computed(SCHEMA["resources"][request.type_name], value, request.type_name, unknown)
        return pb.PlanResourceChange.Response(planned_state=packed(value))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        value = read(request.planned_state)
        if value is not None:
            value = computed(SCHEMA["resources"][request.type_name], value, request.type_name, invented)
        return pb.ApplyResourceChange.Response(new_state=packed(value))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        value = computed(SCHEMA["data"][request.type_name], read(request.config), request.type_name, invented)
        return pb.ReadDataSource.Response(state=packed(value))

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return pb.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


class Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):  # type: ignore[misc] # as above
    def __init__(self, end: Event) -> None:
        self._end = end

    def Shutdown(self, request: Any, context: Any) -> Any:
        self._end.set()
        return grpc_controller_pb2.Empty()


class Output(grpc_stdio_pb2_grpc.GRPCStdioServicer):  # type: ignore[misc] # as above
    def StreamStdio(self, request: Any, context: Any) -> Any:
        return iter([])


def main() -> None:
    unbounded = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=unbounded)
    end = Event()
    rpc.add_ProviderServicer_to_server(Provider(), server)
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(Controller(end), server)
    grpc_stdio_pb2_grpc.add_GRPCStdioServicer_to_server(Output(), server)
    with tempfile.TemporaryDirectory() as folder:
        certificate, credentials = _self_signed_cert()
        server.add_secure_port(f"unix://{folder}/socket", credentials)
        server.start()
        shown = base64.b64encode(certificate).decode().rstrip("=")
        print(f"1|6|unix|{folder}/socket|grpc|{shown}", flush=True)  # noqa: T201 # how Terraform finds it
        end.wait(ALIVE_S)
        server.stop(0.1)


if __name__ == "__main__":
    main()
