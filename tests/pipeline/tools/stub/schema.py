"""Read the schema of resources from the wheel of ``cdktf-cdktf-provider-aws``, which describes all of them.

Run as ``python schema.py WHEEL aws_vpc data.aws_availability_zones ... > schema.json``.
"""

import gzip
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

__all__ = ["Bindings"]

PRIMITIVES = {"string": '"string"', "number": '"number"', "boolean": '"bool"', "any": '"dynamic"'}
OF_TERRAFORM = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
Type = Mapping[str, Any]


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _primitive(kind: Type) -> str | None:
    """The type *kind* in Terraform's own notation, or None where it is a block."""
    if "primitive" in kind:
        return PRIMITIVES[kind["primitive"]]
    if "union" in kind:
        one = next(one for one in kind["union"]["types"] if one.get("fqn") != "cdktf.IResolvable")
        return _primitive(one)
    if "collection" in kind:
        inner = _primitive(kind["collection"]["elementtype"])
        outer = "list" if kind["collection"]["kind"] == "array" else "map"
        return None if inner is None else f'["{outer}",{inner}]'
    return {"cdktf.StringMap": '["map","string"]', "cdktf.IResolvable": '"bool"'}.get(kind.get("fqn", ""))


def _structure(kind: Type) -> str | None:
    """The structure that *kind* is one of, or several of."""
    if "union" in kind:
        return next((name for one in kind["union"]["types"] if (name := _structure(one))), None)
    if "collection" in kind:
        return _structure(kind["collection"]["elementtype"])
    name: str = kind.get("fqn", "")
    return name if name.startswith("@cdktf/provider-aws.") else None


class Bindings:
    """What the wheel at *path* says."""

    def __init__(self, path: str) -> None:
        wheel = zipfile.ZipFile(path)
        name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        self._package = tarfile.open(fileobj=io.BytesIO(wheel.read(name)))  # noqa: SIM115 # read until the end
        self._members = {member.name: member for member in self._package.getmembers()}

    def _read(self, name: str) -> bytes:
        file = self._package.extractfile(self._members[name])
        assert file is not None
        return file.read()

    @cached_property
    def _types(self) -> Mapping[str, Any]:
        if "package/.jsii.gz" in self._members:
            content = json.loads(gzip.decompress(self._read("package/.jsii.gz")))
        else:
            content = json.loads(self._read("package/.jsii"))
            if content.get("schema") == "jsii/file-redirect":
                content = json.loads(gzip.decompress(self._read(f"package/{content['filename']}")))
        types: Mapping[str, Any] = content["types"]
        return types

    def schema(self, wanted: Iterable[str]) -> dict[str, Any]:
        """The blocks of the provider and of what is *wanted*, such as ``aws_vpc``."""
        found: dict[str, Any] = {"resources": {}, "data": {}}
        found["provider"] = self._block("@cdktf/provider-aws.provider.AwsProviderConfig", {})
        for name in wanted:
            is_data = name.startswith("data.")
            kind = name.removeprefix("data.")
            found["data" if is_data else "resources"][kind] = self._resource(kind, is_data=is_data)
        return found

    def _resource(self, kind: str, *, is_data: bool) -> dict[str, Any]:
        base = ("data_aws_" if is_data else "") + kind.removeprefix("aws_")
        folder = base.replace("_", "-")
        source = self._read(f"package/lib/{folder}/index.js").decode()
        flags = {
            name: computed == "true"
            for name, computed in re.findall(r"// (\w+) - computed: (\w+), optional: \w+", source)
        }
        space = re.sub(r"_(\w)", lambda letter: letter[1].upper(), base)
        bases = ("cdktf.TerraformResource", "cdktf.TerraformDataSource")
        name = next(
            name
            for name, one in self._types.items()
            if one.get("kind") == "class" and one.get("namespace") == space and one.get("base") in bases
        )
        # Its generator calls it otherwise where a name is taken by a resource.
        config = next(one for one in (f"{name}Config", f"{name}ConfigA") if one in self._types)
        block = self._block(config, flags)
        for attribute, kind_of in self._computed(name, block, flags):
            block["attrs"][attribute] = {
                "type": kind_of,
                "required": False,
                "optional": False,
                "computed": True,
            }
        if "tags_all" in block["attrs"]:
            block["attrs"]["tags_all"]["computed"] = True
        block["attrs"].setdefault("id", {"type": '"string"', "required": False, "optional": True})
        block["attrs"]["id"]["computed"] = True
        return block

    def _computed(
        self, name: str, block: Mapping[str, Any], flags: Mapping[str, bool]
    ) -> Iterator[tuple[str, str]]:
        """What the class *name* tells and nobody sets."""
        for one in self._types[name].get("properties", []):
            attribute = _snake(one["name"])
            known = attribute in block["attrs"] or attribute in block["blocks"] or attribute not in flags
            if not (one.get("static") or one["name"].endswith("Input") or known):
                yield attribute, _primitive(one["type"]) or '"dynamic"'

    def _block(self, structure: str, flags: Mapping[str, bool], *, is_inner: bool = False) -> dict[str, Any]:
        block: dict[str, Any] = {"attrs": {}, "blocks": {}}
        for one in self._types[structure].get("properties", []):
            named = re.findall(r"#(\w+)", one.get("docs", {}).get("summary", ""))
            name, optional = named[-1] if named else _snake(one["name"]), bool(one.get("optional"))
            if name in OF_TERRAFORM and not is_inner:
                continue
            inner = _structure(one["type"])
            if inner is None:
                block["attrs"][name] = {
                    "type": _primitive(one["type"]) or '"dynamic"',
                    "required": not optional,
                    "optional": optional,
                    "computed": optional and flags.get(name, False),
                }
            else:
                block["blocks"][name] = {
                    "min": 0 if optional else 1,
                    "single": name == "timeouts",
                    "block": self._block(inner, flags, is_inner=True),
                }
        return block


if __name__ == "__main__":
    json.dump(Bindings(sys.argv[1]).schema(sys.argv[2:]), sys.stdout)
