#!/bin/bash
# aot.sh [DIST]: trains the AOT cache of a distribution: starts its daemon in a throw-away folder, has it pull an image and run a pod, and
# ends it; the JVM then writes DIST/lib/gantry-BUILD.aot, which the launcher uses from then on. It takes half a minute and needs root.
# The cache is good for this JVM, these jars and these flags; another JVM leaves it aside and starts without.
. "$(dirname "$0")/../conformance/lib.sh"

[ $# -le 1 ] || die "usage: aot.sh [DIST]"
DIST=$(cd "${1:-$REPOSITORY/packaging/target/dist}" && pwd -P)
CACHE_FILE=$DIST/lib/gantry-$(cat "$DIST/lib/build").aot
need_root
need_cri_tools
rm -f "$DIST"/lib/gantry-*.aot "$CACHE_FILE.new"

DIR=$(new_folder aot)
trap 'finish "$DIR" || exit 1; rm -f "$CACHE_FILE.new"' EXIT
export GANTRY=$DIST/bin/gantry
crictl() { crictl_in "$DIR" "$@" >/dev/null; }

"$CONFORMANCE/images.sh" "$DIR" bench >/dev/null
printf '[image]\nembedded_dir = "%s"\n' "$DIST/share/gantry/images" >"$DIR/config.toml"
mkdir "$DIR/logs"
GANTRY_JAVA_OPTIONS="${GANTRY_JAVA_OPTIONS:-} -XX:AOTCacheOutput=$CACHE_FILE.new" "$CONFORMANCE/daemon.sh" "$DIR" >/dev/null

IMAGE=$(cat "$REPOSITORY/packaging/src/main/image/name")
cat >"$DIR/pod.json" <<EOF
{"metadata": {"name": "training", "namespace": "aot", "uid": "1"}, "log_directory": "$DIR/logs",
 "port_mappings": [{"protocol": 0, "container_port": 8080, "host_port": $(free_port)}]}
EOF
cat >"$DIR/container.json" <<EOF
{"metadata": {"name": "hello"}, "image": {"image": "$IMAGE"}, "log_path": "hello.log",
 "linux": {"resources": {"memory_limit_in_bytes": 33554432, "cpu_quota": 50000, "cpu_period": 100000},
  "security_context": {"no_new_privs": true, "seccomp": {"profile_type": 0}}}}
EOF
# What a kubelet does all day, twice: the second round is what the profiles should look like.
for _ in 1 2; do
    crictl version
    crictl info
    crictl images
    crictl imagefsinfo
    crictl pull gantry.test/many-files:1
    crictl rmi gantry.test/many-files:1
    POD=$(crictl_in "$DIR" runp "$DIR/pod.json")
    CONTAINER=$(crictl_in "$DIR" create "$POD" "$DIR/container.json" "$DIR/pod.json")
    crictl start "$CONTAINER"
    crictl exec -s "$CONTAINER" /hello true
    crictl pods
    crictl ps -a
    crictl inspect "$CONTAINER"
    crictl inspectp "$POD"
    crictl inspecti "$IMAGE"
    crictl stats -a
    crictl statsp
    crictl stop -t 2 "$CONTAINER"
    crictl rm "$CONTAINER"
    crictl stopp "$POD"
    crictl rmp "$POD"
done

# The JVM writes the cache as it ends.
end_process "$DIR/pid" "$DIR" 120
[ -s "$CACHE_FILE.new" ] || die "the JVM wrote no cache; its log is $(tail -5 "$DIR/log")"
mv "$CACHE_FILE.new" "$CACHE_FILE"
# With AOTMode=on a cache that cannot be used is an error instead of a line in the log.
GANTRY_JAVA_OPTIONS=-XX:AOTMode=on "$GANTRY" version >/dev/null || die "the JVM refuses the cache that it wrote"
say "trained $CACHE_FILE, $(($(stat -c %s "$CACHE_FILE") >> 20)) MB"
