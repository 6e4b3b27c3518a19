#!/bin/bash
# test-dist.sh: tests the built distribution: launcher, files, demonstration image, AOT cache. Ends with "N passed, N failed, N skipped".
. "$(dirname "$0")/../conformance/lib.sh"
. "$CONFORMANCE/checks.sh"

need_root
need_commands curl:curl tar:tar gcc:gcc
DIST=$REPOSITORY/packaging/target/dist
WORK=$(new_folder dist)
trap 'finish "$WORK/daemon" >&2; rm -rf --one-file-system "$WORK"' EXIT
CHECKED=$WORK/checked

gantry() { "$DIST/bin/gantry" "$@"; }
ends_with_code() {
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" = "$wanted" ]
}

# ---- Launcher

VERSION=$(cat "$DIST/lib/version")
by_link() {
    ln -sf "$DIST/bin/gantry" "$WORK/link"
    ln -sf link "$WORK/link-to-link"
    (cd / && says "gantry $VERSION" "$WORK/link-to-link" version)
}
with_old_java_home() {
    mkdir -p "$WORK/java17/bin"
    echo 'JAVA_VERSION="17.0.2"' >"$WORK/java17/release"
    printf '#!/bin/sh\necho old java was run\nexit 1\n' >"$WORK/java17/bin/java"
    chmod +x "$WORK/java17/bin/java"
    JAVA_HOME=$WORK/java17 says "gantry $VERSION" "$DIST/bin/gantry" version
}
check "version is told" says "gantry $VERSION" gantry version
check "launcher is found through links" by_link
check "another Java in JAVA_HOME is passed over" with_old_java_home
check "default configuration is the one in etc" diff "$DIST/etc/config.toml" <(gantry config default)
check "wrong usage ends with 2" ends_with_code 2 gantry dance
printf 'rooot = "/x"\n' >"$WORK/wrong.toml"
check "unknown key is an error that names it" says rooot gantry serve --config "$WORK/wrong.toml"
check "unknown key ends with 1" ends_with_code 1 gantry serve --config "$WORK/wrong.toml"

# ---- Files

same_as_archive() {
    mkdir "$WORK/unpacked"
    tar -xzf "$REPOSITORY"/packaging/target/gantry-"$VERSION"-linux-"$(uname -m)".tar.gz -C "$WORK/unpacked"
    # The cache is trained in place and belongs to the machine.
    diff -r --exclude "gantry-*.aot" "$DIST" "$WORK/unpacked/gantry-$VERSION"
}
shim_is_static() { ! readelf -l "$DIST/lib/gantry-shim" | grep INTERP >/dev/null; }
check "archive holds the distribution" same_as_archive
check "shim needs no libraries" shim_is_static

# ---- Demonstration image

LAYOUT=$DIST/share/gantry/images/hello
digests_hold() {
    local blob
    for blob in "$LAYOUT"/blobs/sha256/*; do [ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "$(basename "$blob")" ] || return 1; done
    blob=$(grep -o "sha256:[0-9a-f]*" "$LAYOUT/index.json" | cut -d: -f2)
    [ -e "$LAYOUT/blobs/sha256/$blob" ]
}
image_is_reproducible() {
    sh "$REPOSITORY/packaging/image.sh" "$REPOSITORY/packaging/target/hello" "$WORK/image"
    diff -r "$LAYOUT" "$WORK/image"
}
HELLO=$REPOSITORY/packaging/target/hello
hello_serves() {
    local pid code=0 port
    port=$(free_port)
    PORT=$port "$HELLO" >"$WORK/hello.log" &
    pid=$!
    curl -sS --retry 20 --retry-connrefused --retry-delay 0 --retry-max-time 5 "http://127.0.0.1:$port/some/path" | grep "you asked for /some/path" || code=1
    printf 'nonsense\n\n' | curl -s -m 3 "telnet://127.0.0.1:$port" | grep 400 || code=1
    kill "$pid"
    wait "$pid" || code=1
    cat "$WORK/hello.log"
    grep -q '^200 GET /some/path' "$WORK/hello.log" && grep -q goodbye "$WORK/hello.log" && [ $code = 0 ]
}
check "digests of the layout hold" digests_hold
check "image is the same when made again" image_is_reproducible
check "hello echo" says "a b" "$HELLO" echo a b
check "hello cat" says "root:x:0:0" "$HELLO" cat /etc/passwd
check "hello false ends with 1" ends_with_code 1 "$HELLO" false
check "hello ends with 2 on wrong usage" ends_with_code 2 "$HELLO" dance
check "hello serves, logs and ends at SIGTERM" hello_serves

# ---- AOT cache, on a copy, so that the distribution stays as it was built

cp -rp "$DIST" "$WORK/dist"
rm -f "$WORK"/dist/lib/gantry-*.aot
copy_with() { GANTRY_JAVA_OPTIONS=$* "$WORK/dist/bin/gantry" version; }
check "AOT cache is trained" "$REPOSITORY/packaging/aot.sh" "$WORK/dist"
check "AOT cache is in force" copy_with -XX:AOTMode=on
check "AOT cache of other flags would be noticed" ends_with_code 1 copy_with -XX:AOTMode=on -XX:-UseCompactObjectHeaders

# Starts the copy as a daemon and looks where its classes came from and what it left in its temporary folder.
daemon_uses_cache() {
    mkdir -p "$WORK/daemon" "$WORK/tmp"
    GANTRY=$WORK/dist/bin/gantry GANTRY_JAVA_OPTIONS="-Xlog:class+load:file=$WORK/classes -Djava.io.tmpdir=$WORK/tmp" "$CONFORMANCE/daemon.sh" "$WORK/daemon"
    local all cached
    all=$(grep -cE ' (io\.gantry|io\.netty|io\.grpc)\.[^ /]* source:' "$WORK/classes")
    cached=$(grep -E ' (io\.gantry|io\.netty|io\.grpc)\.[^ /]* source:' "$WORK/classes" | grep -c 'shared objects file')
    echo "$cached of $all classes of gantry, Netty and gRPC came from the cache"
    [ "$all" -gt 100 ] && [ $((cached * 100)) -gt $((all * 90)) ]
}
# The JVM itself would run the classes of the jars that the cache was made from.
other_build_leaves_cache() {
    echo another >"$WORK/dist/lib/build"
    ! copy_with -Xlog:class+load | grep 'io.gantry.daemon.Main source: shared objects file'
}
nothing_unpacked() { [ -z "$(ls "$WORK/tmp")" ] || { ls "$WORK/tmp"; return 1; }; }
check "daemon takes its classes from the cache" daemon_uses_cache
check "daemon unpacks nothing into the temporary folder" nothing_unpacked

check "AOT cache of other jars is left aside" other_build_leaves_cache

totals $PASSED $FAILED 0
[ $FAILED = 0 ]
