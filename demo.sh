#!/bin/bash
# demo.sh: builds gantry, runs a pod from end to end in a throw-away folder, and leaves nothing behind. Run it as root on Debian 12 or 13.
# Missing Debian packages are installed, and named; what is fetched or built besides goes to ${GANTRY_CACHE:-/var/cache/gantry}.
. "$(dirname "$0")/conformance/lib.sh"
. "$REPOSITORY/packaging/prerequisites.sh"

DIST=$REPOSITORY/packaging/target/dist
IMAGE=$(cat "$REPOSITORY/packaging/src/main/image/name")
DIR=
PORT=

now() { echo "${EPOCHREALTIME/./}"; }

# step TEXT COMMAND...   runs the command and prints a line with its time; OUT is what it printed.
step() {
    local text=$1 start code=0
    shift
    start=$(now)
    OUT=$("$@" 2>"$DIR/stderr") || code=$?
    if [ $code != 0 ]; then
        printf '   FAILED  %s: %s\n%s\n' "$text" "$OUT" "$(cat "$DIR/stderr")"
        [ ! -e "$DIR/log" ] || tail -20 "$DIR/log"
        exit 1
    fi
    printf '%6d ms  %s\n' $((($(now) - start) / 1000)) "$text"
}

# show TEXT...   what a step brought, each line below it.
show() { printf '%s\n' "$*" | sed 's/^/           | /'; }

expect() { grep -qF -- "$2" <<<"$1" || die "expected \"$2\" in: $1"; }

crictl() { crictl_in "$DIR" "$@"; }

start_daemon() { "$CONFORMANCE/daemon.sh" "$DIR"; }

pod_ip() { crictl inspectp -o go-template --template '{{.status.network.ip}}' "$1"; }

# A server needs a moment from its start to its first answer.
get() { curl -sS --noproxy '*' --retry 20 --retry-connrefused --retry-delay 0 --retry-max-time 10 -m 5 "$1"; }

# push_image LAYOUT ADDRESS NAME TAG   pushes an OCI layout of one image, blob by blob, manifest last.
push_image() {
    local blob digest location manifest
    manifest=$(grep -o 'sha256:[0-9a-f]*' "$1/index.json" | head -1)
    for blob in "$1"/blobs/sha256/*; do
        digest=sha256:$(basename "$blob")
        [ "$digest" != "$manifest" ] || continue
        location=$(curl -sSf -X POST -D - -o /dev/null "http://$2/v2/$3/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
        curl -sSf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$blob" "$location&digest=$digest"
    done
    curl -sSf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @"$1/blobs/sha256/${manifest#sha256:}" \
        "http://$2/v2/$3/manifests/$4"
}

start_registry() {
    serve_registry "$DIR/registry" "$DIR/registry.pid" false
    map_registry "$DIR" "127.0.0.1:$PORT" "127.0.0.1:$PORT"
    push_image "$DIST/share/gantry/images/hello" "127.0.0.1:$PORT" demo/hello v1
    echo "127.0.0.1:$PORT"
}

pod_config() {
    mkdir -p "$DIR/logs"
    cat >"$DIR/pod.json" <<EOF
{
  "metadata": {"name": "hello", "namespace": "demo", "uid": "demo-1", "attempt": 0},
  "hostname": "hello-pod",
  "log_directory": "$DIR/logs",
  "labels": {"app": "hello"},
  "linux": {"resources": {"cpu_shares": 128}}
}
EOF
    cat >"$DIR/container.json" <<EOF
{
  "metadata": {"name": "server", "attempt": 0},
  "image": {"image": "$1"},
  "envs": [{"key": "GREETING", "value": "good morning"}],
  "log_path": "server.log",
  "linux": {
    "resources": {"memory_limit_in_bytes": 33554432, "cpu_quota": 50000, "cpu_period": 100000},
    "security_context": {"no_new_privs": true, "readonly_rootfs": true, "capabilities": {"drop_capabilities": ["ALL"]},
      "seccomp": {"profile_type": 0}}
  }
}
EOF
}

gone() { [ -z "$(crictl pods -q)$(crictl ps -aq)" ]; }

take_down() {
    finish "$DIR"
    # The bridge plugin turns forwarding on and never off.
    echo "$FORWARD" >/proc/sys/net/ipv4/ip_forward
}

need_build_tools
need_cri_tools
need_docker_registry
FORWARD=$(cat /proc/sys/net/ipv4/ip_forward)
DIR=$(new_folder demo)
trap 'take_down || exit 1' EXIT

echo "gantry from source to a running pod, in $DIR"
step "build: Java, the shim in C, the distribution" mvn -B -q -f "$REPOSITORY/pom.xml" -DskipTests -Dmaven.test.skip=true -pl packaging -am package
step "train the JVM's cache of loaded and linked classes" "$REPOSITORY/packaging/aot.sh" "$DIST"
printf '[image]\nembedded_dir = "%s"\n' "$DIST/share/gantry/images" >"$DIR/config.toml"
step "start the daemon" start_daemon
show "$(crictl version | tail -n +2 | paste -sd' ' | tr -s ' ')"
step "list images: the demonstration image came with the distribution" crictl images
expect "$OUT" "${IMAGE%:*}"
show "$(grep -F "${IMAGE%:*}" <<<"$OUT")"

pod_config "$IMAGE"
step "run a pod with a network of its own" crictl runp "$DIR/pod.json"
POD=$OUT
step "ask for its address" pod_ip "$POD"
IP=$OUT
show "pod ${POD:0:13} at $IP"
step "create a container: read-only, no capabilities, seccomp, 32 MiB" crictl create "$POD" "$DIR/container.json" "$DIR/pod.json"
CONTAINER=$OUT
step "start it" crictl start "$CONTAINER"
step "ask it over HTTP from the host" get "http://$IP:8080/demo"
expect "$OUT" "Hello from hello-pod"
show "$OUT"
step "read its log" crictl logs "$CONTAINER"
expect "$OUT" "200 GET /demo"
show "$OUT"
step "exec in it: echo" crictl exec -s "$CONTAINER" /hello echo executed inside
expect "$OUT" "executed inside"
show "$OUT"
step "exec in it: env" crictl exec -s "$CONTAINER" /hello env
expect "$OUT" "GREETING=good morning"
show "$(grep -e GREETING -e HOSTNAME <<<"$OUT")"
step "exec in it: id" crictl exec -s "$CONTAINER" /hello id
expect "$OUT" "uid=65534"
show "$OUT"
step "stop the container" crictl stop -t 5 "$CONTAINER"
step "read its last words" crictl logs --tail 1 "$CONTAINER"
expect "$OUT" "says goodbye"
show "$OUT"
step "remove the container" crictl rm "$CONTAINER"
step "stop the pod" crictl stopp "$POD"
step "remove the pod" crictl rmp "$POD"
step "find no pod and no container" gone

step "start a registry and push the image to it" start_registry
REGISTRY=$OUT
step "remove the image" crictl rmi "$IMAGE"
step "pull it from the registry" crictl pull "$REGISTRY/demo/hello:v1"
show "$OUT"
pod_config "$REGISTRY/demo/hello:v1"
step "run a pod with it" crictl run "$DIR/container.json" "$DIR/pod.json"
CONTAINER=$OUT
step "exec in it" crictl exec -s "$CONTAINER" /hello cat /etc/group
expect "$OUT" "nogroup"
step "remove the pod and all in it" crictl rmp -fa
step "remove the image" crictl rmi "$REGISTRY/demo/hello:v1"

trap - EXIT
step "end daemon and registry; no mount, namespace, cgroup, process or file is left" take_down
[ ! -e "$DIR" ] || die "$DIR is still there"
echo "All done: ./test.sh runs the tests."
