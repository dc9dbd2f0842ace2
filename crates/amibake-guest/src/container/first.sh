# The first process of a guest's container. Its standard input is a pipe that the guest's owner holds; when that ends, all ends.
mkdir -p /run/amibake/programs
chmod 755 /run/amibake
chmod 1777 /run/amibake/programs
mkfifo -m 622 /run/amibake/power
: > /run/amibake/asked
chmod 622 /run/amibake/asked
exec 3<&0
trap 'exit 0' TERM
(read -r _ <&3; kill -TERM 1) &
(while :; do read -r asked < /run/amibake/power && echo "$asked"; done) &
echo up
# `wait` also takes in the processes that lost their parents.
while :; do sleep 86400 & wait $!; done
