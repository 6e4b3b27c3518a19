# runp, pods, inspectp, stopp, rmp.
# shellcheck shell=bash disable=SC2034

c rmp -a
check "a fresh node has no pod to remove" told 'No pods to remove'
WEB_PORT=$(free_port)
write_pod web '.linux = {} | .hostname = "web" | .metadata.attempt = 1 | .port_mappings = [{container_port: 80, host_port: '"$WEB_PORT"'}]
    | .labels += {"io.kubernetes.pod.name": "web", "io.kubernetes.pod.namespace": "walk", "io.kubernetes.pod.uid": "uid-web"} | .annotations = {note: "kept"}'
c runp "$DIR/web.pod.json"
POD=$OUTPUT
check "runp prints the pod's id" is_id
c runp "$DIR/web.pod.json"
check "the same again, as a client does that gave up waiting, is the same pod" prints_exactly "$POD"
jq '.hostname = "other"' "$DIR/web.pod.json" >"$DIR/other.pod.json"
c runp "$DIR/other.pod.json"
check "another pod of that name is refused" fails 'exists'
c runp --runtime no-such-handler "$DIR/other.pod.json"
check "an unknown runtime handler is named" fails 'no-such-handler'
WEB=$POD
run_pod plain
PLAIN=$POD

c pods
check "pods lists it as ready" prints "^$(short "$WEB") .* Ready +web +walk +1 "
c pods -q
check "pods -q" has_lines "$WEB" "$PLAIN"
c pods --name we --namespace wal --state ready --label app=web -q
check "pods by name, namespace, state and label" prints_exactly "$WEB"
c pods --id "$(short "$WEB")" -q
check "pods by a short id" prints_exactly "$WEB"
c pods --label app=other -q
check "pods by another label finds none" prints_nothing
c pods --latest -q
check "pods --latest" prints_exactly "$PLAIN"
c pods --last 1 -q
check "pods --last 1" prints_exactly "$PLAIN"
c pods --no-trunc
check "pods --no-trunc" prints "^$WEB "
c pods -o json
check "pods -o json" json '.items | length == 2 and ([.[] | select(.id == "'"$WEB"'")][0] | .annotations.note == "kept" and .state == "SANDBOX_READY")'
c pods -v --id "$WEB"
check "pods -v" prints "ID: +$WEB"

c inspectp "$(short "$WEB")"
check "inspectp takes a short id and tells state and address" json '.status.id == "'"$WEB"'" and .status.state == "SANDBOX_READY" and (.status.network.ip | test("^[0-9.]+$"))'
ADDRESS=$(jq -r .status.network.ip <<<"$OUTPUT")
check "inspectp has containerd's info" json '.info | (.pid > 0 and .processStatus == "running" and .netNamespaceClosed == false and .runtimeType != "" and .snapshotter == "overlayfs")
    and has("snapshotKey") and has("image") and has("runtimeOptions") and .config.metadata.name == "web"'
check "the network namespace's path is where tools look for it" json '[.info.runtimeSpec.linux.namespaces[] | select(.type == "network").path][0] | startswith("/")'
NETNS=$(jq -r '[.info.runtimeSpec.linux.namespaces[] | select(.type == "network").path][0]' <<<"$OUTPUT")
entered() { grep -qF " $ADDRESS/" <<<"$(nsenter --net="$NETNS" ip -o address)"; }
check "and can be entered" entered
check "the CNI result names interface and address" json '.info.cniResult.Interfaces.eth0.IPConfigs[0].IP == "'"$ADDRESS"'" and (.info.cniResult.Interfaces.eth0.Sandbox | length) > 0'
check "the pod's metadata are there" json '.info.sandboxMetadata.Metadata | .ID == "'"$WEB"'" and .NetNSPath == "'"$NETNS"'" and .IP == "'"$ADDRESS"'"'
c inspectp -q "$WEB"
check "inspectp -q has no info" json '.status.id == "'"$WEB"'" and .info == null'
c inspectp -o table "$WEB"
check "inspectp as a table" prints "ID: $WEB"
c inspectp -o go-template --template '{{.status.metadata.uid}}' "$WEB"
check "inspectp with a template" prints_exactly uid-web
c inspectp --name web
check "inspectp by name" json '.status.id == "'"$WEB"'"'
c inspectp 0123456789ab
check "inspectp of what is not there" fails 'not ?found|no such|does not exist'

pull_image "$NGINX"
write_container nginx '.image.image = "'"$NGINX"'" | del(.command) | .linux = {}'
c create "$(short "$WEB")" "$DIR/nginx.json" "$DIR/web.pod.json"
check "create in a pod by its short id" is_id
c start "$OUTPUT"
check "start" ok
answers() { grep -q nginx <<<"$(curl -s -m 2 "http://$1/")"; }
check "the pod answers on its address from the host" soon answers "$ADDRESS"
check "and on its host port" soon answers "127.0.0.1:$WEB_PORT"

c rmp "$WEB"
check "rmp refuses a ready pod" fails 'running|ready|stop'
c stopp "$(short "$WEB")"
check "stopp by a short id" prints 'Stopped sandbox'
c stopp "$WEB"
check "a second stopp is no error" prints "Stopped sandbox $WEB"
c pods --state notready -q
check "it is not ready now" prints_exactly "$WEB"
c inspectp "$WEB"
check "its network is closed" json '.status.state == "SANDBOX_NOTREADY" and .info.netNamespaceClosed == true'
closed() { ! curl -s -m 2 -o /dev/null "http://127.0.0.1:$WEB_PORT/"; }
check "its host port is closed" closed
c create "$WEB" "$DIR/nginx.json" "$DIR/web.pod.json"
check "create in a stopped pod is refused" fails 'ready|stopped'
c rmp "$(short "$WEB")"
check "rmp by a short id" prints 'Removed sandbox'
c rmp "$WEB"
check "rmp of what is gone" fails 'not ?found|no such|does not exist'
c rmp -f "$PLAIN"
check "rmp -f of a ready pod" prints 'Removed sandbox'
c pods -q
check "no pod is left" prints_nothing

c info
if json '[.runtimeHandlers[] | .features.user_namespaces // false] | all'; then
    run_pod mapped '.linux.security_context.namespace_options += {network: 0, userns_options: {mode: 0, uids: [{host_id: 655360, container_id: 0, length: 65536}], gids: [{host_id: 720896, container_id: 0, length: 65536}]}}'
    c inspectp "$POD"
    check "the user namespace and its mappings are told" json '.info.runtimeSpec.linux | ([.namespaces[].type] | index("user")) != null
        and .uidMappings == [{containerID: 0, hostID: 655360, size: 65536}] and .gidMappings == [{containerID: 0, hostID: 720896, size: 65536}]'
    c rmp -f "$POD"
fi
