#!/bin/sh
# assemble.sh VERSION: puts the distribution together in target/dist and packs it; run by Maven in the package phase, which leaves
# gantry and its libraries as target/gantry.jar and the native libraries in target/natives.
set -eu
export LC_ALL=C

cd "$(dirname "$0")"
version=$1
target=$PWD/target
shim=$PWD/../sandbox/target/native/gantry-shim
new=$target/dist.new

rm -rf "$new"
mkdir -p "$new/bin" "$new/etc" "$new/lib/native" "$new/lib/systemd" "$new/share/gantry/images"
install -m 755 src/main/bin/gantry "$new/bin/gantry"
echo "$version" >"$new/lib/version"
install -m 644 src/main/lib/jvm.options "$new/lib/jvm.options"
install -m 644 src/main/systemd/gantry.service "$new/lib/systemd/gantry.service"
install -m 755 "$shim" "$new/lib/gantry-shim"
install -m 644 target/natives/META-INF/native/*.so "$new/lib/native/"
# -p, since the AOT cache knows its jar by size and time: as long as the content is the same, the time stays too.
build=$(sha256sum <target/gantry.jar | cut -c1-16)
if [ -e target/dist/lib/gantry.jar ] && [ "$build" = "$(cat target/dist/lib/build)" ]; then
    cp -p target/dist/lib/gantry.jar "$new/lib/gantry.jar"
else
    install -m 644 target/gantry.jar "$new/lib/gantry.jar"
fi
echo "$build" >"$new/lib/build"
install -m 644 ../LICENSE "$new/LICENSE"

hello=$target/hello
if [ ! -x "$hello" ] || [ -n "$(find src/main/c/hello.c -newer "$hello")" ]; then
    "${CC:-cc}" -std=c17 -Os -static -Wall -Wextra -Werror -s -o "$hello" src/main/c/hello.c
fi
sh ./image.sh "$hello" "$new/share/gantry/images/hello"

"$new/bin/gantry" config default >"$new/etc/config.toml"

rm -rf "$target/dist"
mv "$new" "$target/dist"
tar --sort=name --mtime=2026-01-01T00:00:00Z --owner=0 --group=0 --numeric-owner \
    --transform "s,^dist,gantry-$version," -C "$target" -czf "$target/gantry-$version-linux-$(uname -m).tar.gz" dist
sh ./deb.sh "$version"
