# create, start, run, ps, inspect, stop, rm.
# shellcheck shell=bash

c stop -a
check "a fresh node has no container to stop" prints 'No running containers'
c rm -a
check "and none to remove" told 'No containers to remove'
pull_image
IMAGE_ID=$(crictl images -q "$IMAGE")
mkdir -p "$DIR/share"
echo shared >"$DIR/share/file"
write_pod work '.linux = {} | .hostname = "work" | .labels += {"io.kubernetes.pod.name": "work", "io.kubernetes.pod.namespace": "walk"}'
c runp "$DIR/work.pod.json"
POD=$OUTPUT POD_NAME=work
make_container shell '.labels = {part: "one", "io.kubernetes.pod.name": "work", "io.kubernetes.pod.namespace": "walk"} | .annotations = {note: "kept"} | .mounts = [{host_path: "'"$DIR"'/share", container_path: "/share", readonly: true}]
    | .envs = [{key: "COLOUR", value: "green"}] | .linux = {resources: {memory_limit_in_bytes: 67108864, cpu_shares: 256}}
    | .command[2] = "trap '"'exit 0'"' TERM; while :; do sleep 0.1; done"'
SHELL_ID=$CONTAINER
c create "$POD" "$DIR/shell.json" "$DIR/work.pod.json"
check "the same again is the same container" prints_exactly "$SHELL_ID"
c ps -a
check "ps -a lists it as created" prints "^$(short "$SHELL_ID") .* Created +shell "
c inspect "$SHELL_ID"
check "inspect of one that has not started" json '.status.state == "CONTAINER_CREATED" and .status.startedAt == "0001-01-01T00:00:00Z" or .status.startedAt == "0" or (.status.startedAt | startswith("1970"))'
c start "$(short "$SHELL_ID")"
check "start by a short id" prints_exactly "$(short "$SHELL_ID")"
c ps
check "ps lists it with image, state, pod, names" prints "^$(short "$SHELL_ID") .* Running +shell +0 +$(short "$POD") +work +walk"
c ps --name she --state running --image "$IMAGE" --label part=one --namespace walk -q
check "ps by name, state, image, label and namespace" prints_exactly "$SHELL_ID"
c ps --image "$(short "$IMAGE_ID")" -q
check "ps by a short image id" prints_exactly "$SHELL_ID"
c ps --pod "$(short "$POD")" -q
check "ps by a short pod id" prints_exactly "$SHELL_ID"
c ps --id "$(short "$SHELL_ID")" -q
check "ps by a short id" prints_exactly "$SHELL_ID"
c ps --label part=two -q
check "ps by another label finds none" prints_nothing
c ps -r
check "ps -r names the image" prints "busybox:1.29-2"
c ps --no-trunc
check "ps --no-trunc" prints "^$SHELL_ID "
c ps -o json
check "ps -o json" json '.containers[0] | .id == "'"$SHELL_ID"'" and .imageRef == "'"$IMAGE_ID"'" and .imageId == "'"$IMAGE_ID"'" and .annotations.note == "kept"'

c inspect "$(short "$SHELL_ID")"
check "inspect has state, image, mounts, log path, resources" json '.status | .state == "CONTAINER_RUNNING" and .imageId == "'"$IMAGE_ID"'"
    and (.mounts | length) == 1 and .mounts[0].hostPath == "'"$DIR"'/share" and .logPath == "'"$DIR"'/logs/work/shell/0.log" and .resources.linux.memoryLimitInBytes == "67108864"'
check "inspect has containerd's info" json '.info | .sandboxID == "'"$POD"'" and .pid > 0 and .removing == false and .snapshotKey == "'"$SHELL_ID"'" and .snapshotter == "overlayfs"
    and has("runtimeType") and has("runtimeOptions") and .config.metadata.name == "shell"'
check "the specification tells the process" json '.info.runtimeSpec.process | (.env | index("COLOUR=green")) != null and .cwd == "/" and .args[0] == "sh" and (.capabilities.bounding | index("CAP_CHOWN")) != null'
check "and mounts, host name, namespaces and cgroup" json '.info.runtimeSpec | .hostname == "work" and ([.mounts[].destination] | index("/share")) != null
    and ([.linux.namespaces[].type] | index("network")) != null and (.linux.cgroupsPath | contains("'"$SHELL_ID"'"))'
c inspect -q "$SHELL_ID"
check "inspect -q has no info" json '.status.id == "'"$SHELL_ID"'" and .info == null'
c inspect -o table "$SHELL_ID"
check "inspect as a table" prints "ID: $SHELL_ID"
c inspect -o go-template --template '{{.info.pid}}' "$SHELL_ID"
check "inspect with a template" prints '^[0-9]+$'
c inspect --name shell --state running
check "inspect by name and state" json '.status.id == "'"$SHELL_ID"'"'
c inspect 0123456789ab
check "inspect of what is not there" fails 'not ?found|no such|does not exist'

# A first digit that two containers share must not choose one of them.
for ((NUMBER = 0; NUMBER < 17; NUMBER++)); do
    SHARED=$(crictl ps -a -q | cut -c1 | sort | uniq -d | head -1)
    [ -z "$SHARED" ] || break
    write_container "spare$NUMBER"
    c create "$POD" "$DIR/spare$NUMBER.json" "$DIR/work.pod.json"
done
for COMMAND in inspect stop rm 'exec -s'; do
    # shellcheck disable=SC2086
    if [ "$COMMAND" = 'exec -s' ]; then c $COMMAND "$SHARED" true; else c $COMMAND "$SHARED"; fi
    check "$COMMAND with a prefix of two containers' ids" fails 'ambiguous'
done
c ps --state created -q
# shellcheck disable=SC2086
c rm $OUTPUT
check "rm of several that never ran" ok

c rm "$SHELL_ID"
check "rm refuses a running container" fails 'running'
c stop --timeout 10 "$(short "$SHELL_ID")"
check "stop by a short id" prints_exactly "$(short "$SHELL_ID")"
c inspect "$SHELL_ID"
check "it has exited with its own code" json '.status | .state == "CONTAINER_EXITED" and .exitCode == 0 and .reason == "Completed"'
c exec -s "$SHELL_ID" true
check "exec in it is refused" fails 'running|exited|state'
c start "$SHELL_ID"
check "a second start is refused" fails 'exited|state|created'
c stop "$SHELL_ID"
check "a second stop is no error" ok
c ps -a --state exited -q
check "ps by the state exited" prints_exactly "$SHELL_ID"
c rm -k "$SHELL_ID"
check "rm -k keeps the log" test "$OUTPUT" = "$SHELL_ID" -a -e "$DIR/logs/work/shell/0.log"
c inspect "$SHELL_ID"
check "it is not found any more" fails 'not ?found|no such|does not exist'
c rm "$SHELL_ID"
check "rm of what is gone" fails 'not ?found|no such|does not exist'

run_container one '.linux = {}'
ONE=$CONTAINER
run_container two '.linux = {} | .command[2] = "trap '"''"' TERM; while :; do sleep 0.1; done"'
TWO=$CONTAINER
make_container three '.linux = {}'
c ps --latest -q
check "ps --latest" prints_exactly "$CONTAINER"
c ps --last 2 -q
check "ps --last 2" has_lines "$TWO" "$CONTAINER"
c stop --timeout 1 -a
check "stop -a stops those that run" has_lines "$ONE" "$TWO"
c inspect "$TWO"
check "one that ignores SIGTERM was killed" json '.status.exitCode == 137'
c rm -a -f
check "rm -a -f" has_lines "$ONE" "$TWO" "$CONTAINER"
check "with their logs" test ! -e "$DIR/logs/work/one/0.log"
run_container four '.linux = {}'
c rm -f "$(short "$CONTAINER")"
check "rm -f stops and removes a running container by its short id" prints_exactly "$(short "$CONTAINER")"$'\n'"$(short "$CONTAINER")"
c ps -a -q
check "no container is left" prints_nothing
c stop 0123456789ab
check "stop of what never was is no error" ok

# A pod JSON with nothing in it but a name, as in crictl's own examples.
echo '{"metadata": {"name": "bare", "namespace": "walk", "uid": "uid-bare"}}' >"$DIR/bare.pod.json"
echo '{"metadata": {"name": "bare"}, "image": {"image": "'"$IMAGE"'"}, "command": ["true"]}' >"$DIR/bare.json"
c run --no-pull "$DIR/bare.json" "$DIR/bare.pod.json"
check "run with the shortest files" is_id
c logs "$OUTPUT"
check "logs of a container without one tells that" fails 'log path'
