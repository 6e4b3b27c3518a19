# version, info, runtime-config, update-runtime-config, and what crictl does without asking the runtime: config, completion, jsonschema.
# shellcheck shell=bash disable=SC2034

c version
check "version names the runtime" prints 'RuntimeName: +gantry'
check "and the API" prints 'RuntimeApiVersion: +v1$'

c info
check "info tells that runtime and network are ready" json '[.status.conditions[] | select(.type == "RuntimeReady" or .type == "NetworkReady").status] == [true, true]'
check "info has containerd's keys" json '(.config | type) == "object" and (.cniconfig | type) == "object" and .lastCNILoadStatus == "OK"'
check "the settings name the state folder" json '.config.stateDir == "'"$DIR"'/run"'
check "the CNI state names folders and the network" json '.cniconfig.PluginConfDir == "'"$DIR"'/cni.d" and (.cniconfig.PluginDirs | length) > 0
    and .cniconfig.Networks[0].Config.Name == "'"$(network_name "$DIR")"'"'
check "info lists runtime handlers with the default one" json '[.runtimeHandlers[] | .name // ""] | index("") != null'
check "info lists features" json '.features.supplemental_groups_policy == true'
c info -q
check "info -q leaves the verbose keys out" json '.status != null and .config == null'
c info -o go-template --template '{{.lastCNILoadStatus}}'
check "info takes a template" prints_exactly OK

# The network's configuration is taken away and put back while the daemon runs.
network_is() {
    c info
    json '.status.conditions[] | select(.type == "NetworkReady") | .status == '"$1"
}
mkdir "$DIR/cni.away"
mv "$DIR"/cni.d/* "$DIR/cni.away/"
check "without a network configuration info says so" soon network_is false
check "with the reason that the kubelet's users know" json '.status.conditions[] | select(.type == "NetworkReady") | .reason == "NetworkPluginNotReady" and (.message | contains("'"$DIR"'/cni.d"))'
check "and in the CNI state" json '.lastCNILoadStatus | contains("'"$DIR"'/cni.d")'
write_pod no-network '.linux = {}'
c runp "$DIR/no-network.pod.json"
check "a pod that wants a network is refused with the folder's name" fails "$DIR/cni.d"
c pods -q
check "and is not there" prints_nothing
mv "$DIR"/cni.away/* "$DIR/cni.d/"
check "the configuration is found again" soon network_is true

c runtime-config
check "runtime-config names the cgroup driver" prints 'cgroupfs|systemd|CGROUPFS|SYSTEMD'
c update-runtime-config --pod-cidr 10.77.0.0/16
check "update-runtime-config" told 'successfully updated'
c update-runtime-config --pod-cidr ''
check "update-runtime-config with nothing in it" ok

# ---- Without the runtime
configured() {
    CODE=0
    CALLED[$1]=1
    OUTPUT=$("$CRICTL" --config "$DIR/crictl.yaml" "$@" 2>"$DIR/error") || CODE=$?
    ERROR=$(cat "$DIR/error")
}
: >"$DIR/crictl.yaml"
configured config --set "runtime-endpoint=unix://$DIR/gantry.sock,image-endpoint=unix://$DIR/gantry.sock,timeout=5"
check "config --set" ok
configured config --get timeout
check "config --get" prints_exactly 5
configured config --list
check "config --list" prints "runtime-endpoint +unix://$DIR/gantry.sock"
configured version
check "the settings of a file are enough" prints 'RuntimeName: +gantry'
c completion bash
check "completion prints a shell's function" prints 'complete .*crictl'
check "that the shell takes" bash -n <<<"$OUTPUT"
for NAME in 'runp jsonschema' 'pull jsonschema' 'create jsonschema --container' 'create jsonschema --pod' 'run jsonschema --container' 'run jsonschema --pod'; do
    # shellcheck disable=SC2086
    c $NAME
    check "$NAME" json '."$schema" != null or ."$defs" != null or .properties != null'
done
