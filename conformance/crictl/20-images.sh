# pull, images, inspecti, imagefsinfo, rmi.
# shellcheck shell=bash

c rmi -a
check "a fresh node has no image to remove" told 'No images to remove'
c images -q
check "and lists none" prints_nothing

c pull "$IMAGE"
check "pull" prints 'Image is up to date for sha256:[0-9a-f]{64}'
c pull registry.k8s.io/no-such-image:1
check "a pull of what is not there names it" fails 'no-such-image'
c pull 'Not A Name'
check "a pull of what is no name tells that" fails 'invalid|reference'
c pull "$STAGING/test-image-latest"
check "pull without a tag takes latest" ok
c pull "$NGINX"
check "pull of three layers" ok

c images
check "images lists name, tag and short id" prints 'e2e-test-images/busybox +1\.29-2 +[0-9a-f]{13} '
check "images lists latest" prints 'test-image-latest +latest +[0-9a-f]{13} '
c images -q "$IMAGE"
IMAGE_ID=$OUTPUT
check "images -q of one name prints its id" prints '^sha256:[0-9a-f]{64}$'
c images -q --no-trunc
check "images -q lists all" test "$(wc -l <<<"$OUTPUT")" = 3
c images -o json
check "images -o json" json '[.images[] | select(.id == "'"$IMAGE_ID"'")][0].repoTags == ["'"$IMAGE"'"] and (.images | length) == 3'
c images --digests
check "images --digests" prints 'busybox +1\.29-2 +[0-9a-f]{13} +[0-9a-f]{13} '
DIGEST=$(crictl images -o json | jq -r '.images[] | select(.id == "'"$IMAGE_ID"'").repoDigests[0]')
c images -v
check "images -v" prints "ID: +$IMAGE_ID"
c images --pinned
check "images --pinned" prints 'PINNED'
c images -q -f 'reference=/test-image-latest'
check "images by a reference" test "$(wc -l <<<"$OUTPUT")" = 1
c images -q -f 'dangling=true'
check "images without a name: none" prints_nothing
# Not all crictl sorts by is known to the runtime; what it asks for is each image by name, which must resolve.
c images -q -f "before=$IMAGE"
check "images before another" ok
c images -q -f "since=$DIGEST"
check "images since another, by digest" ok

for NAME in "$IMAGE_ID" "${IMAGE_ID#sha256:}" "$(short "$IMAGE_ID")" "$IMAGE" "$DIGEST"; do
    c inspecti "$NAME"
    check "inspecti $NAME" json '.status.id == "'"$IMAGE_ID"'" and .status.repoTags == ["'"$IMAGE"'"] and .status.repoDigests == ["'"$DIGEST"'"] and (.status.size | tonumber) > 0'
done
check "inspecti has containerd's info" json '(.info | keys) == ["chainID", "imageSpec"] and (.info.chainID | test("^sha256:[0-9a-f]{64}$"))
    and .info.imageSpec.config.Cmd == ["sh"] and (.info.imageSpec.rootfs.diff_ids | length) == 1'
c inspecti -q "$IMAGE"
check "inspecti -q has no info" json '.status.id == "'"$IMAGE_ID"'" and .info == null'
c inspecti -o table "$IMAGE"
check "inspecti as a table" prints "ID: $IMAGE_ID"
c inspecti -o go-template --template '{{.status.id}}' "$IMAGE"
check "inspecti with a template" prints_exactly "$IMAGE_ID"
c inspecti --name "$IMAGE"
check "inspecti --name" json '.status.id == "'"$IMAGE_ID"'"'
c inspecti registry.k8s.io/never-pulled:1
check "inspecti of what is not there" fails 'no such image'

c imagefsinfo
check "imagefsinfo tells what is used, where" json '.status.imageFilesystems[0] | (.usedBytes.value | tonumber) > 0 and (.inodesUsed.value | tonumber) > 0 and (.fsId.mountpoint | length) > 0'
check "and of the containers" json '(.status.containerFilesystems | length) == 1'
c imagefsinfo -o table
check "imagefsinfo as a table" prints '[Ii]mage'

c pull "$STAGING/test-image-tags:1"
c pull "$STAGING/test-image-tags:2"
c rmi "$STAGING/test-image-tags:1"
check "rmi by one tag takes all tags away" has_lines "Deleted: $STAGING/test-image-tags:1" "Deleted: $STAGING/test-image-tags:2"
c rmi "$STAGING/test-image-tags:2"
check "rmi of what is gone" fails 'no such image'
c pull "$DIGEST"
check "pull by digest of an image that is there" ok
c pull "$STAGING/test-image-3"
c images -q "$STAGING/test-image-3"
c rmi "$(short "$OUTPUT")"
check "rmi by a short id" prints_exactly "Deleted: $STAGING/test-image-3:latest"

run_pod prune
make_container prune
c rmi --prune
check "rmi --prune" prints "Deleted: $NGINX"
c images -q
check "rmi --prune keeps what a container is made of" prints_exactly "$IMAGE_ID"
c rmi "$IMAGE"
check "rmi of an image in use is no error" prints_exactly "Deleted: $IMAGE"
c rmp -f "$POD"
check "rmp" prints "Removed sandbox $POD"
pull_image
c rmi -a
check "rmi -a" prints_exactly "Deleted: $IMAGE"
c images -q
check "no image is left" prints_nothing
