#!/bin/sh
# Stands in for a program that a rehearsal does not have: records how it was called, and succeeds.
name=${0##*/}
line=$name
for word do
  case $word in
    '' | *[!A-Za-z0-9_./:=@%+,~-]*) word=\'$(printf %s "$word" | tr '\n' ' ' | sed "s/'/'\\\\''/g")\' ;;
  esac
  line="$line $word"
done
printf '%s\n' "$line" >>/run/amibake/log

power() {
  if ! [ -w /run/amibake/power ]; then
    echo "$name: access denied: only root may do that" >&2
    exit 1
  fi
  printf '%s\n' "$1" >/run/amibake/power
  exit 0
}

# The first word that is no option.
verb=
for word do
  case $word in -*) ;; *) verb=$word && break ;; esac
done

case $name in
  reboot) power reboot ;;
  poweroff | halt) power off ;;
  init | telinit)
    case $verb in 0) power off ;; 6) power reboot ;; esac ;;
  shutdown)
    for word do
      case $word in -c) exit 0 ;; -r | --reboot) power reboot ;; esac
    done
    power off ;;
  systemctl)
    case $verb in
      reboot | kexec) power reboot ;;
      poweroff | halt) power off ;;
      is-active) echo active ;;
      is-enabled) echo enabled ;;
      is-failed) echo active && exit 1 ;;
      is-system-running) echo running ;;
      get-default) echo multi-user.target ;;
    esac ;;
  service)
    case ${2-} in status) echo "$1 is running" ;; esac ;;
  cloud-init)
    case $verb in status) echo 'status: done' ;; esac ;;
  rpm)
    for word do
      case $word in
        -E | --eval) echo 9 && exit 0 ;;
        -qa | --all) exit 0 ;;
        -q* | --query) query=1 ;;
      esac
    done
    if [ "${query-}" ]; then
      for word do
        case $word in -*) ;; *) echo "package $word is not installed" ;; esac
      done
      exit 1
    fi ;;
  dpkg | dpkg-query)
    case ${1-} in
      --print-architecture) case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac ;;
      -s | --status) echo "dpkg-query: package '${2-}' is not installed and no information is available" >&2 && exit 1 ;;
      -l | --list | -W | --show)
        [ "${2-}" ] || exit 0
        for word do
          case $word in -*) ;; *) echo "dpkg-query: no packages found matching $word" >&2 ;; esac
        done
        exit 1 ;;
    esac ;;
esac
exit 0
