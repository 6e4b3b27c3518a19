#!/bin/bash
# crictl.sh: walks through a user's day with crictl against the built daemon, in a fresh folder, and checks what it prints and how it ends.
# Ends with "N passed, N failed, N skipped". CRICTL takes another build of crictl.
. "$(dirname "$0")/lib.sh"

[ $# = 0 ] || die "usage: crictl.sh"
need_root
need_commands jq:jq curl:curl
need_cri_tools
DIR=$(new_folder crictl)
trap 'finish "$DIR" || exit 1' EXIT
"$CONFORMANCE/images.sh" "$DIR" >/dev/null
"$CONFORMANCE/daemon.sh" "$DIR" >/dev/null

PASSED=0 FAILED=0 SKIPPED=0
# Each step sets these.
OUTPUT='' ERROR='' CODE=0

# c ARGUMENT...   runs crictl with its own default timeout of two seconds, which the daemon must meet.
c() {
    CODE=0
    OUTPUT=$(CRICTL_TIMEOUT=2s crictl_in "$DIR" "$@" 2>"$DIR/error") || CODE=$?
    ERROR=$(cat "$DIR/error")
}

# check WHAT TEST...   counts the outcome of a test command, and shows what crictl said if it fails.
check() {
    local what=$1
    shift
    if "$@"; then
        PASSED=$((PASSED + 1))
        say "ok      $what"
    else
        FAILED=$((FAILED + 1))
        echo "FAILED  $what: code $CODE"
        printf '%s\n%s\n' "$OUTPUT" "$ERROR" | sed 's/^/        /' | head -40
    fi
}
ok() { [ "$CODE" = 0 ]; }
fails() { [ "$CODE" != 0 ] && grep -qiE -- "$1" <<<"$ERROR$OUTPUT"; }
prints() { [ "$CODE" = 0 ] && grep -qE -- "$1" <<<"$OUTPUT"; }
prints_exactly() { [ "$CODE" = 0 ] && [ "$OUTPUT" = "$1" ]; }
prints_nothing() { [ "$CODE" = 0 ] && [ -z "$OUTPUT" ]; }
json() { [ "$CODE" = 0 ] && jq -e "$1" <<<"$OUTPUT" >/dev/null; }
is_id() { [ "$CODE" = 0 ] && [[ $OUTPUT =~ ^[0-9a-f]{64}$ ]]; }

IMAGE=registry.k8s.io/e2e-test-images/busybox:1.29-2
NGINX=registry.k8s.io/e2e-test-images/nginx:1.14-2
mkdir "$DIR/logs" "$DIR/share"
echo shared >"$DIR/share/file"
cat >"$DIR/pod.json" <<EOF
{"metadata": {"name": "web", "namespace": "default", "uid": "u-1", "attempt": 1}, "hostname": "web", "log_directory": "$DIR/logs",
 "labels": {"app": "web"}, "port_mappings": [{"container_port": 80, "host_port": 12300}], "linux": {}}
EOF
cat >"$DIR/container.json" <<EOF
{"metadata": {"name": "shell"}, "image": {"image": "$IMAGE"}, "log_path": "shell/0.log", "labels": {"part": "one"},
 "command": ["sh", "-c", "echo hello from the log; echo on stderr >&2; trap 'exit 0' TERM; while :; do sleep 0.1; done"],
 "mounts": [{"host_path": "$DIR/share", "container_path": "/share", "readonly": true}],
 "linux": {"resources": {"memory_limit_in_bytes": 67108864, "cpu_shares": 256}}}
EOF
cat >"$DIR/nginx.json" <<EOF
{"metadata": {"name": "nginx"}, "image": {"image": "$NGINX"}, "log_path": "nginx.log", "linux": {}}
EOF

# ---- The runtime
c version
check "version names the runtime" prints 'RuntimeName: +gantry'
c info
check "info tells that runtime and network are ready" json '[.status.conditions[] | select(.type == "RuntimeReady" or .type == "NetworkReady").status] == [true, true]'
c runtime-config
check "runtime-config names the cgroup driver" prints 'cgroupfs|systemd|CGROUPFS|SYSTEMD'
c images -q
check "a fresh node has no images" prints_nothing
c pods -q
check "a fresh node has no pods" prints_nothing

# ---- Images
c pull "$IMAGE"
check "pull" prints 'Image is up to date for sha256:[0-9a-f]{64}'
c pull registry.k8s.io/no-such-image:1
check "a pull of what is not there names it" fails 'no-such-image'
c images
check "images lists it by name and tag" prints 'e2e-test-images/busybox +1\.29-2 +[0-9a-f]{13} '
c images -q
IMAGE_ID=$OUTPUT
check "images -q prints one id" prints '^sha256:[0-9a-f]{64}$'
SHORT=${IMAGE_ID#sha256:}
SHORT=${SHORT:0:13}
c inspecti "$SHORT"
check "inspecti takes a short id and has the key info" json '.status.id == "'"$IMAGE_ID"'" and .info.imageSpec != null'
c inspecti "$IMAGE"
check "inspecti takes the name" json '.status.repoTags == ["'"$IMAGE"'"]'
c imagefsinfo
check "imagefsinfo tells what is used" json '.status.imageFilesystems[0].usedBytes.value | tonumber > 0'
c pull "$NGINX"
check "pull of an image of three layers" ok

# ---- A pod
c runp "$DIR/pod.json"
POD=$OUTPUT
check "runp prints the pod's id" is_id
c runp "$DIR/pod.json"
check "the same again, as a client does that gave up waiting, is the same pod" prints_exactly "$POD"
jq '.hostname = "other"' "$DIR/pod.json" >"$DIR/other.json"
c runp "$DIR/other.json"
check "another pod of that name is refused" fails 'exists'
c pods
check "pods lists it as ready" prints "^${POD:0:13} .* Ready +web +default +1 "
c pods --name we --state ready --label app=web -q
check "pods by name, state and label" prints_exactly "$POD"
c pods --label app=other -q
check "pods by another label finds none" prints_nothing
c inspectp "${POD:0:13}"
check "inspectp takes a short id and tells address and process" json '.status.state == "SANDBOX_READY" and (.status.network.ip | test("^[0-9.]+$")) and .info.pid > 0'
ADDRESS=$(jq -r .status.network.ip <<<"$OUTPUT")

# ---- Containers
c create "$POD" "$DIR/container.json" "$DIR/pod.json"
SHELL_ID=$OUTPUT
check "create prints the container's id" is_id
c ps -a
check "ps -a lists it as created" prints "^${SHELL_ID:0:13} .* Created +shell "
c start "$SHELL_ID"
check "start prints the id" prints_exactly "$SHELL_ID"
c ps
check "ps lists it as running with image and pod" prints "^${SHELL_ID:0:13} .* Running +shell +0 +${POD:0:13} "
c ps --name shell --state running --image "$IMAGE" -q
check "ps by name, state and image" prints_exactly "$SHELL_ID"
c ps --pod "${POD:0:13}" -q
check "ps by a short pod id" prints_exactly "$SHELL_ID"
c inspect "${SHELL_ID:0:13}"
check "inspect has state, image, mounts, log path, resources and process" json '.status.state == "CONTAINER_RUNNING" and .status.imageId == "'"$IMAGE_ID"'"
    and (.status.mounts | length) == 1 and .status.logPath == "'"$DIR"'/logs/shell/0.log" and .status.resources.linux.memoryLimitInBytes == "67108864"
    and .info.pid > 0 and .info.runtimeSpec != null'
for TRY in 1 2 3 4 5 6 7 8 9 10; do
    c logs "$SHELL_ID"
    [ -z "$OUTPUT" ] || break
    sleep 0.1
done
check "logs prints the output ($TRY looks)" prints 'hello from the log'
check "logs prints stderr apart" grep -q 'on stderr' <<<"$ERROR"
c logs --tail 1 "$SHELL_ID"
check "logs --tail 1 is one line" test "$(printf '%s' "$OUTPUT$ERROR" | grep -c .)" = 1
c exec -s "$SHELL_ID" cat /share/file
check "exec -s prints the command's output" prints_exactly shared
c exec -s "$SHELL_ID" sh -c 'echo gone wrong >&2; exit 3'
check "exec -s with a failing command tells its code" fails 'exit code 3|exited with 3|: 3'
c exec -s "$SHELL_ID" touch /share/other
check "a read-only mount refuses writes" fails 'Read-only file system'
c exec -s --timeout 1 "$SHELL_ID" sleep 100
check "exec -s --timeout ends the command" fails 'deadline|timed out|timeout'
c exec -s "$SHELL_ID" pgrep -f 'sleep 100'
check "and nothing of it runs on" fails 'exit code 1|exited with 1|: 1'
c exec -s "$SHELL_ID" hostname
check "the host name is the pod's" prints_exactly web
c stats --seconds 1 "$SHELL_ID"
check "stats tells CPU and memory" prints "^${SHELL_ID:0:13} "
c stats -o json
check "stats -o json has the writable layer" json '.stats[0].writableLayer.usedBytes.value != null and (.stats[0].memory.workingSetBytes.value | tonumber) > 0'
c statsp -o json
check "statsp -o json has the pod" json '[.stats[].attributes.id] == ["'"$POD"'"]'
c update --memory 134217728 --cpu-share 512 "$SHELL_ID"
check "update" ok
c inspect "$SHELL_ID"
check "inspect tells the new limit" json '.status.resources.linux.memoryLimitInBytes == "134217728"'

c create "$POD" "$DIR/nginx.json" "$DIR/pod.json"
WEB_ID=$OUTPUT
check "a second container" is_id
c start "$WEB_ID"
check "it starts" ok
answers() {
    local i
    for ((i = 0; i < 100; i++)); do
        if curl -s -m 2 "http://$1/" | grep -q nginx; then return 0; fi
        sleep 0.1
    done
    return 1
}
check "the pod answers on its address from the host" answers "$ADDRESS"
check "and on its host port" answers 127.0.0.1:12300
c run "$DIR/nginx.json" "$DIR/other.json"
check "run with a name that is taken is refused" fails 'exists'

# ---- The log is rotated
mv "$DIR/logs/shell/0.log" "$DIR/logs/shell/0.log.old"
c logs -r "$SHELL_ID"
check "logs -r reopens the log" test -e "$DIR/logs/shell/0.log"

# ---- The end
c rm "$SHELL_ID"
check "rm refuses a running container" fails 'running|stop'
c stop --timeout 10 "$SHELL_ID"
check "stop prints the id" prints_exactly "$SHELL_ID"
c inspect "$SHELL_ID"
check "it has exited with its own code" json '.status.state == "CONTAINER_EXITED" and .status.exitCode == 0 and .status.reason == "Completed"'
c exec -s "$SHELL_ID" true
check "exec in it is refused" fails 'running|exited|state'
c start "$SHELL_ID"
check "a second start is refused" fails 'exited|state|created'
c stop "$SHELL_ID"
check "a second stop is no error" ok
c rm "$SHELL_ID"
check "rm prints the id" prints_exactly "$SHELL_ID"
c inspect "$SHELL_ID"
check "it is not found any more" fails 'not ?found|no such|does not exist'
c rmi "$NGINX"
check "rmi of an image in use is no error" ok
c rm -f "$WEB_ID"
check "rm -f removes a running container" ok
c rmp "$POD"
check "rmp refuses a ready pod" fails 'ready|running|stop'
c stopp "$POD"
check "stopp" prints 'Stopped sandbox'
c pods --state notready -q
check "it is not ready now" prints_exactly "$POD"
closed() { ! curl -s -m 2 -o /dev/null "http://127.0.0.1:12300/"; }
check "its host port is closed" closed
c rmp "$POD"
check "rmp" prints 'Removed sandbox'
c pods -q
check "no pod is left" prints_nothing
c ps -a -q
check "no container is left" prints_nothing
# A pod JSON with nothing in it but a name, as in crictl's own examples.
echo '{"metadata": {"name": "bare", "namespace": "default", "uid": "u-2"}}' >"$DIR/bare.json"
echo '{"metadata": {"name": "bare"}, "image": {"image": "'"$IMAGE"'"}, "command": ["true"]}' >"$DIR/bare-container.json"
c run --no-pull "$DIR/bare-container.json" "$DIR/bare.json"
check "run with the shortest files" is_id
c rmp -f -a
check "rmp -f -a" ok
c rmi -a
check "rmi -a" ok
c images -q
check "no image is left" prints_nothing
check "nothing is left on the machine" "$CONFORMANCE/leftovers.sh" "$DIR" --running

trap - EXIT
if ! finish "$DIR"; then
    echo "FAILED  the daemon's end (see above)"
    FAILED=$((FAILED + 1))
fi
totals $PASSED $FAILED $SKIPPED
[ $FAILED = 0 ]
