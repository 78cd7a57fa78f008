#!/bin/sh
# Makes the layer for AWS Lambda: build/dist/noveum-gateway-lambda-VERSION-ARCH.zip, below /opt in a function's environment.
#
#   tools/lambda-layer.sh [PROGRAM [ZIP]]   build/release/noveum-gateway
#
#   extensions/noveum-gateway             what Lambda starts; registers by this name
#   noveum-gateway/...                    the program with its libraries (tools/portable.sh): runtimes have other libcs
#
# The same bytes of the same program: order, times and modes are set here.
set -eu
cd "$(dirname "$0")/.."
program=${1:-build/release/noveum-gateway}
[ -x "$program" ] || { echo "lambda-layer: no program at $program: make build" >&2; exit 1; }
version=$(sed -n 's/^project(.*VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
zip=${2:-build/dist/noveum-gateway-lambda-$version-$(uname -m).zip}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$(dirname "$zip")" "$work/extensions"
tools/portable.sh "$program" "$work/noveum-gateway"
printf '#!/bin/sh\nNOVEUM_PORTABLE=/opt/noveum-gateway\nexport NOVEUM_PORTABLE\n. /opt/noveum-gateway/bin/noveum-gateway\n' >"$work/extensions/noveum-gateway"
chmod 755 "$work/extensions/noveum-gateway"
python3 - "$work" "$zip" <<'END'
import pathlib, sys, zipfile
top, out = pathlib.Path(sys.argv[1]), sys.argv[2]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as layer:
    for path in sorted(p for p in top.rglob("*") if p.is_file()):
        info = zipfile.ZipInfo(str(path.relative_to(top)), (1980, 1, 1, 0, 0, 0))
        info.external_attr = (0o100000 | (0o755 if path.stat().st_mode & 0o100 else 0o644)) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        layer.writestr(info, path.read_bytes())
END
ls -l "$zip"
