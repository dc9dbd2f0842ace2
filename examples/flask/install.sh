#!/bin/bash
# Runs on the source instance: installs Flask and makes the app in /flask a service that starts with the instance.
set -euo pipefail

echo "installing the Flask server for $PACKER_BUILD_NAME ($PACKER_BUILDER_TYPE) as $(id -un)"
sudo dnf install -y python3-flask
sudo install -D -m 644 /flask/flask-server.service /etc/systemd/system/flask-server.service
sudo systemctl daemon-reload
sudo systemctl enable flask-server.service
ls -l /flask
