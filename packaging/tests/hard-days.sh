#!/bin/bash
# What a shop meets later, as root on a machine with systemd: a store that hangs, a disk that is full, a key that is exchanged, and
# one that systemd hands over. And what an administrator finds in the journal.
set -euo pipefail
. in/promises.sh

must "both packages install" dpkg -i in/kaspid_*.deb in/kaspi-sandbox_*.deb
useradd --user-group --groups kaspid till
useradd --user-group stranger

# The state on a disk of its own, that can be filled.
mkdir -m 700 /var/lib/kaspid
mount -t tmpfs -o size=400m,mode=700,uid=kaspid,gid=kaspid tmpfs /var/lib/kaspid
cat >/tmp/answers.toml <<END
bank = "sandbox"
[[organization]]
bin = "891027350515"
default = true
END
must "the shop is set up" kaspictl setup --answers /tmp/answers.toml
control=$(grep -o 'http://127.0.0.1:[0-9]*' /var/lib/kaspi-sandbox/sandbox.json | head -n 1)

# By its number, a line of the journal is found, and what to do stands below it.
entry() { journalctl -o json "MESSAGE_ID=$1" | tail -n 1; }
number_of() { awk -v subject="Subject: $1" '/^-- /{id=$2} $0==subject{print id}' /usr/lib/systemd/catalog/kaspid.catalog; }
says_in_journal() {
    local subject=$1 filter=$2
    journalctl --sync
    entry "$(number_of "$subject")" | jq -e "$filter" >/tmp/said || fail "the journal does not have: $subject, with $filter"
    journalctl -x "MESSAGE_ID=$(number_of "$subject")" | grep -q "Subject: $subject" || fail "journalctl -x does not explain: $subject"
    kept "the journal says: $subject"
}
says 4 "usermod -aG kaspid" as stranger kaspictl status
usermod -aG kaspid stranger
says 4 "refund" as stranger kaspictl payment refund 12737694350 1
says_in_journal "A caller was denied" ".KASPID_UID == \"$(id -u stranger)\" and (.KASPID_OPERATION | startswith(\"POST /v1/payments/\"))"
says_in_journal "kaspid is ready" '.MESSAGE | contains("is ready")'

# Full.
as till kaspictl --json link 100 >/tmp/said
open=$(number_said)
dd if=/dev/zero of=/var/lib/kaspid/full bs=1M >/dev/null 2>&1 || true
refused=0
for _ in $(seq 50); do
    as till kaspictl --json link 100 >/tmp/said 2>&1 || { refused=1; break; }
done
[ "$refused" = 1 ] && grep -q "storage_failed" /tmp/said || fail "a full disk is not told: $(cat /tmp/said)"
kept "a full disk refuses in words"
says_in_journal "The state could not be stored" '.PRIORITY == "3"'
rm /var/lib/kaspid/full
for _ in $(seq 100); do
    as till kaspictl --json link 100 >/tmp/said 2>&1 && break
    sleep 0.1
done
says 0 "waiting" as till kaspictl payment show "$open"
says_in_journal "The state can be stored again" '.MESSAGE_ID'
must "the log is as it was written" kaspictl log verify

# A flush that does not come back.
mkdir -p /run/systemd/system/kaspid.service.d
printf '[Service]\nWatchdogSec=4s\nTimeoutAbortSec=2s\n' >/run/systemd/system/kaspid.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart kaspid
before=$(systemctl show -P MainPID kaspid)
strace -f -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:delay_enter=3600000000 -p "$before" 2>/dev/null &
hanging=$!
sleep 1
as till timeout 20 kaspictl --json link 100 >/tmp/till 2>&1 &
for _ in $(seq 300); do
    journalctl -u kaspid | grep -q "Watchdog timeout" && break
    sleep 0.1
done
journalctl -u kaspid | grep -q "Watchdog timeout" || fail "a store that hangs is not noticed"
# What holds it up holds up its end, too.
kill -9 "$hanging" 2>/dev/null || true
says 0 "waiting" as till timeout 30 kaspictl payment show "$open"
[ "$(systemctl show -P MainPID kaspid)" != "$before" ] || fail "the same process"
kept "a store that hangs is restarted, and what was open is there"
rm -r /run/systemd/system/kaspid.service.d
systemctl daemon-reload

# A line for each change, by the number of the organisation and never its BIN.
curl -sf -X POST "$control/payments/$open/pay" >/dev/null
says 0 "paid" as till kaspictl payment wait "$open"

# Files that are exchanged, by a reload.
signed() {
    openssl ecparam -name prime256v1 -genkey -noout -out "/etc/kaspid/$1.key"
    openssl req -new -key "/etc/kaspid/$1.key" -subj "/CN=$1" |
        jq -Rs '{csr_pem: .}' | curl -sf -X POST -d @- "$control/certificates" | jq -r .certificate_pem >"/etc/kaspid/$1.crt"
    chown kaspid "/etc/kaspid/$1.key"
    chmod 600 "/etc/kaspid/$1.key"
}
signed one
signed two
cp -p /etc/kaspid/one.key /etc/kaspid/in-use.key
cp -p /etc/kaspid/one.crt /etc/kaspid/in-use.crt
printf '[identity]\nkey_file = "../in-use.key"\ncertificate_file = "../in-use.crt"\n' >/etc/kaspid/conf.d/identity.toml
must "a reload takes files in place of what was kept" systemctl reload kaspid
says 0 "CN=one" kaspictl identity show
cp -p /etc/kaspid/two.key /etc/kaspid/in-use.key
if systemctl reload kaspid >/tmp/said 2>&1; then fail "a key that is not its certificate's is taken"; fi
says 0 "CN=one" kaspictl identity show
says_in_journal "The configuration was not taken" '.KASPID_CODE'
cp -p /etc/kaspid/two.crt /etc/kaspid/in-use.crt
must "a reload rotates" systemctl reload kaspid
says 0 "CN=two" kaspictl identity show
says_in_journal "The key and certificate for Kaspi changed" '.MESSAGE | contains("in use changed")'
rm /etc/kaspid/conf.d/identity.toml /etc/kaspid/in-use.*

# systemd hands them over, in the open and sealed to this machine.
cat >/tmp/credentials.toml <<END
bank = "sandbox"
[identity]
how = "credentials"
key = "/etc/kaspid/one.key"
certificate = "/etc/kaspid/one.crt"
END
must "setup hands credentials over" kaspictl setup --answers /tmp/credentials.toml
says 0 "CN=one" kaspictl identity show
says 1 "credential" kaspictl identity generate --subject CN=x
systemd-creds encrypt --with-key=host --name=kaspid.key /etc/kaspid/two.key /etc/kaspid/two.key.cred 2>/dev/null
systemd-creds encrypt --with-key=host --name=kaspid.crt /etc/kaspid/two.crt /etc/kaspid/two.crt.cred 2>/dev/null
sed -i 's,one.key,two.key.cred,; s,one.crt,two.crt.cred,; $aencrypted = true' /tmp/credentials.toml
must "setup hands sealed credentials over" kaspictl setup --answers /tmp/credentials.toml
says 0 "CN=two" kaspictl identity show
says 0 "" as till kaspictl --json link 100
systemctl restart kaspid
says 0 "waiting" as till kaspictl payment list --state waiting
for _ in $(seq 50); do
    systemctl status kaspid | grep -q 'Status: "1 organisation' && break
    sleep 0.1
done
says 0 "Status: \"1 organisation takes payments; [0-9]* payments open, 0 unknown; the certificate ends" systemctl status kaspid
must "what setup did is taken back" kaspictl setup --undo
[ ! -e /etc/systemd/system/kaspid.service.d/setup.conf ] || fail "the drop-in is left"

# What is as it should be is nothing to mail an administrator.
journalctl --sync
journalctl -u kaspid -t kaspid -o short | grep -E 'is ready$|running calls finish|head of the audit|backup was made' >/tmp/usual
[ -s /tmp/usual ] || fail "the journal has no usual lines"
if grep -v -E -f /etc/logcheck/ignore.d.server/kaspid /tmp/usual >/tmp/said; then fail "logcheck would mail: $(cat /tmp/said)"; fi
kept "logcheck mails no usual line"

journalctl -u kaspid -o export >/tmp/journal
if grep -q -a -e '77015211545' -e 'PRIVATE KEY' -e 891027350515 /tmp/journal; then fail "a secret or a BIN is in the journal"; fi
kept "no secret and no BIN is in the journal"
