#!/bin/sh
# Builds the container image noveum-gateway with whatever builder there is: docker, podman, buildah.
# Nothing else is needed on this machine: what is compiled is compiled in BASE.
#
#   deploy/build-image.sh [PROGRAM]
#
#   BUILDER=podman       that one and no other
#   BASE=IMAGE           what it is built in (debian:12-slim): a mirror's, or one of your own
#   IMAGE_FLAGS="..."    for the builder, as --isolation chroot or --network host where it needs them
#
# With PROGRAM the image is made from that program and this machine's libraries, and so it is, from
# `make build`, where BASE can't be had. build/image.tar is the image for `docker load`, and all of
# it where the builder cannot use its normal storage (inside a sandbox).
#
# Two builds of a commit in one BASE are one digest, which it prints: times are the commit's, and what
# is the builder's own is taken out (deploy/stable.py, by Python).
set -eu
cd "$(dirname "$0")/.."
name=noveum-gateway
version=$(sed -n 's/^project(.*VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
program=${1:-}
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || cat cmake/commit.txt)
case "$commit" in *[!0-9a-f]* | "") commit=unknown ;; esac # neither a clone nor an archive of one
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
say() { echo "image: $*" >&2; }
mkdir -p build

builder=""
for candidate in ${BUILDER:-docker podman buildah}; do
    command -v "$candidate" >/dev/null || continue
    [ "$candidate" = buildah ] || "$candidate" info >/dev/null 2>&1 || continue
    builder=$candidate
    break
done
[ -n "$builder" ] || {
    say "no ${BUILDER:-docker, podman or buildah} that works here; tools/install-dependencies.sh image gets podman and buildah"
    exit 3
}

# HEALTHCHECK is of Docker's format alone, so that is what podman and buildah write.
build() { # FILE CONTEXT [FLAG...], with the builder's normal storage
    file=$1 context=$2
    shift 2
    set -- "$@" ${IMAGE_FLAGS:-} -q -f "$file" -t "$name:$version" -t "$name:latest" \
        --build-arg "COMMIT=$commit" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH"
    case "$builder" in
    docker) DOCKER_BUILDKIT=1 docker build "$@" "$context" ;;
    podman) podman build --layers=false --format docker --timestamp "$SOURCE_DATE_EPOCH" "$@" "$context" ;;
    buildah) buildah ${storage_flags:-} bud --format docker --timestamp "$SOURCE_DATE_EPOCH" "$@" "$context" ;;
    esac
}

settle() { # build/image.raw.tar -> build/image.tar
    rm -f build/image.tar
    if command -v python3 >/dev/null; then
        python3 deploy/stable.py build/image.raw.tar build/image.tar "$name" "$version" latest >build/image.id
        rm build/image.raw.tar
    else
        say "no python3: the digest is this build's alone"
        mv build/image.raw.tar build/image.tar
        wc -c <build/image.tar >build/image.id
    fi
}

built() { # FROM: through settle and back into the builder's storage
    rm -f build/image.raw.tar
    case "$builder" in
    docker) docker save -o build/image.raw.tar "$name:$version" && settle && docker load -q -i build/image.tar ;;
    podman)
        podman save -q --format docker-archive -o build/image.raw.tar "$name:$version" && settle &&
            podman load -q -i build/image.tar
        ;;
    buildah)
        buildah push -q "$name:$version" "docker-archive:build/image.raw.tar:$name:$version" && settle &&
            buildah pull -q docker-archive:build/image.tar
        ;;
    esac >>build/image.log 2>&1 || { tail -20 build/image.log >&2; exit 1; }
    say "built $name:$version with $builder $1: $(cat build/image.id)"
}

if [ -z "$program" ]; then
    if build deploy/Dockerfile . ${BASE:+--build-arg "BASE=$BASE"} >build/image.log 2>&1; then
        built "from deploy/Dockerfile"
        exit 0
    fi
    say "could not build in ${BASE:-debian:12-slim} (build/image.log); building on this machine"
    make build >/dev/null
    program=build/release/noveum-gateway
fi
deploy/rootfs.sh "$program" build/image/context
if build deploy/Dockerfile.host build/image/context >>build/image.log 2>&1; then
    built "from $program"
    exit 0
fi

command -v buildah >/dev/null || { tail -20 build/image.log >&2; exit 1; }
say "no normal storage here; building with buildah's vfs driver and chroot isolation"
builder=buildah
storage=$PWD/build/image/storage
mkdir -p "$storage"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >build/image/policy.json
: >build/image/registries.conf
CONTAINERS_REGISTRIES_CONF=$PWD/build/image/registries.conf
export CONTAINERS_REGISTRIES_CONF
storage_flags="--storage-driver vfs --root $storage/root --runroot $storage/run"
build deploy/Dockerfile.host build/image/context --isolation chroot --signature-policy build/image/policy.json >>build/image.log
rm -f build/image.raw.tar
buildah $storage_flags push -q --signature-policy build/image/policy.json "$name:$version" \
    "docker-archive:build/image.raw.tar:$name:$version"
rm -rf "$storage"
settle
say "built build/image.tar: $(cat build/image.id); load it with: docker load -i build/image.tar"
