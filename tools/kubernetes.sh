#!/bin/sh
# Gets what checks the chart without a cluster into build/kubernetes, by Go's module proxy: helm, kubeconform, and Kubernetes' own
# schemas (of kubectl-validate) with the ServiceMonitor's. Does nothing when they are there.
#
#   tools/kubernetes.sh             exit 77 where Go or a module is not to be had
#   tools/kubernetes.sh --render    writes deploy/kubernetes/*.yaml out of the chart
set -eu
cd "$(dirname "$0")/.."
to=$PWD/build/kubernetes
kubernetes=1.30
say() { echo "kubernetes: $*" >&2; }

if [ "${1:-}" = --render ]; then
    for set in one deployment collector kafka; do
        {
            echo "# Rendered from deploy/helm/noveum-gateway with ci/$set-values.yaml by tools/kubernetes.sh --render; edit those."
            "$to/bin/helm" template noveum-gateway deploy/helm/noveum-gateway --namespace noveum --kube-version "$kubernetes" \
                -f "deploy/helm/noveum-gateway/ci/$set-values.yaml"
        } >"deploy/kubernetes/$set.yaml"
    done
    exit 0
fi

[ -e "$to/.done" ] && exit 0
command -v go >/dev/null || { say "no go: its module proxy has helm and kubeconform"; exit 77; }
mkdir -p "$to/bin"
export GOBIN="$to/bin" GOFLAGS=-mod=mod
get() {
    say "building $1"
    go install "$1" || { say "not to be had: $1"; exit 77; }
}
folder_of() { # the folder of a module's source
    (cd "$to" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
}
[ -x "$to/bin/kubeconform" ] || get github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0
[ -x "$to/bin/helm" ] || get helm.sh/helm/v3/cmd/helm@v3.22.0
openapi=$(folder_of sigs.k8s.io/kubectl-validate@v0.0.4)/pkg/openapiclient/builtins/$kubernetes
operator=$(folder_of github.com/prometheus-operator/prometheus-operator@v0.85.0)
python=python3
[ ! -x build/venv/bin/python ] || python=build/venv/bin/python
"$python" tools/kubernetes-schemas.py "$to/schemas" "$openapi" \
    "$operator/jsonnet/prometheus-operator/servicemonitors-crd.json"
touch "$to/.done"
