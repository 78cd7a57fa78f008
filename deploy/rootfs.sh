#!/bin/sh
# Lays out the root file system of the container image from a finished release build: the program,
# the shared libraries it needs and nothing else, the certificates of the system's authorities, and
# the few files libc wants. 65532 is the "nonroot" user of distroless images.
#
#   deploy/rootfs.sh PROGRAM FOLDER
set -eu
program=$1
root=$2

rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/state"
chmod 1777 "$root/tmp"
cp "$program" "$root/usr/bin/noveum-gateway"
strip "$root/usr/bin/noveum-gateway" 2>/dev/null || true

# Loaded by name when a role needs Kafka (kafka/rd.h), so the program's own list does not have it.
kafka=$(ldconfig -p 2>/dev/null | awk '$1 == "librdkafka.so.1" { print $NF; exit }')
if [ -n "$kafka" ]; then
    mkdir -p "$root$(dirname "$kafka")"
    cp -L "$kafka" "$root$kafka"
fi

# ldd prints "name => /path (address)" and "/path (address)" for the loader
for file in "$program" $kafka; do ldd "$file"; done | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532:nonroot:/var/lib/noveum-gateway:/nonexistent' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
