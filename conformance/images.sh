#!/bin/bash
# images.sh DIR [SET]: starts a registry on a free loopback port with the images that the tests want, and writes DIR/certs.d so that
# a runtime that reads hosts.toml there gets registry.k8s.io, gcr.io, k8s.gcr.io and gantry.test from it. Prints the registry's address.
#
# SET is conformance (what critest names, and the JUnit tests' own), bench (a layer of 15,000 files) or load (an image of 500 MB). The images are made once and
# kept in the cache folder; the registry that serves them takes no pushes. Its process is DIR/registry.pid; stop.sh DIR ends it.
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || die "usage: images.sh DIR [conformance|bench|load]"
SET=${2:-conformance}
mkdir -p "$1/certs.d"
DIR=$(cd "$1" && pwd -P)

# Debian's own sources as deb-src lines, in a file of our own: the machine's settings stay as they are, and what stands in
# sources.list.d beside them is not asked.
fetch_source() {
    local dir=$1 package=$2 uris suites
    : >"$dir/sources.list"
    if [ -e /etc/apt/sources.list.d/debian.sources ]; then
        while read -r uris && read -r suites; do
            for suite in $suites; do echo "deb-src $uris $suite main" >>"$dir/sources.list"; done
        done < <(sed -n 's/^\(URIs\|Suites\): *//p' /etc/apt/sources.list.d/debian.sources)
    else
        sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*debian[^ ]*\) \([^ ]*\) .*/deb-src \2 \3 main/p' /etc/apt/sources.list >>"$dir/sources.list"
    fi
    mkdir -p "$dir/lists/partial"
    local apt=(apt-get -qq -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$dir/lists"
        -o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$dir" && "${apt[@]}" source "$package" >/dev/null)
}

make_busybox() {
    need_commands dpkg-source:dpkg-dev gcc:gcc make:make bzip2:bzip2 patch:patch
    [ -e /usr/include/linux/if.h ] && [ -e /usr/include/stdio.h ] || install_packages libc6-dev linux-libc-dev
    local work=$1/work
    mkdir "$work"
    say "building busybox from Debian's source package (one minute)"
    fetch_source "$work" busybox
    cd "$work"/busybox-*/
    make -s defconfig >/dev/null
    # The specs mask applets one by one, so the shell must run what is in PATH and not its own copy.
    sed -i -e 's/^# CONFIG_STATIC is not set/CONFIG_STATIC=y/' -e 's/^CONFIG_FEATURE_SH_STANDALONE=y/# CONFIG_FEATURE_SH_STANDALONE is not set/' \
        -e 's/^CONFIG_FEATURE_PREFER_APPLETS=y/# CONFIG_FEATURE_PREFER_APPLETS is not set/' -e 's/^CONFIG_TC=y/# CONFIG_TC is not set/' .config
    yes '' | make -s oldconfig >/dev/null 2>&1 || true
    nice make -s -j2 busybox >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; die "busybox does not build"; }
    cp busybox "$1/busybox"
    cd - >/dev/null
    rm -rf "$work"
}

# nginx is the host's Debian build with the libraries that it names, to stand on top of busybox.
make_nginx() {
    local tree=$1/tree package libraries path
    need_commands gcc:gcc
    unpack_packages "$tree" nginx
    local ldd=(env "LD_LIBRARY_PATH=$tree/usr/lib/$(gcc -print-multiarch):$tree/lib/$(gcc -print-multiarch)" ldd "$tree/usr/sbin/nginx")
    if "${ldd[@]}" | grep 'not found' >/dev/null; then
        mapfile -t libraries < <(apt-cache depends nginx | sed -n 's/^ *Depends: \(lib\|zlib\)/\1/p')
        unpack_packages "$tree" "${libraries[@]}"
    fi
    ! "${ldd[@]}" | grep 'not found' >&2 || die "nginx lacks libraries"
    mkdir -p "$1/nginx/usr/sbin" "$1/nginx/lib"
    cp "$tree/usr/sbin/nginx" "$1/nginx/usr/sbin/"
    for path in $("${ldd[@]}" | grep -o '/[^ ]*lib[^ ]*'); do
        # By the name that the program asks for, wherever it was found.
        package=${path#"$tree"}
        package=${package#/usr}
        mkdir -p "$1/nginx$(dirname "$package")"
        cp -L "$path" "$1/nginx$package"
    done
    rm -rf "$tree"
}

make_programs() {
    local source
    need_commands gcc:gcc
    for source in "$CONFORMANCE"/images/*.c; do
        gcc -O2 -static -s -o "$1/$(basename "$source" .c)" "$source"
    done
}

make_store() {
    say "making the $SET images"
    mkdir "$1/store"
    serve_registry "$1/store" "$1/registry.pid" false
    # Copies: the parts are made, and kept, one by one.
    mkdir "$1/files"
    cp -r "$CACHE"/images/busybox/busybox "$CACHE"/images/nginx/nginx "$CACHE/$PROGRAMS"/* "$1/files/"
    "$CACHE/$PROGRAM/testimages" -registry "127.0.0.1:$PORT" -files "$1/files" -set "$SET"
    end_process "$1/registry.pid" "$1" 5
    rm -rf "$1/files" "$1"/registry.pid*
}

need_commands flock:util-linux
need_docker_registry
once images/busybox make_busybox
PROGRAMS=images/programs-$(key "$CONFORMANCE"/images/*.c)
once images/nginx make_nginx
once "$PROGRAMS" make_programs
PROGRAM=tools/testimages-$(key "$CONFORMANCE"/tools/testimages/*.go)
once "$PROGRAM" make_test_images_program
STORE=images/$SET-$(key "$CONFORMANCE"/tools/testimages/*.go "$CONFORMANCE"/images/*.c)
once "$STORE" make_store

serve_registry "$CACHE/$STORE/store" "$DIR/registry.pid" true
for HOST in registry.k8s.io gcr.io k8s.gcr.io gantry.test "127.0.0.1:$PORT"; do
    map_registry "$DIR" "$HOST" "127.0.0.1:$PORT"
done
echo "127.0.0.1:$PORT"
