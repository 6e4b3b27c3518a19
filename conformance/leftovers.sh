#!/bin/bash
# leftovers.sh DIR [--running]: prints what the pods of the daemon on DIR (daemon.sh) have left on the machine, and fails if there is
# anything. To be run when all pods are removed; --running says that the daemon itself is to go on. The bridge is not counted: the CNI
# plugin keeps it on purpose.
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ "${2:-}" = --running ] || die "usage: leftovers.sh DIR [--running]"
DIR=$(cd "$1" && pwd -P)
DAEMON=none
[ "${2:-}" != --running ] || DAEMON=$(cat "$DIR/pid")
need_commands ip:iproute2 iptables-save:iptables

# A removed image's layers are deleted behind the answer: that they go, not when, is asked here.
for ((i = 0; i < 300; i++)); do
    compgen -G "$DIR/root/tmp/unused-layer-*" >/dev/null || break
    sleep 0.1
done

LEFT=$(
    awk -v dir="$DIR/" 'index($5, dir) == 1 { print "mount " $5 }' /proc/self/mountinfo
    for PROCESS in /proc/[0-9]*; do
        [ "${PROCESS#/proc/}" != $$ ] && [ "${PROCESS#/proc/}" != "$BASHPID" ] && [ "${PROCESS#/proc/}" != "$DAEMON" ] || continue
        # Shims and the daemon name their folders; this script and its caller name DIR without a slash behind it.
        COMMAND=$(cat "$PROCESS/cmdline" 2>/dev/null | tr '\0' ' ') || continue
        case $COMMAND in
            *"$DIR/run"* | *"$DIR/root"*) echo "process ${PROCESS#/proc/} $COMMAND" ;;
        esac
    done
    # Every pod and container that the daemon logged, by its id, in the names of cgroups and network interfaces.
    grep -ohE '\b[0-9a-f]{64}\b' "$DIR/log" 2>/dev/null | sort -u >"$DIR/.ids" || true
    find /sys/fs/cgroup -mindepth 2 -type d -printf '%p\n' 2>/dev/null | grep -F -f "$DIR/.ids" | sed 's/^/cgroup /' || true
    BRIDGE=$(bridge_name "$DIR")
    ip -o link show master "$BRIDGE" 2>/dev/null | awk -v bridge="$BRIDGE" '{ print "interface " $2 " on " bridge }' || true
    iptables-save 2>/dev/null | grep -F "$(network_name "$DIR")" | sed 's/^/iptables rule /' || true
    find "$DIR/cni-addresses" -type f -name '[0-9]*.[0-9]*' -printf 'address %f\n' 2>/dev/null || true
    for FOLDER in "$DIR"/run/pods "$DIR"/run/containers "$DIR"/root/pods "$DIR"/root/containers "$DIR"/root/making "$DIR"/root/tmp; do
        find "$FOLDER" -mindepth 1 -maxdepth 1 -printf 'folder %p\n' 2>/dev/null || true
    done
    rm -f "$DIR/.ids"
)
if [ -n "$LEFT" ]; then
    say "left behind by the daemon of $DIR:"
    say "$LEFT"
    exit 1
fi
