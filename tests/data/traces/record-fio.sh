#!/bin/bash
# Records fio-v3.iolog with Debian's fio (3.33), and makes fio-v2.iolog of it: fio 3 reads version 2 and writes only
# version 3, which is version 2 with a time in front of each line.
#
#   usage:  tests/data/traces/record-fio.sh [folder]
#   needs:  fio
#
# Addresses and sizes are drawn from `randseed` and come out the same each time; times are the machine's. At the end fio
# itself replays both, so each is one that fio takes for its own.
set -euo pipefail

out=$(realpath "${1:-$(dirname "$0")}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fio --name=recorded --filename=disk.img --ioengine=psync --rw=randrw --bsrange=4k-16k --size=1m --fdatasync=8 \
    --number_ios=40 --rate_iops=50 --randseed=7 --write_iolog="$work/fio-v3.iolog" --output=/dev/null
sed -E '1s/3/2/; 2,$s/^[0-9]+ //' fio-v3.iolog > fio-v2.iolog

for version in 2 3; do
    fio --name=replayed --ioengine=psync --read_iolog="$work/fio-v$version.iolog" --replay_no_stall=1 \
        --output="$work/said" || { cat "$work/said"; exit 1; }
    grep -q "issued rwts: total=20,20,0,0" "$work/said" || { cat "$work/said"; exit 1; }
done
cp fio-v2.iolog fio-v3.iolog "$out/"
