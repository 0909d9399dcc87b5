#!/bin/bash
# An upgrade from an older package (in/old/kaspid_*.deb) to the new one, as root on a machine with systemd: nothing is lost, no
# connect is refused and no payment fails meanwhile, also where the upgrade is cut off in the middle; and no way back.
set -euo pipefail
. in/promises.sh

export DEBIAN_FRONTEND=noninteractive
must "the old package and the sandbox install" dpkg -i in/old/kaspid_*.deb in/kaspi-sandbox_*.deb
useradd --user-group --groups kaspid till
a_shop
says 0 "" as till kaspictl --json pay 150.50 --phone 77015211545
number=$(number_said)
pay "$number"
says 0 "paid" as till kaspictl payment wait "$number"
echo '# a line of the shop' >>/etc/kaspid/kaspid.toml
before=$(systemctl show -P MainPID kaspid)
listens=$(systemctl show -P ActiveEnterTimestampMonotonic kaspid.socket)

tills_begin 16 30
must "the upgrade installs" dpkg -i --force-confold in/kaspid_*.deb
tills_end
[ "$(systemctl show -P MainPID kaspid)" != "$before" ] || fail "the old program still runs"
[ "$(systemctl show -P ActiveEnterTimestampMonotonic kaspid.socket)" = "$listens" ] || fail "the socket was closed"
kept "the service was restarted and the socket stayed"
grep -q 'a line of the shop' /etc/kaspid/kaspid.toml || fail "the configuration of the shop is gone"
says 0 "paid" as till kaspictl payment show "$number"
must "the log is as it was written" kaspictl log verify

# Cut off between unpacking and setting up, it is finished later.
must "it is unpacked again" dpkg --unpack in/kaspid_*.deb
says 0 "paid" as till kaspictl payment show "$number"
must "it is set up later" dpkg --configure kaspid
says 0 "paid" as till kaspictl payment show "$number"

# An older program does not touch what a newer one has written in a layout of its own; one of the same layout goes on.
dpkg -i --force-confold in/old/kaspid_*.deb >/tmp/said 2>&1 || true
sleep 1
if as till timeout 10 kaspictl payment show "$number" >/tmp/said 2>&1; then
    kept "the older program has the same layout and goes on"
else
    journalctl -u kaspid --no-pager >/tmp/journal
    grep -q -i "newer" /tmp/journal || fail "the older program does not say that the state is of a newer one"
    kept "an older program refuses the state of a newer one in words"
fi
must "the new one is installed again" dpkg -i --force-confold in/kaspid_*.deb
says 0 "paid" as till kaspictl payment show "$number"
must "the log is as it was written" kaspictl log verify
