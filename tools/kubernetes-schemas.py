#!/usr/bin/env python3
"""Write JSON schemas of Kubernetes' own kinds, and of resource definitions, in the form that kubeconform reads offline.

    tools/kubernetes-schemas.py FOLDER FILE...

FILE: OpenAPI v3 documents of an API server, or folders of them (sigs.k8s.io/kubectl-validate has them as a Go module), and
CustomResourceDefinitions, as JSON. Each kind becomes FOLDER/kind-group-version.json; a member that its schema does not know is refused.
"""
import json
import pathlib
import sys

REFERENCE = "#/components/schemas/"


def closed(node):
    """The schema with references to its own definitions, where only known members may stand."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    out = {key: closed(value) for key, value in node.items() if key != "default"}
    if isinstance(out.get("$ref"), str):
        out["$ref"] = out["$ref"].replace(REFERENCE, "#/definitions/")
    if isinstance(out.get("properties"), dict) and "additionalProperties" not in out and not out.get("x-kubernetes-preserve-unknown-fields"):
        out["additionalProperties"] = False
    return out


def loosened(definitions):
    """Types that take a number or a text, as Kubernetes means them."""
    for name in definitions:
        if name.endswith((".IntOrString", ".Quantity")):
            definitions[name] = {"oneOf": [{"type": "string"}, {"type": "number"}]}
        elif name.endswith(".Time"):
            definitions[name] = {"type": ["string", "null"]}
    return definitions


def write(folder, kind, group, version, schema):
    parts = [kind.lower(), *([group.split(".")[0]] if group else []), version]
    (folder / ("-".join(parts) + ".json")).write_text(json.dumps(schema), "utf-8")


def from_openapi(folder, text):
    schemas = json.loads(text).get("components", {}).get("schemas", {})
    definitions = loosened(closed(schemas))
    for name, schema in schemas.items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            if len(schema.get("x-kubernetes-group-version-kind")) == 1:
                write(folder, kind["kind"], kind["group"], kind["version"], {**definitions[name], "definitions": definitions})


def from_definition(folder, text):
    crd = json.loads(text)["spec"]
    for version in crd["versions"]:
        schema = closed(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        write(folder, crd["names"]["kind"], crd["group"], version["name"], schema)


def main():
    """Command line."""
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        path = pathlib.Path(name)
        for one in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            text = one.read_text("utf-8")
            (from_definition if json.loads(text).get("kind") == "CustomResourceDefinition" else from_openapi)(folder, text)


if __name__ == "__main__":
    main()
