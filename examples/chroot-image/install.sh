#!/bin/sh -e
# Runs in a chroot: there is no init to start services with, only the files of the image to be.
echo "Made by amibake." > /etc/motd
