#!/bin/bash
# stop.sh DIR: removes every pod and image of the daemon on DIR (daemon.sh), ends it and the registry there (images.sh), and fails
# if anything of it is left on the machine. DIR itself stays.
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || die "usage: stop.sh DIR"
need_root
DIR=$(cd "$1" && pwd -P)
need_cri_tools
BAD=0

if [ -e "$DIR/pid" ]; then
    # A daemon that was killed has pods that only a daemon can take down.
    alive "$DIR/pid" "$DIR" || "$CONFORMANCE/daemon.sh" "$DIR" >/dev/null || BAD=1
    if alive "$DIR/pid" "$DIR"; then
        PODS=$(crictl_in "$DIR" pods -q) || BAD=1
        # shellcheck disable=SC2086
        [ -z "$PODS" ] || crictl_in "$DIR" rmp -f $PODS >/dev/null || BAD=1
    fi
    end_process "$DIR/pid" "$DIR" 15 || BAD=1
    rm -f "$DIR/pid"
fi
end_process "$DIR/registry.pid" "$DIR" 5 || BAD=1
"$CONFORMANCE/leftovers.sh" "$DIR" || BAD=1
BRIDGE=$(bridge_name "$DIR")
if ip link show "$BRIDGE" >/dev/null 2>&1; then
    # The bridge plugin never takes its bridge away.
    ip link delete "$BRIDGE"
fi
exit $BAD
