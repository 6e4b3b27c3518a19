#!/bin/bash
# test-deb.sh: installs, upgrades, removes and purges the built .deb, with a pod running, on the machine that it runs on: not for yours, but for
# the virtual one (conformance/vm.sh packaging/test-deb.sh). Ends with "N passed, N failed, N skipped".
. "$(dirname "$0")/../conformance/lib.sh"
. "$CONFORMANCE/checks.sh"

need_root
[ -d /run/systemd/system ] || die "there is no systemd here; run: conformance/vm.sh packaging/test-deb.sh"
[ ! -e /var/lib/gantry ] && [ ! -e /etc/gantry ] || die "this machine has a gantry with state of its own"
need_cri_tools
DEB=$(echo "$REPOSITORY"/packaging/target/gantry_*_"$(dpkg --print-architecture)".deb)
[ -e "$DEB" ] || die "there is no .deb in packaging/target; run: mvn -q -DskipTests -pl packaging -am package"
IMAGE=$(cat "$REPOSITORY/packaging/src/main/image/name")
WORK=$(new_folder deb)
trap 'rm -rf "$WORK"' EXIT
CHECKED=$WORK/checked
export DEBIAN_FRONTEND=noninteractive

not() { ! "$@"; }
crictl() { "$CRICTL" --config /dev/null -r unix:///run/gantry/gantry.sock -i unix:///run/gantry/gantry.sock -t 60s "$@"; }
property() { systemctl show -P "$1" gantry.service; }
has_property() { echo "$1=$(property "$1")" && [ "$(property "$1")" = "$2" ]; }

# ---- Install

mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/10-bridge.conflist <<'CONFLIST'
{"cniVersion": "1.0.0", "name": "deb", "plugins": [
 {"type": "bridge", "bridge": "deb0", "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
 {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]}
CONFLIST
check "the package installs" dpkg -i "$DEB"
check "its service runs" systemctl is-active gantry
check "and is enabled" systemctl is-enabled gantry
check "the machine lacks nothing" gantry check
check "AppArmor is served" says "ok       AppArmor" gantry check
check "the AOT cache is in force" env GANTRY_JAVA_OPTIONS=-XX:AOTMode=on gantry version
trigger() { rm /usr/lib/gantry/lib/gantry-*.aot && dpkg-trigger --by-package=openjdk-25-jre-headless --no-await /usr/lib/jvm && dpkg --configure --pending; }
check "another Java has it trained anew" trigger
check "and it is in force again" env GANTRY_JAVA_OPTIONS=-XX:AOTMode=on gantry version
check "a reset is refused while the daemon runs" says "another gantry uses /var/lib/gantry" gantry reset
check "the daemon is told to systemd as ready" has_property StatusText "serving on /run/gantry/gantry.sock"
check "its cgroup is delegated" has_property Delegate yes
check "its pods are not the service's" has_property KillMode process
check "it is not the first to go without memory" grep -qx -- -999 "/proc/$(property MainPID)/oom_score_adj"
check "crictl is answered" says "RuntimeName:  gantry" crictl version

# ---- A pod, and another daemon above it

sed -i "s,^# *embedded_dir *=.*\|^embedded_dir *=.*,embedded_dir = \"/usr/lib/gantry/share/gantry/images\"," /etc/gantry/config.toml
check "a restart takes the new configuration" systemctl restart gantry
echo '{"metadata": {"name": "web", "namespace": "deb", "uid": "1"}, "port_mappings": [{"protocol": 0, "container_port": 8080, "host_port": 18080}], "linux": {}}' >"$WORK/pod.json"
echo '{"metadata": {"name": "hello"}, "image": {"image": "'"$IMAGE"'"}, "linux": {}}' >"$WORK/container.json"
start_pod() {
    POD=$(crictl runp "$WORK/pod.json") || return 1
    CONTAINER=$(crictl create "$POD" "$WORK/container.json" "$WORK/pod.json") && crictl start "$CONTAINER" || return 1
    INIT=$(crictl inspect "$CONTAINER" | jq -r .info.pid)
}
confined() { says "gantry-default (enforce)" cat "/proc/$INIT/attr/current"; }
serves() { curl -sS --retry 20 --retry-connrefused --retry-delay 0 --retry-max-time 10 -m 5 http://127.0.0.1:18080/deb | grep 'you asked for /deb'; }
lives() { [ "$(crictl inspect "$CONTAINER" | jq -r '.status.state + " " + (.info.pid | tostring)')" = "CONTAINER_RUNNING $INIT" ] && [ -d "/proc/$INIT" ]; }
check "a pod starts" start_pod
check "it serves on its host port" serves
check "it is confined by the default AppArmor profile" confined
check "the daemon restarts" systemctl restart gantry
check "the pod lives on" lives

# ---- Upgrade

dpkg-deb -R "$DEB" "$WORK/next"
sed -i 's/^Version: .*/Version: 99.0/' "$WORK/next/DEBIAN/control"
echo 99.0 >"$WORK/next/usr/lib/gantry/lib/version"
dpkg-deb -Zgzip -z1 --root-owner-group --build "$WORK/next" "$WORK/next.deb" >/dev/null
OLD=$(property MainPID)
check "an upgrade installs" dpkg -i "$WORK/next.deb"
check "the new daemon serves" says "RuntimeVersion:  99.0" crictl version
check "it is another process" test "$OLD" != "$(property MainPID)"
check "the configuration is as the administrator left it" grep -q '^embedded_dir = "/usr' /etc/gantry/config.toml
check "the AOT cache is the new version's" env GANTRY_JAVA_OPTIONS=-XX:AOTMode=on gantry version
check "the pod lived through the upgrade" lives
check "and serves" serves

# ---- Remove, and install again

check "a removal says that a pod is there" says "1 pods are there" dpkg -r gantry
check "no daemon is left" not systemctl is-active gantry
check "the pod goes on" serves
check "the program is gone" not test -e /usr/lib/gantry
check "the configuration stays" test -e /etc/gantry/config.toml
check "the package installs again" dpkg -i "$DEB"
check "the pod is taken up" lives

# ---- Purge with a pod running

nothing_left() {
    {
        find /var/lib/gantry /var/lib/gantry-uninstall /run/gantry /etc/gantry /usr/lib/gantry /usr/bin/gantry /etc/systemd/system/multi-user.target.wants/gantry.service -maxdepth 0
        grep -l gantry /proc/[0-9]*/comm
        awk '$5 ~ "^/(run|var/lib)/gantry(/|$)" { print $5 }' /proc/self/mountinfo
        find /sys/fs/cgroup -type d -regex '.*[0-9a-f]\{64\}.*'
    } 2>/dev/null >"$WORK/left" || true
    cat "$WORK/left"
    [ ! -s "$WORK/left" ] && [ ! -d "/proc/$INIT" ]
}
no_network_left() {
    {
        ip -o link show master deb0
        iptables-save | grep 18080
        find /var/lib/cni/networks -name '10.77.*'
    } >"$WORK/left" || true
    cat "$WORK/left"
    [ ! -s "$WORK/left" ]
}
check "a purge with a pod running" dpkg -P gantry
check "nothing is left of it" nothing_left
check "nor of the pod's network" no_network_left

# ---- Purge where the daemon's way is barred

check "the package installs once more" dpkg -i "$DEB"
sed -i "s,^# *embedded_dir *=.*\|^embedded_dir *=.*,embedded_dir = \"/usr/lib/gantry/share/gantry/images\"," /etc/gantry/config.toml
check "with the demonstration image" systemctl restart gantry
check "and a pod" start_pod
check "it is removed" dpkg -r gantry
printf '#!/bin/sh\nexit 1\n' >/var/lib/gantry-uninstall/bin/gantry
check "a purge says that the pods ended hard" says "reset failed" dpkg -P gantry
check "nothing is left of it either" nothing_left

totals $PASSED $FAILED 0
[ $FAILED = 0 ]
