#!/bin/sh
# image.sh PROGRAM DIR: makes the demonstration image, an OCI layout in DIR, out of one static program.
# The same program gives the same bytes: times, owners and the order of entries are fixed, gzip keeps no time.
set -eu
export LC_ALL=C

program=$1
layout=$2
name=$(cat "$(dirname "$0")/src/main/image/name")
created=2026-01-01T00:00:00Z
case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/etc" "$work/root/tmp" "$layout/blobs/sha256"
install -m 755 "$program" "$work/root/hello"
printf 'root:x:0:0:root:/:/hello\nnobody:x:65534:65534:nobody:/:/hello\n' >"$work/root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$work/root/etc/group"
chmod 755 "$work/root" "$work/root/etc"
chmod 1777 "$work/root/tmp"
chmod 644 "$work/root/etc/passwd" "$work/root/etc/group"

# blob FILE: moves a file to its place in the layout, tells its digest and size
blob() {
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$layout/blobs/sha256/$digest"
}

tar --sort=name --mtime="$created" --owner=0 --group=0 --numeric-owner --format=ustar -C "$work/root" -cf "$work/layer" etc hello tmp
diff_id=$(sha256sum "$work/layer" | cut -d' ' -f1)
gzip -n -9 <"$work/layer" >"$work/layer.gz"
blob "$work/layer.gz"
layer="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$size}"

cat >"$work/config" <<EOF
{"created":"$created","architecture":"$arch","os":"linux","config":{"User":"65534:65534","ExposedPorts":{"8080/tcp":{}},"Env":["PATH=/","PORT=8080"],"Entrypoint":["/hello"],"Cmd":["serve"],"WorkingDir":"/","StopSignal":"SIGTERM"},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},"history":[{"created":"$created","created_by":"gantry packaging/image.sh"}]}
EOF
blob "$work/config"
config="{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size}"

printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' "$config" "$layer" >"$work/manifest"
blob "$work/manifest"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"architecture":"%s","os":"linux"},"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
    "$digest" "$size" "$arch" "$name" "${name##*:}" >"$layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
