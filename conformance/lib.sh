# Shared by the scripts of this folder: source it, do not run it.
# Whatever is fetched or built goes to ${GANTRY_CACHE:-/var/cache/gantry} and is used again by the next run.
# shellcheck shell=bash

set -euo pipefail

CONFORMANCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(dirname "$CONFORMANCE")
CACHE=${GANTRY_CACHE:-/var/cache/gantry}
GANTRY=${GANTRY:-$REPOSITORY/packaging/target/dist/bin/gantry}
mkdir -p "$CACHE"

# The tests reach pods by their addresses: a proxy must not come between.
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$(basename "$0"): $*"
    exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "must run as root"; }

# need_commands COMMAND:PACKAGE...   installs the Debian packages of the commands that are missing.
need_commands() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

install_packages() {
    say "installing from Debian: $*"
    # What was installed already is left as it is, and no service is started.
    local apt=(apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0)
    if ! DEBIAN_FRONTEND=noninteractive "${apt[@]}" install "$@" >/dev/null 2>&1; then
        apt-get -qq update || say "apt-get update had errors; trying with what there is"
        DEBIAN_FRONTEND=noninteractive "${apt[@]}" install "$@" >/dev/null || die "cannot install: $*"
    fi
}

# unpack_packages DIR PACKAGE...   downloads Debian packages and unpacks them below DIR, without installing them.
unpack_packages() {
    local dir=$1 download
    shift
    download=$(mktemp -d "$CACHE/download.XXXXXX")
    say "fetching from Debian, not installed: $*"
    if ! (cd "$download" && apt-get -qq download "$@" >/dev/null 2>&1); then
        apt-get -qq update || say "apt-get update had errors; trying with what there is"
        (cd "$download" && apt-get -qq download "$@" >/dev/null) || die "cannot download: $*"
    fi
    mkdir -p "$dir"
    local deb
    for deb in "$download"/*.deb; do dpkg-deb -x "$deb" "$dir"; done
    rm -rf "$download"
}

# once NAME FUNCTION   calls FUNCTION with an empty folder, which becomes $CACHE/NAME once it is complete.
once() {
    local name=$1 make=$2 lock
    [ -d "$CACHE/$name" ] && return
    mkdir -p "$(dirname "$CACHE/$name")"
    exec {lock}>"$CACHE/.lock-${name//\//-}"
    flock "$lock"
    if [ ! -d "$CACHE/$name" ]; then
        local work
        work=$(mktemp -d "$CACHE/making.XXXXXX")
        # A lock that a child inherits would outlive this function.
        "$make" "$work" {lock}>&-
        chmod 755 "$work"
        mv "$work" "$CACHE/$name"
    fi
    exec {lock}>&-
}

# key FILE...   a short name for the contents of the files.
key() { cat "$@" | sha256sum | cut -c1-12; }

# ---- Go

# Puts a go that can build the module on PATH: 1.21 or later takes the toolchain that go.mod asks for by itself, an older
# one is only used to download that toolchain, which is a module too.
need_go() {
    local dir wanted version
    wanted=$(awk '$1 == "go" { print $2 }' "$CONFORMANCE/tools/go.mod")
    export GOTOOLCHAIN=auto GOFLAGS=-mod=readonly
    for dir in /usr/local/go/bin /usr/lib/go/bin; do
        command -v go >/dev/null || { [ -x $dir/go ] && PATH=$dir:$PATH; }
    done
    need_commands go:golang-go
    version=$(go env GOVERSION)
    if [ "$(printf '%s\n' go1.21 "$version" | sort -V | head -1)" != go1.21 ]; then
        local arch toolchain
        arch=$(dpkg --print-architecture)
        say "$version is older than 1.21: fetching $wanted as a module"
        toolchain=$(cd / && GO111MODULE=on GOFLAGS='' go mod download -json \
            "golang.org/toolchain@v0.0.1-go$wanted.linux-$arch" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
        [ -x "$toolchain/bin/go" ] || chmod -R u+x "$toolchain/bin" "$toolchain/pkg/tool"
        PATH=$toolchain/bin:$PATH
    fi
    go version >/dev/null || die "no usable go"
}

make_cri_tools() {
    need_go
    say "building crictl and critest $CRI_TOOLS (two minutes the first time)"
    cd "$CONFORMANCE/tools"
    nice go build -ldflags "-X sigs.k8s.io/cri-tools/pkg/version.Version=$CRI_TOOLS" -o "$1/crictl" sigs.k8s.io/cri-tools/cmd/crictl
    nice go test -c -o "$1/critest" sigs.k8s.io/cri-tools/cmd/critest
    cd - >/dev/null
}

make_test_images_program() {
    need_go
    cd "$CONFORMANCE/tools"
    CGO_ENABLED=0 go build -o "$1/testimages" ./testimages
    cd - >/dev/null
}

# Sets CRICTL and CRITEST to programs that are there, built as Go modules unless the caller gave his own.
need_cri_tools() {
    CRI_TOOLS=$(awk '$1 == "sigs.k8s.io/cri-tools" || $2 == "sigs.k8s.io/cri-tools" { print $NF }' "$CONFORMANCE/tools/go.mod")
    if [ -z "${CRICTL:-}" ] || [ -z "${CRITEST:-}" ]; then
        local name
        name=tools/cri-tools-$(key "$CONFORMANCE/tools/go.sum")
        once "$name" make_cri_tools
        CRICTL=${CRICTL:-$CACHE/$name/crictl}
        CRITEST=${CRITEST:-$CACHE/$name/critest}
    fi
    [ -x "$CRICTL" ] || die "CRICTL=$CRICTL cannot be run"
    [ -x "$CRITEST" ] || die "CRITEST=$CRITEST cannot be run"
}

make_ginkgo() {
    need_go
    cd "$CONFORMANCE/tools"
    nice go build -o "$1/ginkgo" github.com/onsi/ginkgo/v2/ginkgo
    cd - >/dev/null
}

# critest runs specs in parallel through the ginkgo command.
need_ginkgo() {
    local name
    name=tools/ginkgo-$(key "$CONFORMANCE/tools/go.sum")
    once "$name" make_ginkgo
    PATH=$CACHE/$name:$PATH
}

# crictl on the daemon of a folder, with no settings from the machine.
crictl_in() {
    local dir=$1
    shift
    "$CRICTL" --config /dev/null -r "unix://$dir/gantry.sock" -i "unix://$dir/gantry.sock" -t "${CRICTL_TIMEOUT:-10s}" "$@"
}

# ---- Registry

make_docker_registry() {
    unpack_packages "$1/tree" docker-registry
    cp "$1/tree/usr/bin/docker-registry" "$1/"
    rm -rf "$1/tree"
}

need_docker_registry() {
    need_commands curl:curl setsid:util-linux
    once images/docker-registry make_docker_registry
}

# serve_registry STORE PIDFILE READONLY [SETTING]   starts a registry and sets PORT; SETTING is one more line for its configuration.
serve_registry() {
    local try
    for try in 1 2 3; do
        PORT=$(free_port)
        cat >"$2.yml" <<EOF
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $1}
  cache: {blobdescriptor: inmemory}
  maintenance: {readonly: {enabled: $3}, uploadpurging: {enabled: false}}
http: {addr: "127.0.0.1:$PORT"}
${4:-}
EOF
        setsid "$CACHE/images/docker-registry/docker-registry" serve "$2.yml" </dev/null >"$2.log" 2>&1 &
        echo $! >"$2"
        disown
        for ((i = 0; i < 100; i++)); do
            if ! kill -0 "$(cat "$2")" 2>/dev/null; then break; fi
            # Whatever it answers: one that wants a password refuses.
            if curl -s -m 2 -o /dev/null "http://127.0.0.1:$PORT/v2/"; then return; fi
            sleep 0.05
        done
    done
    cat "$2.log" >&2
    die "the registry does not start (try $try)"
}

# map_registry DIR HOST ADDRESS   lets the daemon of a folder get a host's images from a registry that speaks plain HTTP at an address.
map_registry() {
    mkdir -p "$1/certs.d/$2"
    cat >"$1/certs.d/$2/hosts.toml" <<EOF
server = "http://$3"

[host."http://$3"]
capabilities = ["pull", "resolve"]
EOF
}

# ---- Processes

# alive PIDFILE TEXT   whether the process of the file runs and has TEXT in its command line.
alive() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && cat "/proc/$pid/cmdline" 2>/dev/null | tr '\0' ' ' | grep -F -- "$2" >/dev/null
}

# end_process PIDFILE TEXT SECONDS   SIGTERM, and a failure if it is still there after that time.
end_process() {
    local pid i
    alive "$1" "$2" || return 0
    pid=$(cat "$1")
    kill "$pid"
    for ((i = 0; i < $3 * 20; i++)); do
        [ -d "/proc/$pid" ] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null || return 0
        sleep 0.05
    done
    say "process $pid of $1 has not ended within $3 s of SIGTERM"
    return 1
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# Names that two daemons on one machine must not share come from the folder's name.
network_hash() { printf '%s' "$1" | sha256sum | cut -c1-8; }
bridge_name() { echo "gt$(network_hash "$1")"; }
network_name() { echo "gantry-$(network_hash "$1")"; }
subnet() {
    local hash
    hash=$((0x$(network_hash "$1")))
    echo "10.$((128 + hash % 100)).$((hash / 100 % 256)).0/24"
}

# ---- Results

# The last line of every script here.
totals() { echo "$1 passed, $2 failed, $3 skipped"; }

# A script's temporary folder, with a name short enough for sockets. finish DIR, in a trap, takes all down and away.
# Nobody else may enter it: pods with a user namespace do not need to.
new_folder() { mktemp -d "/tmp/gantry-$1.XXXX"; }

finish() {
    local bad=0
    [ -d "$1" ] || return 0
    "$CONFORMANCE/stop.sh" "$1" >&2 || bad=1
    # Never across a mount: what a failed test left mounted is not ours to delete.
    rm -rf --one-file-system "$1" || bad=1
    return $bad
}
