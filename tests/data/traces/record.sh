#!/bin/bash
# Records ext4-sqlite-small.dmlog.zst: every block write of a small Linux guest, with payloads, in the dm-log-writes
# format. Nothing of the host is touched and no privilege is needed.
#
#   usage:  tests/data/traces/record.sh [output.zst]
#   needs:  qemu-system-x86, linux-image-cloud-amd64, busybox-static, e2fsprogs, sqlite3, cpio, kmod,
#           zstd (Debian 12). QEMU=path, QEMU_OPTIONS=... and KERNEL=version override what is found.
#
# The guest boots from an initramfs. Its disk (8 MiB) is QEMU's `blklogwrites` driver over a raw file: that driver writes
# each request that the guest's kernel sends, in order, into a log. The guest makes an ext4 file system (1 KiB blocks, a
# journal of 1 MiB, so that the journal wraps), mounts it and runs one SQLite session in WAL mode with synchronous=full
# and a small wal_autocheckpoint; every transaction inserts one row of `entries`:
#
#   n     running number from 1, without gaps
#   body  text that follows from n, 64..=832 characters
#   sum   lower-case hex of SHA3-256 of "n:body"
#
# No row is ever changed or deleted. Between the transactions the guest writes, renames and deletes small files, some
# with fsync; mkfs and deletions discard blocks. At the end it closes the database, unmounts and powers off.
# Until mkfs is over nothing recovers; `tests/traces/judge.py facts --every` finds the first entry from which every
# prefix does. Times and the order of background writes are the kernel's: a new recording has the same properties, not
# the same bytes, so the numbers in README.md and in the tests of the readers change with it.
set -euo pipefail

out=$(realpath "${1:-$(dirname "$0")/ext4-sqlite-small.dmlog.zst}")
qemu=${QEMU:-qemu-system-x86_64}
kernel=${KERNEL:-$(basename "$(ls -d /lib/modules/*-cloud-amd64 | sort -V | tail -1)")}
transactions=${TRANSACTIONS:-60}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,mnt,etc,modules}

# Programs with the libraries that they need.
add() {
    local file
    for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$root/$(dirname "$file")"
        cp -Lf "$file" "$root/$file"
    done
}
cp "$(command -v busybox)" "$root/bin/busybox"
for name in sh mount umount mkdir insmod dd sync rm mv cat echo poweroff sleep seq; do
    ln -s busybox "$root/bin/$name"
done
add "$(command -v sqlite3)"
mke2fs=$(PATH=$PATH:/sbin:/usr/sbin command -v mke2fs)
add "$mke2fs"
cp -L "$mke2fs" "$root/bin/mkfs.real" # busybox has an mke2fs of its own
cp /etc/mke2fs.conf "$root/etc/"

# Kernel modules, in the order in which they must be loaded; what is built in has no file.
for module in virtio_pci virtio_blk crc32c_generic ext4; do
    PATH=$PATH:/sbin:/usr/sbin modprobe --set-version "$kernel" --show-depends --ignore-install "$module" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > "$work/modules"
while read -r file; do
    name=$(basename "$file")
    case $name in
        *.ko.xz) xz -dc "$file" > "$root/modules/${name%.xz}"; name=${name%.xz} ;;
        *.ko.zst) zstd -dqc "$file" > "$root/modules/${name%.zst}"; name=${name%.zst} ;;
        *) cp "$file" "$root/modules/" ;;
    esac
    echo "insmod /modules/$name"
done < "$work/modules" > "$root/load"

# The session: one process, so that the WAL lives through it.
{
    echo "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=24;"
    echo "CREATE TABLE entries(n INTEGER PRIMARY KEY, body TEXT NOT NULL, sum TEXT NOT NULL);"
    for n in $(seq "$transactions"); do
        echo "INSERT INTO entries SELECT n, body, lower(hex(sha3(n || ':' || body))) FROM" \
             "(SELECT $n AS n, replace(hex(zeroblob($((n * 5 % 13 + 1)))), '00', lower(hex(sha3('$n')))) AS body);"
        case $((n % 8)) in
            2) echo ".shell dd if=/init of=/mnt/file-$n bs=512 skip=$n count=$((n % 5 + 1)) conv=fsync 2>/dev/null" ;;
            4) echo ".shell echo small $n > /mnt/small-$n; sync" ;;
            5) echo ".shell echo new $n > /mnt/new; mv /mnt/new /mnt/renamed" ;;
            7) echo ".shell rm -f /mnt/file-$((n - 5)) /mnt/small-$((n - 11))" ;;
        esac
    done
    echo "SELECT 'rows ' || count(*) FROM entries;"
} > "$root/session.sql"

cat > "$root/init" <<'INIT'
#!/bin/sh
export PATH=/bin:/usr/bin:/sbin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
. /load
/bin/mkfs.real -q -t ext4 -b 1024 -J size=1 -E lazy_itable_init=0,lazy_journal_init=0,hash_seed=5f0b2e1a-31a5-4d83-9a65-7d1f2f9a1c00 \
    -U 5f0b2e1a-31a5-4d83-9a65-7d1f2f9a1c01 /dev/vda && mount -t ext4 -o commit=1,discard /dev/vda /mnt &&
    sqlite3 /mnt/db.sqlite < /session.sql && sync && umount /mnt && echo "recording is complete"
poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) > "$work/initramfs"

truncate -s 8M "$work/disk"
truncate -s 0 "$work/log"
# shellcheck disable=SC2086
timeout 900 "$qemu" ${QEMU_OPTIONS:-} -accel tcg -m 512 -smp 1 -nographic -no-reboot -nodefaults -serial stdio \
    -kernel "/boot/vmlinuz-$kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1" \
    -blockdev driver=file,filename="$work/disk",node-name=file,discard=unmap \
    -blockdev driver=raw,file=file,node-name=raw,discard=unmap \
    -blockdev driver=file,filename="$work/log",node-name=log \
    -blockdev driver=blklogwrites,file=raw,log=log,log-append=off,node-name=recorded,discard=unmap \
    -device virtio-blk-pci,drive=recorded < /dev/null | tee "$work/console"
grep -q "recording is complete" "$work/console"
grep -q "rows $transactions" "$work/console"
zstd -19 -q -f "$work/log" -o "$out"
ls -l "$out"
