#!/bin/bash
# The rpm packages, as root on a machine with systemd and rpm: installed with their scriptlets, used, installed over and removed;
# and they hold what the deb packages hold.
set -euo pipefail
. in/promises.sh

# Of each file its owner, its mode and its path, but for what each system has in a place of its own, and what it does itself.
listed() {
    sed -E '/(logcheck|changelog|copyright|NEWS|lintian|third-party|README|CHANGELOG|\/doc\/|zsh)/d; s#^(\S+) +/lib/#\1 /usr/lib/#; /\/$/d' | sort
}
for package in kaspid kaspi-sandbox; do
    dpkg-deb -c "in/${package}"_*.deb | grep -v '^d' | awk '{print $2 " " $1 " " substr($6, 2)}' |
        sed 's# /lib/# /usr/lib/#' | listed >/tmp/deb-files
    rpm -qplv "in/${package}"-*.rpm | grep -v '^d' | awk '{print $3 "/" $4 " " $1 " " $9}' | listed >/tmp/rpm-files
    diff /tmp/deb-files /tmp/rpm-files >/tmp/said || fail "$package: deb and rpm differ: $(cat /tmp/said)"
    kept "$package: $(wc -l </tmp/rpm-files) files have the owners and modes of the deb's"
done

# Debian's own packages are not in rpm's database.
must "both packages install" rpm --install --nodeps in/kaspid-*.rpm in/kaspi-sandbox-*.rpm
must "the socket is enabled" systemctl is-enabled kaspid.socket
must "the service is enabled" systemctl is-enabled kaspid.service
must "the socket listens" systemctl is-active kaspid.socket
[ "$(stat -c '%U:%G %a' /run/kaspid/kaspid.sock)" = "root:kaspid 660" ] || fail "the socket is root:kaspid 0660"
must "rpm finds every file as it was packed" rpm --verify --nodeps kaspid kaspi-sandbox
useradd --user-group --groups kaspid till
printf 'bank = "sandbox"\n[[organization]]\nbin = "891027350515"\ndefault = true\n' >/tmp/answers.toml
must "the shop is set up" kaspictl setup --answers /tmp/answers.toml
says 0 "" as till kaspictl --json pay 150.50 --phone 77015211545
number=$(number_said)
must "the customer pays" kaspi-sandbox pay "$number"
says 0 "paid" as till kaspictl payment wait "$number"
journalctl -x -u kaspid | grep -q "Subject: kaspid is ready" || fail "the catalogue is not known"
kept "the journal's catalogue is known"

# Installed over, the service is restarted once and the socket stays.
echo '# a line of the shop' >>/etc/kaspid/kaspid.toml
before=$(systemctl show -P MainPID kaspid)
listens=$(systemctl show -P ActiveEnterTimestampMonotonic kaspid.socket)
tills_begin 8 10
must "it is installed over" rpm --upgrade --nodeps --replacepkgs in/kaspid-*.rpm
tills_end
[ "$(systemctl show -P MainPID kaspid)" != "$before" ] || fail "the old program still runs"
[ "$(systemctl show -P ActiveEnterTimestampMonotonic kaspid.socket)" = "$listens" ] || fail "the socket was closed"
grep -q 'a line of the shop' /etc/kaspid/kaspid.toml || fail "the configuration of the shop is gone"
kept "the service was restarted, the socket and the configuration stayed"

must "it is removed" rpm --erase kaspid
grep -q "/var/lib/kaspid" /tmp/said || fail "it does not say where the data is"
[ -e /var/lib/kaspid/kaspid.redb ] || fail "the data is gone"
[ ! -e /run/kaspid/kaspid.sock ] || fail "the socket is still there"
must "it is installed again" rpm --install --nodeps in/kaspid-*.rpm
says 0 "paid" as till kaspictl payment show "$number"
