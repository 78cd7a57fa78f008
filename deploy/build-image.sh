#!/bin/sh
# Builds the container image noveum-gateway with whatever builder there is: docker, podman, buildah.
#
#   deploy/build-image.sh [PROGRAM]
#
# Without PROGRAM, deploy/Dockerfile is used, which builds in Debian's image; when that image cannot
# be fetched, or with PROGRAM, the image is made from the host's own build. Where the builder cannot
# use its normal storage (inside a sandbox), the image goes to build/image.tar (docker-archive).
set -eu
cd "$(dirname "$0")/.."
name=noveum-gateway
version=$(sed -n 's/^project(.*VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
program=${1:-}
say() { echo "image: $*" >&2; }

builder=""
for candidate in docker podman buildah; do
    command -v "$candidate" >/dev/null || continue
    [ "$candidate" = buildah ] || "$candidate" info >/dev/null 2>&1 || continue
    builder=$candidate
    break
done
[ -n "$builder" ] || {
    say "no docker, podman or buildah that works here; tools/install-dependencies.sh image gets buildah"
    exit 3
}

build() { # FILE CONTEXT, with the builder's normal storage
    if [ "$builder" = buildah ]; then
        buildah bud -q -t "$name:$version" -t "$name:latest" -f "$1" "$2"
    else
        "$builder" build -q -t "$name:$version" -t "$name:latest" -f "$1" "$2"
    fi
}

if [ -z "$program" ] && build deploy/Dockerfile . >/dev/null 2>build/image.log; then
    say "built $name:$version with $builder from deploy/Dockerfile"
    exit 0
fi

if [ -z "$program" ]; then
    say "could not build in Debian's image (build/image.log); building from this host"
    make build >/dev/null
    program=build/release/noveum-gateway
fi
rm -rf build/image
mkdir -p build/image/context
deploy/rootfs.sh "$program" build/image/context/rootfs
mv build/image/context/rootfs/state build/image/context/state
if build deploy/Dockerfile.host build/image/context >/dev/null 2>>build/image.log; then
    say "built $name:$version with $builder"
    exit 0
fi

command -v buildah >/dev/null || { tail -20 build/image.log >&2; exit 1; }
say "no normal storage here; building with buildah's vfs driver and chroot isolation"
storage=build/image/storage
mkdir -p "$storage"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >build/image/policy.json
: >build/image/registries.conf
CONTAINERS_REGISTRIES_CONF=$PWD/build/image/registries.conf
export CONTAINERS_REGISTRIES_CONF
sandboxed() {
    buildah --storage-driver vfs --root "$PWD/$storage/root" --runroot "$PWD/$storage/run" "$@"
}
sandboxed bud -q --isolation chroot --signature-policy build/image/policy.json --timestamp 0 \
    -t "$name:$version" -f deploy/Dockerfile.host build/image/context >/dev/null
rm -f build/image.tar
sandboxed push -q --signature-policy build/image/policy.json "$name:$version" \
    "docker-archive:build/image.tar:$name:$version"
rm -rf "$storage"
say "built build/image.tar ($(du -h build/image.tar | cut -f 1)); load it with: docker load -i build/image.tar"
