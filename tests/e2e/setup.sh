#!/bin/bash
# Installs what the end-to-end tests need and this machine lacks (Debian, Ubuntu): sshd, bubblewrap, and moto in a
# virtual environment under target/. Says what it does; does nothing, quickly, where all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../target/e2e-venv

packages=()
need() { [[ -x $(PATH=$PATH:/usr/sbin:/sbin command -v "$1") ]] || packages+=("$2"); }
need ssh openssh-client
need sshd openssh-server
need bwrap bubblewrap
need unshare util-linux
need mount mount
need python3 python3
need newuidmap uidmap # a guest's user ids, where an ordinary user has it
current() { cmp -s "$here/requirements.txt" "$venv/requirements.txt" && [[ -x $venv/bin/python ]]; }
current || python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)

if ((${#packages[@]})); then
  as_root=()
  if [[ $(id -u) != 0 ]]; then
    as_root=(sudo)
    if ! command -v sudo >/dev/null || ! { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
      echo "setup.sh: please install: apt-get install ${packages[*]}" >&2
      exit 1
    fi
  fi
  echo "setup.sh: installing ${packages[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
  # The tests start sshd themselves: the service that comes with the package shall not listen on this machine.
  if [[ " ${packages[*]} " == *" openssh-server "* && -d /run/systemd/system ]]; then
    "${as_root[@]}" systemctl disable --quiet --now ssh.service ssh.socket
  fi
fi

if ! current; then
  echo "setup.sh: installing moto into ${venv#"$PWD/"}"
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/requirements.txt" # last: says that the environment is complete
fi
