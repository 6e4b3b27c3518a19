#!/bin/sh
# deb.sh VERSION: makes target/gantry_VERSION_ARCHITECTURE.deb out of target/dist; run by Maven after assemble.sh, where there is a dpkg-deb.
set -eu
export LC_ALL=C

cd "$(dirname "$0")"
# Before a release comes its snapshot.
version=$(echo "$1" | sed 's/-SNAPSHOT$/~snapshot/')
target=$PWD/target
if ! command -v dpkg-deb >/dev/null; then
    echo "no dpkg-deb here, so no .deb is made" >&2
    exit 0
fi
architecture=$(dpkg --print-architecture)
root=$target/deb

rm -rf "$root" "$target"/gantry_*.deb
mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/usr/share/doc/gantry" "$root/etc/gantry/certs.d"
cp -rp "$target/dist" "$root/usr/lib/gantry"
# These have their own places, and the cache is the machine's.
rm -rf "$root/usr/lib/gantry/etc" "$root/usr/lib/gantry/lib/systemd" "$root/usr/lib/gantry/LICENSE" "$root"/usr/lib/gantry/lib/gantry-*.aot
install -m 755 src/main/debian/gantry-train "$root/usr/lib/gantry/bin/gantry-train"
ln -s ../lib/gantry/bin/gantry "$root/usr/bin/gantry"
install -m 644 "$target/dist/etc/config.toml" "$root/etc/gantry/config.toml"
sed -e 's,/opt/gantry/bin/gantry,/usr/bin/gantry,' -e 's,/opt/gantry/share/doc,/usr/share/doc,' src/main/systemd/gantry.service >"$root/usr/lib/systemd/system/gantry.service"
install -m 644 ../README.md ../CHANGELOG.md "$root/usr/share/doc/gantry/"
install -m 644 ../LICENSE "$root/usr/share/doc/gantry/copyright"

echo /etc/gantry/config.toml >"$root/DEBIAN/conffiles"
echo "interest-noawait /usr/lib/jvm" >"$root/DEBIAN/triggers"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$(du -sk "$root" | cut -f1)/" src/main/debian/control >"$root/DEBIAN/control"
install -m 755 src/main/debian/postinst src/main/debian/prerm src/main/debian/postrm "$root/DEBIAN/"
(cd "$root" && find usr -type f -exec md5sum {} + | sort -k 2) >"$root/DEBIAN/md5sums"
# gzip, since jars and classes are compressed already.
SOURCE_DATE_EPOCH=1767225600 dpkg-deb -Zgzip --root-owner-group --build "$root" "$target/gantry_${version}_$architecture.deb" >/dev/null
rm -rf "$root"
