#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
#   image_root.sh FOLDER BINARY...
#
# Puts the binaries, stripped, into FOLDER/usr/bin, and with them all that they need at run time: the
# libraries that they load, the licences of those, a user, and where names are looked up.
set -eu

folder=$1
shift

mkdir -p "$folder/etc" "$folder/usr/bin" "$folder/tmp"
chmod 1777 "$folder/tmp"
for binary in "$@"; do
  strip -o "$folder/usr/bin/$(basename "$binary")" "$binary"
done

# Also the loader, whose line has no arrow. Debian 12 has /lib as a link to /usr/lib.
ldd "$@" | awk '$2 == "=>" { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | sort -u |
  while read -r library; do
    mkdir -p "$folder$(dirname "$library")"
    cp -L "$library" "$folder$library"
    dpkg-query -S "$(readlink -f "$library")" "$library" 2>/dev/null | cut -d: -f1
  done | sort -u | while read -r package; do
    mkdir -p "$folder/usr/share/doc/$package"
    cp -L "/usr/share/doc/$package/copyright" "$folder/usr/share/doc/$package/"
  done

# ICU's tables are 31 of 75 MB. libxml2 asks for them where XML is in another encoding than UTF-8, which
# libvirt's never is; a library with empty tables stands in for them.
for tables in "$folder"/lib/*/libicudata.so.*; do
  [ -e "$tables" ] || continue
  gcc -shared -fPIC -s -Wl,-soname,"$(basename "$tables")" -x c -o "$tables" - <<C
struct {
  unsigned short headerSize;
  unsigned char magic[2];
  unsigned short infoSize, reserved;
  unsigned char bigEndian, charset, sizeofUChar, reserved2;
  unsigned char format[4], formatVersion[4], dataVersion[4];
  char padding[8];
  unsigned count, reserved3;
} const icudt${tables##*.}_dat = {32, {0xda, 0x27}, 20, 0, 0, 0, 2, 0, {'T', 'o', 'C', 'P'}, {1}};
C
done

# libvirt's client asks for the user's name and home.
echo 'vnic:x:65532:65532:vnic-operator:/:/usr/sbin/nologin' >"$folder/etc/passwd"
echo 'vnic:x:65532:' >"$folder/etc/group"
echo 'hosts: files dns' >"$folder/etc/nsswitch.conf"
