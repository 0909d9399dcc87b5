#!/bin/bash
# The first day of a shop, as root on a machine with systemd where the packages have just come: in/*.deb are installed with
# dpkg. Prints a line for each promise that is kept, and ends with 1 at the first that is not.
set -euo pipefail

. in/promises.sh

export DEBIAN_FRONTEND=noninteractive
must "both packages install" dpkg -i in/kaspid_*.deb in/kaspi-sandbox_*.deb
must "the socket is enabled" systemctl is-enabled kaspid.socket
must "the service is enabled" systemctl is-enabled kaspid.service
must "the socket listens" systemctl is-active kaspid.socket
[ "$(systemctl is-active kaspid.service)" = inactive ] || fail "the service runs before anybody has asked"
[ "$(stat -c '%U:%G %a' /run/kaspid/kaspid.sock)" = "root:kaspid 660" ] || fail "the socket is root:kaspid 0660"
must "dpkg finds every file as it was packed" dpkg -V kaspid kaspi-sandbox

useradd --user-group --groups kaspid till
useradd --user-group stranger
says 0 "no key and certificate" as till kaspictl status
must "the first who asked has started it" systemctl is-active kaspid.service
[ "$(stat -c '%U:%G %a' /var/lib/kaspid)" = "kaspid:kaspid 700" ] || fail "the state is kaspid's alone"
says 4 "usermod -aG kaspid" as stranger kaspictl status

a_shop
says 0 "" as till kaspictl --json pay 150.50 --phone 77015211545
number=$(number_said)
pay "$number"
says 0 "paid" as till kaspictl payment wait "$number"
says 4 "refund" as till kaspictl payment refund "$number" 50
says 0 "" kaspictl payment refund "$number" 50
usermod --append --groups kaspid-refund till
says 0 "" as till kaspictl payment refund "$number" 20

# A daemon that is killed comes back, with what was open.
as till kaspictl --json link 200 >/tmp/said
open=$(number_said)
before=$(systemctl show -P MainPID kaspid)
kill -9 "$before"
says 0 "waiting" as till kaspictl payment show "$open"
[ "$(systemctl show -P MainPID kaspid)" != "$before" ] || fail "the same process"
kept "a killed daemon comes back with what was open"

# Tills go on while it is restarted.
tills_begin 64 4
for _ in 1 2 3; do
    sleep 0.4
    systemctl restart kaspid
done
tills_end
must "the log is as it was written" kaspictl log verify

# Who has inherited the journal's name and has another stderr is heard there.
JOURNAL_STREAM=1:1 timeout 5 kaspid --config /nowhere.toml 2>/tmp/said || true
grep -q "cannot read /nowhere.toml" /tmp/said || fail "a daemon with another stderr says nothing on it"

# The journal has what an administrator looks for, and no secret.
journalctl -u kaspid -o export >/tmp/journal
! grep -q -e '77015211545' -e 'PRIVATE KEY' /tmp/journal || fail "a secret is in the journal"
kept "no secret is in the journal"

# Removed and installed again it has all it had; purged it has nothing.
must "it is removed" dpkg -r kaspid
grep -q "/var/lib/kaspid" /tmp/said || fail "it does not say where the data is"
[ -e /var/lib/kaspid/kaspid.redb ] && [ -e /etc/kaspid/kaspid.toml ] || fail "the data is gone"
[ ! -e /run/kaspid/kaspid.sock ] || fail "the socket is still there"
must "it is installed again" dpkg -i in/kaspid_*.deb
says 0 "paid" as till kaspictl payment show "$number"
must "it is purged" dpkg --purge kaspid
for left in /etc/kaspid /var/lib/kaspid /usr/bin/kaspid /run/kaspid/kaspid.sock; do
    [ ! -e "$left" ] || fail "$left is left by a purge"
done
kept "a purge leaves nothing"
