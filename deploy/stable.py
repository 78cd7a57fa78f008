#!/usr/bin/env python3
"""Takes out of an image what is its builder's own, so that the same contents have the same digest, whoever built it.

    deploy/stable.py IN OUT NAME TAG...      archives as `docker save` writes them; prints digest and bytes

Docker's format notes the name and the host of the container that an image was made in, podman and buildah their version. Layers are
taken as they are.
"""
import hashlib
import io
import json
import sys
import tarfile

BUILDERS_OWN = ("container", "container_config", "docker_version", "id", "parent", "moby.buildkit.buildinfo.v1")


def settled(config):
    """The configuration without what is of the builder or its container."""
    config = {key: value for key, value in config.items() if key not in BUILDERS_OWN}
    run = {key: value for key, value in config["config"].items() if key not in ("Hostname", "Image")}
    run["Labels"] = {key: value for key, value in (run.get("Labels") or {}).items() if not key.startswith("io.buildah.")}
    history = [{"created": config["created"], "created_by": "deploy/Dockerfile"} for _ in config["rootfs"]["diff_ids"]]
    return {**config, "config": run, "history": history}


def put(out, name, data):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    out.addfile(entry, io.BytesIO(data))


def main():
    """Command line."""
    source, target, name, *tags = sys.argv[1:]
    with tarfile.open(source) as image, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as out:
        (manifest,) = json.load(image.extractfile("manifest.json"))
        config = settled(json.load(image.extractfile(manifest["Config"])))
        layers = [(digest.removeprefix("sha256:") + ".tar", image.extractfile(layer).read())
                  for digest, layer in zip(config["rootfs"]["diff_ids"], manifest["Layers"])]
        text = json.dumps(config, sort_keys=True).encode()
        digest = hashlib.sha256(text).hexdigest()
        for layer, data in layers:
            put(out, layer, data)
        put(out, digest + ".json", text)
        put(out, "manifest.json", json.dumps([{"Config": digest + ".json", "RepoTags": [f"{name}:{tag}" for tag in tags],
                                               "Layers": [layer for layer, _ in layers]}]).encode())
    print(f"sha256:{digest} {sum(len(data) for _, data in layers)} bytes")


if __name__ == "__main__":
    main()
