# Run as root in a container of the image, with its own shell: gives it what a cloud image has and a container image has not.
# $1: the users that can log in.
set -eu

for user in $1; do
    if ! grep -q "^$user:" /etc/passwd; then
        id=1000
        while grep -q "^[^:]*:[^:]*:$id:" /etc/passwd /etc/group; do id=$((id + 1)); done
        shell=/bin/sh
        if [ -x /bin/bash ]; then shell=/bin/bash; fi
        echo "$user:x:$id:$id::/home/$user:$shell" >> /etc/passwd
        echo "$user:x:$id:" >> /etc/group
        if [ -e /etc/shadow ]; then echo "$user:!:19000:0:99999:7:::" >> /etc/shadow; fi
        mkdir -p "/home/$user"
        if [ -d /etc/skel ]; then cp -R /etc/skel/. "/home/$user/"; fi
        chown -R "$id:$id" "/home/$user"
        chmod 755 "/home/$user"
    fi
done

mkdir -p /usr/local/sbin /usr/local/bin
if command -v sudo > /dev/null; then
    mkdir -p /etc/sudoers.d
    for user in $1; do echo "$user ALL=(ALL) NOPASSWD:ALL"; done > /etc/sudoers.d/90-amibake
    chmod 440 /etc/sudoers.d/90-amibake
else
    # Sessions are root's then; see `session`.
    cat > /usr/local/bin/sudo <<'SUDO'
#!/bin/sh
# Stands in for sudo in a rehearsal: everybody is root here already.
while :; do
    case "${1-}" in
        -u | -g | -p | -C | -h | -U) shift 2 ;;
        --) shift; break ;;
        -i | -s) shift; [ $# -gt 0 ] || exec "${SHELL:-/bin/sh}" ;;
        -*) shift ;;
        *=*) export "$1"; shift ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || exit 0
exec "$@"
SUDO
    chmod 755 /usr/local/bin/sudo
fi

# Nothing here starts services or the machine. What is asked of them is written down, and a restart is passed on.
cat > /usr/local/sbin/amibake-stand-in <<'STAND_IN'
#!/bin/sh
name=${0##*/}
echo "$name $*" >> /run/amibake/asked
power() { echo "$1" > /run/amibake/power; }
case "$name $*" in
    'systemctl '*reboot* | 'reboot '*) power reboot ;;
    'systemctl '*poweroff* | 'systemctl '*halt* | 'poweroff '* | 'halt '*) power off ;;
    'shutdown '*-c*) ;;
    'shutdown '*-r*) power reboot ;;
    'shutdown '*) power off ;;
    'systemctl is-system-running'*) echo running ;;
    'systemctl is-active'*) echo active ;;
    'systemctl is-enabled'*) echo enabled ;;
esac
exit 0
STAND_IN
chmod 755 /usr/local/sbin/amibake-stand-in
for name in systemctl service reboot shutdown poweroff halt; do
    ln -sf amibake-stand-in "/usr/local/sbin/$name"
done
