#!/bin/sh
# Puts a file system with some data on the new volume.
set -eu
disk=/dev/xvdf
if ! [ -b "$disk" ]; then
  echo "no $disk on this machine: a rehearsal has no disks"
  exit 0
fi
sudo mkfs -t xfs -L data "$disk"
sudo mount "$disk" /mnt
echo "Hello from amibake" | sudo tee /mnt/greeting >/dev/null
sudo umount /mnt
