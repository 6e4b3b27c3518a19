#!/bin/bash
# daemon.sh DIR: starts the built daemon with everything that it owns under DIR, returns when it serves, and prints its socket.
#
#   DIR/gantry.sock  the CRI socket            DIR/root, DIR/run  its state, lasting and not
#   DIR/config.toml  settings, if it is there  DIR/certs.d        hosts.toml folders of registries
#   DIR/cdi.static, DIR/cdi.dynamic  CDI specifications; the latter's win
#   DIR/cni.d        conflists; a bridge with host ports is written if there is none
#   DIR/pid, DIR/log the daemon's process and its log
#
# SIGTERM to the pid ends the daemon, and pods live on; started again on the same DIR it finds all as it was.
# stop.sh DIR ends everything. GANTRY=path takes another build than packaging/target/dist.
# GANTRY_UNIT=gantry.service has systemd start the installed one, by its unit, with the same folders. GANTRY_CGROUP_DRIVER sets the driver.
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || die "usage: daemon.sh DIR"
need_root
need_commands curl:curl setsid:util-linux
mkdir -p "$1"
DIR=$(cd "$1" && pwd -P)
SOCKET=$DIR/gantry.sock
[ ${#SOCKET} -le 107 ] || die "$SOCKET is longer than a socket's path may be (107)"
[ -n "${GANTRY_UNIT:-}" ] || [ -x "$GANTRY" ] || die "$GANTRY is not built; run: mvn -q -DskipTests -pl packaging -am verify"
! alive "$DIR/pid" "$DIR" || die "a daemon runs on $DIR already, process $(cat "$DIR/pid")"
mkdir -p "$DIR/certs.d" "$DIR/cni.d"
touch "$DIR/config.toml"

if [ -z "$(ls "$DIR/cni.d")" ]; then
    [ -x /usr/lib/cni/bridge ] || install_packages containernetworking-plugins
    need_commands iptables:iptables
    cat >"$DIR/cni.d/10-bridge.conflist" <<EOF
{
  "cniVersion": "1.0.0",
  "name": "$(network_name "$DIR")",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "$(bridge_name "$DIR")",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "$(subnet "$DIR")"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "$DIR/cni-addresses"
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}
  ]
}
EOF
fi

# One empty gRPC message; Version needs no more.
serves() {
    local answer
    answer=$(printf '\0\0\0\0\0' | curl -s -m 2 --http2-prior-knowledge --unix-socket "$SOCKET" -o /dev/null -w '%{http_code} %{size_download}' \
        -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- http://localhost/runtime.v1.RuntimeService/Version) || return 1
    [ "${answer%% *}" = 200 ] && [ "${answer##* }" -gt 5 ]
}

ARGUMENTS=(serve --config "$DIR/config.toml" --root "$DIR/root" --run "$DIR/run" --socket "$SOCKET" --certs-dir "$DIR/certs.d" --cni-conf-dir "$DIR/cni.d"
    --set "cdi.spec_dirs=$DIR/cdi.static,$DIR/cdi.dynamic")
[ -z "${GANTRY_CGROUP_DRIVER:-}" ] || ARGUMENTS+=(--set "cgroup.driver=$GANTRY_CGROUP_DRIVER")

# A drop-in, so that all else is as the package has it. Restarted on failure alone, since scripts here end the daemon by a signal.
start_unit() {
    local drop_in=/run/systemd/system/$GANTRY_UNIT.d
    mkdir -p "$drop_in"
    printf '[Service]\nExecStart=\nExecStart=/usr/bin/gantry %s\nRestart=no\nStandardOutput=append:%s\nStandardError=append:%s\n' \
        "${ARGUMENTS[*]}" "$DIR/log" "$DIR/log" >"$drop_in/folder.conf"
    printf 'Environment="GANTRY_JAVA_OPTIONS=%s"\n' "${GANTRY_JAVA_OPTIONS:-}" >>"$drop_in/folder.conf"
    systemctl daemon-reload
    # Its start limit is for daemons that fail, not for tests that start one after the other.
    systemctl reset-failed "$GANTRY_UNIT" 2>/dev/null || true
    if ! systemctl restart "$GANTRY_UNIT"; then
        systemctl status --no-pager -l "$GANTRY_UNIT" >&2 || true
        tail -20 "$DIR/log" >&2
        die "$GANTRY_UNIT does not start"
    fi
    PID=$(systemctl show -P MainPID "$GANTRY_UNIT")
}
start_process() {
    setsid "$GANTRY" "${ARGUMENTS[@]}" </dev/null >>"$DIR/log" 2>&1 &
    PID=$!
    disown
}
if [ -n "${GANTRY_UNIT:-}" ]; then start_unit; else start_process; fi
echo "$PID" >"$DIR/pid"
DEADLINE=$((SECONDS + ${GANTRY_START_SECONDS:-30}))
until serves; do
    if ! kill -0 "$PID" 2>/dev/null; then
        tail -20 "$DIR/log" >&2
        die "the daemon has ended; its log is $DIR/log"
    fi
    if [ $SECONDS -ge $DEADLINE ]; then
        tail -20 "$DIR/log" >&2
        die "the daemon does not answer on $SOCKET; its log is $DIR/log, its process $PID goes on"
    fi
    sleep 0.02
done
echo "$SOCKET"
