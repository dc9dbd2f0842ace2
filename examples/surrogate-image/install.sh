#!/bin/sh
# Installs a small system on the new root volume; /dev/xvdg holds what only the installation needs.
set -eu
root=/dev/xvdf cache=/dev/xvdg
if ! [ -b "$root" ]; then
  echo "no $root on this machine: a rehearsal has no disks"
  exit 0
fi
sudo mkfs -t ext4 -q "$cache"
sudo mount "$cache" /var/cache
sudo mkfs -t xfs -L / "$root"
sudo mount "$root" /mnt
sudo dnf -y --installroot=/mnt --releasever=latest install system-release kernel grub2 openssh-server cloud-init
sudo umount /mnt /var/cache
