#!/bin/sh
# Lays out what the container image holds, from a finished release build: the program, the shared
# libraries that it needs and nothing else, the certificates of the system's authorities, the few
# files libc wants, the licences of all of it and its bill of materials (SPDX).
#
#   deploy/rootfs.sh PROGRAM FOLDER     FOLDER/rootfs goes to /, FOLDER/state to /var/lib
#
# Two runs make the same bytes: times are SOURCE_DATE_EPOCH's. 65532 is the "nonroot" user of
# distroless images. The state is its group's too, which is 0: that is the group of a user that has
# no entry (OpenShift, docker run --user).
set -eu
program=$1
root=$2/rootfs
state=$2/state/noveum-gateway
here=$(dirname "$0")

rm -rf "$2"
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/var/lib" "$state"
chmod 1777 "$root/tmp"
chmod 0770 "$state"
cp "$program" "$root/usr/bin/noveum-gateway"
strip "$root/usr/bin/noveum-gateway" 2>/dev/null || true

# Loaded by name when they are needed (base/late.h, kafka/rd.h), so the program's own list does not have them.
late=
for name in libcurl.so.4 libcrypto.so.3 libssl.so.3 libsqlite3.so.0 librdkafka.so.1; do
    late="$late $(ldconfig -p 2>/dev/null | awk -v name="$name" '$1 == name { print $NF; exit }')"
done
for file in $late; do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
done

# ldd prints "name => /path (address)" and "/path (address)" for the loader
for file in "$program" $late; do ldd "$file"; done | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532:nonroot:/var/lib/noveum-gateway:/nonexistent' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
python3 "$here/bill.py" "$root"
find "$root" -path "$root/tmp" -prune -o -type d -exec chmod 0755 {} +
find "$root" -type f ! -perm -0100 -exec chmod 0644 {} +
find "$root" -type f -perm -0100 -exec chmod 0755 {} +
find "$2" -depth -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
