#!/bin/bash
# A clock that jumps, as root on a machine with a kernel of its own (vm-boot.sh -b qemu): payments end by the bank's word, not by it.
set -euo pipefail
. in/promises.sh

must "both packages install" dpkg -i in/kaspid_*.deb in/kaspi-sandbox_*.deb
useradd --user-group --groups kaspid till
printf 'bank = "sandbox"\n[[organization]]\nbin = "891027350515"\ndefault = true\n' >/tmp/answers.toml
must "the shop is set up" kaspictl setup --answers /tmp/answers.toml

says 0 "waiting" as till kaspictl --json link 100
first=$(number_said)
date -s '+3 hours' >/dev/null
says 0 "waiting" as till kaspictl payment show "$first"
kept "a clock that jumps three hours ahead ends nothing that the bank has not ended"
must "the customer pays" kaspi-sandbox pay "$first"
says 0 "paid" as till kaspictl payment wait "$first" --timeout 30s

says 0 "waiting" as till kaspictl --json link 100
second=$(number_said)
date -s '-5 hours' >/dev/null
must "the customer pays" kaspi-sandbox pay "$second"
says 0 "paid" as till kaspictl payment wait "$second" --timeout 30s
must "the daemon starts with the clock behind its log" systemctl restart kaspid
says 0 "paid" as till kaspictl payment show "$second"
must "the log is as it was written" kaspictl log verify

# As long as a suspended machine is away: stopped, with time going on.
says 0 "waiting" as till kaspictl --json link 100
third=$(number_said)
systemctl kill --signal=STOP kaspid
date -s '+10 minutes' >/dev/null
systemctl kill --signal=CONT kaspid
must "the customer pays" kaspi-sandbox pay "$third"
says 0 "paid" as till kaspictl payment wait "$third" --timeout 30s
kept "a machine that was away goes on"
