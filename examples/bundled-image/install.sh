#!/bin/sh
# What amazon-instance needs on its guest: Amazon's AMI tools, which bundle and upload.
set -eu
sudo yum install -y aws-amitools-ec2
