#!/bin/bash
# systemd.sh: checks the systemd cgroup driver on a machine with systemd and cgroup v2, such as that of vm.sh; the daemon runs as a service of its own.
# Ends with "N passed, N failed, N skipped".
. "$(dirname "$0")/lib.sh"
. "$CONFORMANCE/checks.sh"

[ $# = 0 ] || die "usage: systemd.sh"
need_root
need_commands jq:jq curl:curl pgrep:procps
[ -d /run/systemd/system ] && [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || die "wants systemd as PID 1 and cgroup v2; try: vm.sh conformance/systemd.sh"
need_cri_tools
DIR=$(new_folder systemd)
UNIT=$(basename "$DIR" | tr . -).service
trap 'take_down || exit 1' EXIT

take_down() {
    [ -d "$DIR" ] || return 0
    systemctl stop "$UNIT" || true
    rm -f "/run/systemd/system/$UNIT"
    systemctl daemon-reload
    finish "$DIR"
}

# As packaging's gantry.service has it.
cat >"/run/systemd/system/$UNIT" <<END
[Service]
Type=notify
NotifyAccess=main
ExecStart=$GANTRY serve --config $DIR/config.toml --root $DIR/root --run $DIR/run --socket $DIR/gantry.sock --certs-dir $DIR/certs.d --cni-conf-dir $DIR/cni.d
StandardOutput=append:$DIR/log
StandardError=append:$DIR/log
KillMode=process
Delegate=yes
TasksMax=infinity
OOMScoreAdjust=-999
TimeoutStartSec=300
END
mkdir -p "$DIR/cni.d" "$DIR/logs"
touch "$DIR/config.toml"
"$CONFORMANCE/images.sh" "$DIR" >/dev/null
systemctl daemon-reload
systemctl start "$UNIT"
# For stop.sh, which takes everything down in the end.
remember_pid() { systemctl show -P MainPID "$UNIT" >"$DIR/pid"; }
remember_pid

CHECKED=$DIR/checked
c() { CRICTL_TIMEOUT=60s crictl_in "$DIR" "$@" 2>"$DIR/error"; }
fails_with() { local want=$1; shift; ! "$@" >/dev/null && grep -q -- "$want" "$DIR/error"; }
# value SCOPE FILE
value() { cat "$1/$2" 2>/dev/null | tr '\n' ' ' | sed 's/ $//'; }
units() { systemctl list-units --all --plain --no-legend --no-pager "$@" | awk '{ print $1 }'; }
no_units() { [ -z "$(units "$@")" ]; }
# Beside those of the first pod and its container.
no_more_scopes() { [ "$(units 'gantry-*.scope' | grep -vc -e "$CTR" -e "$POD")" = 0 ]; }

IMAGE=registry.k8s.io/e2e-test-images/busybox:1.29-2
SLICE=gantrytest-burstable-pod$(network_hash "$DIR").slice
FOLDER=/sys/fs/cgroup/gantrytest.slice/gantrytest-burstable.slice/$SLICE
# pod NAME PARENT   host network: no plugin is wanted here.
pod() {
    jq -n --arg name "$1" --arg parent "$2" --arg logs "$DIR/logs" '{metadata: {name: $name, namespace: "default", uid: $name}, log_directory: $logs,
        linux: {cgroup_parent: $parent, security_context: {namespace_options: {network: 2}}}}' >"$DIR/$1.pod.json"
    c runp "$DIR/$1.pod.json"
}
# container POD-NAME POD-ID NAME RESOURCES COMMAND...
container() {
    local pod=$1 id=$2 name=$3 resources=$4
    shift 4
    jq -n --arg name "$name" --arg image "$IMAGE" --argjson resources "$resources" --args '{metadata: {name: $name}, image: {image: $image}, command: $ARGS.positional,
        log_path: "\($name).log", linux: {resources: $resources, security_context: {capabilities: {add_capabilities: ["MKNOD"]}}}}' -- "$@" >"$DIR/$name.json"
    c create "$id" "$DIR/$name.json" "$DIR/$pod.pod.json"
}
c pull "$IMAGE" >/dev/null

# ---- Where things are
check "the driver is told" is "$(c runtime-config | tr -d ' ')" cgroupdriver:SYSTEMD
POD=$(pod web "/gantrytest.slice/gantrytest-burstable.slice/$SLICE")
CTR=$(container web "$POD" main '{"memory_limit_in_bytes": 67108864, "memory_swap_limit_in_bytes": 67108864, "cpu_shares": 256, "cpu_quota": 12345, "cpu_period": 100000,
    "hugepage_limits": [{"page_size": "2MB"}, {"page_size": "1GB"}], "unified": {"memory.oom.group": "1", "memory.high": "60002304"}}' sh -c 'trap "exit 0" TERM; while :; do echo line; sleep 0.2; done')
c start "$CTR" >/dev/null
SCOPE=$FOLDER/gantry-$CTR.scope
INIT=$(c inspect "$CTR" | jq .info.pid)
SHIM=$(cut -d' ' -f1 "$DIR/run/pods/$POD/shim.pid")
check "the container is in its scope" is "$(cut -d: -f3 "/proc/$INIT/cgroup")" "${SCOPE#/sys/fs/cgroup}"
check "the shim is in the pod's scope" is "$(cut -d: -f3 "/proc/$SHIM/cgroup")" "${FOLDER#/sys/fs/cgroup}/gantry-$POD.scope"
check "the slice holds no process" is "$(value "$FOLDER" cgroup.procs)" ""
check "the machine's end stops it before the pod's" is "$(systemctl show -P After "gantry-$CTR.scope" | tr ' ' '\n' | grep -c "^gantry-$POD.scope$")" 1
check "no waiting process is left" is "$(pgrep -cx gantry-hold)" 0

# ---- Limits
limits() { for file in memory.max memory.swap.max memory.high memory.oom.group cpu.max cpu.weight pids.max; do printf '%s ' "$(value "$SCOPE" $file)"; done; }
check "the files have the limits" is "$(limits)" "67108864 0 60002304 1 12345 100000 35 max "
shown() { systemctl show "gantry-$CTR.scope" -p MemoryMax -p MemorySwapMax -p MemoryHigh -p CPUWeight -p TasksMax -p Slice | sort | cut -d= -f2 | tr '\n' ' '; }
check "systemd has them too" is "$(shown)" "35 60002304 67108864 0 $SLICE infinity "
c update --cpu-quota 23456 --cpu-period 100000 --memory 134217728 "$CTR" >/dev/null
UPDATED="134217728 0 60002304 1 23456 100000 35 max "
check "an update is in the files, what it does not name stays" is "$(limits)" "$UPDATED"
check "a refused update" fails_with InvalidArgument c update --cpu-quota 1 --cpu-period 1 "$CTR"
check "changes nothing" is "$(limits)" "$UPDATED"
mknod_denied() { grep -q 'not permitted' <<<"$(c exec -s "$CTR" sh -c 'rm -f /z; mknod /z b 7 0; cat /z 2>&1; true')"; }
check "a device that is not allowed" mknod_denied
systemctl daemon-reload
check "daemon-reload leaves the limits" is "$(limits)" "$UPDATED"
check "and the devices" mknod_denied
systemctl daemon-reexec
check "daemon-reexec leaves the limits" is "$(limits)" "$UPDATED"
c update --cpu-share 512 "$CTR" >/dev/null
check "an update after it" is "$(limits)" "134217728 0 60002304 1 23456 100000 59 max "
check "and the devices" mknod_denied

# ---- The service stops, and pods go on
LINES=$(wc -l <"$DIR/logs/main.log")
systemctl stop "$UNIT"
sleep 1
check "the container runs while the service is stopped" kill -0 "$INIT"
check "and its log goes on" [ "$(wc -l <"$DIR/logs/main.log")" -gt "$LINES" ]
check "nothing is left in the service's group" [ ! -e "/sys/fs/cgroup/system.slice/$UNIT" ]
systemctl start "$UNIT"
remember_pid
check "a new daemon knows it" is "$(c ps -q)" "$CTR"
check "and can exec in it" is "$(c exec -s "$CTR" echo yes | head -1)" yes

# ---- What fails leaves nothing
check "a cpuset that the machine has not" fails_with InvalidArgument container web "$POD" bad1 '{"cpuset_cpus": "4000"}' true
check "a command's mount that fails in the shim" fails_with InvalidArgument container web "$POD" bad2 '{"unified": {"no.such": "1"}}' true
check "leave no scope" soon no_more_scopes

# ---- The daemon is killed while it creates
for DELAY in 0.05 0.15 0.3 0.5 0.8; do
    container web "$POD" "killed$DELAY" '{}' sleep 1000 >/dev/null &
    sleep "$DELAY"
    systemctl kill -s KILL --kill-whom=main "$UNIT"
    wait $! || true
    systemctl reset-failed "$UNIT" || true
    # Not start, which does nothing while systemd has not yet seen the end.
    systemctl restart "$UNIT"
    remember_pid
done
for ID in $(c ps -aq); do [ "$ID" = "$CTR" ] || c rm -f "$ID" >/dev/null; done
check "the daemon killed while it creates leaves no scope" soon no_more_scopes
check "the first container still runs" kill -0 "$INIT"

# ---- OOM kills
OOM=0
for ((i = 0; i < 20; i++)); do
    ID=$(container web "$POD" "oom$i" '{"memory_limit_in_bytes": 15728640, "unified": {"memory.oom.group": "1"}}' sh -c 'sleep 0.1; dd if=/dev/zero of=/dev/null bs=20M')
    c start "$ID" >/dev/null
    for ((j = 0; j < 100; j++)); do
        REASON=$(c inspect "$ID" | jq -r 'select(.status.state == "CONTAINER_EXITED").status.reason')
        [ -z "$REASON" ] || break
        sleep 0.05
    done
    [ "$REASON" != OOMKilled ] || OOM=$((OOM + 1))
    # Some stay, some go: the count of the slice is of both.
    [ $((i % 2)) = 0 ] || c rm "$ID" >/dev/null
done
check "20 OOM kills are told" is "$OOM" 20
check "their scopes are gone" soon no_more_scopes
WRONG=0
for ((i = 0; i < 5; i++)); do
    ID=$(container web "$POD" "fine$i" '{}' sh -c 'exit 3')
    c start "$ID" >/dev/null
    for ((j = 0; j < 100; j++)); do
        REASON=$(c inspect "$ID" | jq -r 'select(.status.state == "CONTAINER_EXITED").status.reason')
        [ -z "$REASON" ] || break
        sleep 0.05
    done
    [ "$REASON" = Error ] || WRONG=$((WRONG + 1))
done
check "others are not blamed for them" is "$WRONG" 0
c stop --timeout 20 "$CTR" >/dev/null
check "nor is the neighbour of all" is "$(c inspect "$CTR" | jq -r '"\(.status.reason) \(.status.exitCode)"')" 'Completed 0'

# ---- A pod without a parent
OWN=$(pod own "")
check "has a slice of its own" [ -d "/sys/fs/cgroup/system.slice/system-gantry_pod$OWN.slice/gantry-$OWN.scope" ]

# As at the machine's end: with SIGTERM this would take systemd's 90 s.
check "its scope ends when systemd says so" timeout 60 systemctl stop "gantry-$OWN.scope"

# ---- The end
c rmp -f "$POD" "$OWN" >/dev/null
check "no scope is left" soon no_units 'gantry-*.scope'
check "no slice of ours is left" soon no_units 'system-gantry_pod*'
check "no unit has failed" is "$(systemctl list-units --failed --plain --no-legend 'gantry-*' | grep -vF "$UNIT")" ""
systemctl stop "$SLICE" gantrytest-burstable.slice gantrytest.slice
[ "$FAILED" = 0 ] || grep -E " (WARN|ERROR) " "$DIR/log" | tail -20 >&2
LEFT=$(take_down 2>&1) || { FAILED=$((FAILED + 1)); echo "FAILED  something is left behind: $(tr '\n' ' ' <<<"$LEFT")"; }
totals "$PASSED" "$FAILED" 0
[ "$FAILED" = 0 ]
