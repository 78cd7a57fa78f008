#!/bin/sh
# Lays out the program with every library that it needs, the loader among them, so that it runs on any Linux of this
# architecture whatever libc that has.
#
#   tools/portable.sh PROGRAM FOLDER      FOLDER/bin/noveum-gateway starts it; FOLDER can be moved
#
# Why not one static file: libcurl's archive wants Kerberos and LDAP, of which Debian has no archives, and a static glibc can
# load neither librdkafka nor the name services of the machine. This is the same closure that the container image has.
set -eu
program=${1:?usage: tools/portable.sh PROGRAM FOLDER}
folder=${2:?usage: tools/portable.sh PROGRAM FOLDER}
top=$(cd "$(dirname "$0")/.." && pwd)

rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib" "$folder/libexec" "$folder/share"
cp "$program" "$folder/libexec/noveum-gateway"
strip "$folder/libexec/noveum-gateway" 2>/dev/null || true
# Loaded by name when they are needed (base/late.h, kafka/rd.h).
late=
for name in libcurl.so.4 libcrypto.so.3 libssl.so.3 libsqlite3.so.0 librdkafka.so.1; do
    late="$late $(ldconfig -p 2>/dev/null | awk -v name="$name" '$1 == name { print $NF; exit }')"
done
for file in $late; do cp -L "$file" "$folder/lib/"; done
# names are looked up by libraries that are loaded when they are needed
for file in "$program" $late; do ldd "$file"; done | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
    while read -r library; do cp -L "$library" "$folder/lib/"; done
loader=$(cd "$folder/lib" && ls | grep '^ld-linux' | head -1)
[ -n "$loader" ] || { echo "portable: no loader among what ldd says of $program" >&2; exit 1; }
cp -L /etc/ssl/certs/ca-certificates.crt "$folder/share/"
cp "$top/LICENSE" "$folder/share/"

cat >"$folder/bin/noveum-gateway" <<END
#!/bin/sh
# Starts the program with the libraries beside it. Authorities: the system's, where they have a place that is known.
place=\${NOVEUM_PORTABLE:-\$(dirname "\$(readlink -f "\$0")")/..}
if [ -z "\${NOVEUM_GATEWAY_EXPORTER_NOVEUM_CA_BUNDLE:-}" ] || [ -z "\${NOVEUM_GATEWAY_TELEMETRY_OTLP_CA_BUNDLE:-}" ]; then
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem /etc/ssl/ca-bundle.pem \\
        "\$place/share/ca-certificates.crt"; do
        [ ! -r "\$bundle" ] || break
    done
    export NOVEUM_GATEWAY_EXPORTER_NOVEUM_CA_BUNDLE="\${NOVEUM_GATEWAY_EXPORTER_NOVEUM_CA_BUNDLE:-\$bundle}"
    export NOVEUM_GATEWAY_TELEMETRY_OTLP_CA_BUNDLE="\${NOVEUM_GATEWAY_TELEMETRY_OTLP_CA_BUNDLE:-\$bundle}"
fi
exec "\$place/lib/$loader" --argv0 "\$0" --library-path "\$place/lib" "\$place/libexec/noveum-gateway" "\$@"
END
chmod 755 "$folder/bin/noveum-gateway" "$folder/lib/$loader"
