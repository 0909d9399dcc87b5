#!/bin/bash
# From two packages to the first payment in the sandbox, by what the terminal says alone, as root on a machine with systemd. Four
# commands and five minutes are the most it may take. The terminal is recorded into $OUT/first-payment.
set -euo pipefail
. in/promises.sh

useradd --user-group till
# A person at a terminal of 80 columns types the commands, and each answer when it is asked for.
cat >/tmp/person <<'END'
set -e
PS4='# '
set -x
apt-get install -y ./in/kaspid_*.deb ./in/kaspi-sandbox_*.deb
kaspictl setup
kaspictl status
END
cat >/tmp/answers <<'END'
Which [1]: |1
Number of this shop in your software [1]: |
BIN of the organisation (twelve digits) [891027350515]: |
Its name, for people: |Main
Do payments that name no BIN go to it [yes]: |
BIN of another one (nothing: that is all): |
Users that take payments, such as that of the till (nothing: only root): |till
Users that may pay money back, too: |
Users that may read the log, too: |
Try a payment in the sandbox, and pay it back [yes]: |
Phone of the customer [77015211545]: |
Amount in tenge [1]: |
END
screen=$OUT/first-payment
: >"$screen"
answer() {
    local seen=1 question text
    while IFS='|' read -r question text; do
        for _ in $(seq 600); do
            tail -c "+$seen" "$screen" | grep -qF -- "$question" && break
            sleep 0.05
        done
        seen=$(($(stat -c %s "$screen") + 1))
        printf '%s\n' "$text"
    done </tmp/answers
}
# The keyboard stays when nothing more is typed; one that is gone would end what still runs.
mkfifo /tmp/keyboard
exec 9<>/tmp/keyboard
answer >/tmp/keyboard &
began=$SECONDS
export DEBIAN_FRONTEND=noninteractive
timeout 100 script --quiet --flush --return --command 'stty cols 80 rows 50; bash /tmp/person' "$screen" </tmp/keyboard >/tmp/said 2>&1 ||
    fail "the first day ends with $?: $(tail -n 30 /tmp/said)"
[ $((SECONDS - began)) -lt 300 ] || fail "it took $((SECONDS - began)) s"
kept "from apt-get install to a payment that was paid and paid back: 2 commands, $((SECONDS - began)) s"
grep -q "paid back" /tmp/said || fail "nothing was paid back"
grep -q "0 failed" /tmp/said || fail "doctor finds something that failed"
if grep -q -e '77015211545.*key' -e 'PRIVATE KEY' /tmp/said; then fail "a secret is shown"; fi
[ "$(stat -c '%U:%G %a' /etc/kaspid/conf.d/setup.toml)" = "root:root 644" ] || fail "the settings are root's, and can be read"
must "the configuration of the package is as it came" dpkg -V kaspid
says 5 "WAITING" as till kaspictl pay 5 --phone 77015211545 --wait=1s
says 0 "waiting" as till kaspictl --json link 200
link=$(number_said)
says 0 "Processed" kaspi-sandbox pay "$link"
says 0 "paid" as till kaspictl payment wait "$link"

# The same for a server without a person, from what was answered here.
cp /etc/kaspid/setup-answers.toml /tmp/fleet.toml
must "the same command changes nothing" kaspictl setup --answers /tmp/fleet.toml
must "what was done is taken back" kaspictl setup --undo
[ ! -e /etc/kaspid/conf.d/setup.toml ] || fail "the settings are left"
[ "$(systemctl is-enabled kaspi-sandbox 2>/dev/null)" = disabled ] || fail "the sandbox is still enabled"
if id -nG till | grep -qw kaspid; then fail "the till is still a member"; fi
kept "units and members are as they were"
must "a fleet is set up from a file" kaspictl setup --answers /tmp/fleet.toml
says 0 "waiting" as till kaspictl --json link 200
link=$(number_said)
must "the customer pays" kaspi-sandbox pay "$link"
says 0 "paid" as till kaspictl payment wait "$link"

# Servers of a chain, here one machine under two names and one that is away.
must "what was done is taken back" kaspictl setup --undo
mkdir -p /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
printf 'StrictHostKeyChecking no\nLogLevel ERROR\nConnectTimeout 5\n' >/root/.ssh/config
echo '127.0.0.1 shop-one shop-two' >>/etc/hosts
echo '127.9.9.9 shop-away' >>/etc/hosts
printf '[identity]\nhow = "generate"\nsubject = "CN=shop.kz"\nrequest = "shop.csr"\ncertificate = "shop.cer"\n' >>/tmp/fleet.toml
mkdir -p /tmp/chain
cp /tmp/fleet.toml /tmp/chain/answers.toml
cp in/*.deb /tmp/chain/
cd /tmp/chain
printf '# the chain\nshop-one\nshop-two\n\n' >hosts
trap 'tail -n 40 shop-*.log' EXIT
says 0 "ok       shop-two" /opt/vmboot/in/set-up.sh hosts answers.toml ./kaspid_*.deb ./kaspi-sandbox_*.deb
says 0 "ok       shop-one" /opt/vmboot/in/set-up.sh hosts answers.toml ./kaspid_*.deb ./kaspi-sandbox_*.deb
systemctl stop ssh
says 1 "FAILED   shop-one" /opt/vmboot/in/set-up.sh hosts answers.toml ./kaspid_*.deb
[ ! -e /root/kaspid-setup ] || fail "answers are left on a server"
