# What the tests in a booted system share. Each prints a line for a promise that is kept, and ends all at the first that is not.

kept() { echo "ok: $*"; }
fail() {
    echo "NOT KEPT: $*"
    journalctl --no-pager -u kaspid -u kaspid.socket | tail -n 40
    exit 1
}
must() {
    local what=$1
    shift
    "$@" >/tmp/said 2>&1 || {
        cat /tmp/said
        fail "$what"
    }
    kept "$what"
}
# What a command says, with the code it ends with.
says() {
    local code=$1 words=$2
    shift 2
    local ended=0
    "$@" >/tmp/said 2>&1 || ended=$?
    [ "$ended" = "$code" ] && grep -q -- "$words" /tmp/said || {
        cat /tmp/said
        fail "$* ends with $ended, not $code, or does not say: $words"
    }
    kept "$* says: $words"
}
as() { setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }

# The number of the payment that was just printed as JSON.
number_said() { grep -o '"qr_payment_id": *"[0-9]*"' /tmp/said | grep -o '[0-9]*'; }
# The customer pays.
pay() { curl -sf -X POST "http://127.0.0.1:8444/payments/$1/pay" >/dev/null || fail "the customer cannot pay"; }

# A bank of one's own, the daemon's key for it, and an organisation.
a_shop() {
    mkdir /srv/bank
    systemd-run --quiet --unit=bank kaspi-sandbox serve --bank-only --dir /srv/bank --port 8443 --control-port 8444
    for _ in $(seq 100); do
        [ -e /srv/bank/client.key ] && curl -s http://127.0.0.1:8444/ >/dev/null && break
        sleep 0.1
    done
    cp /srv/bank/ca.crt /etc/kaspid/sandbox.crt
    # A package from before conf.d has the settings of its shop in the file.
    if [ -d /etc/kaspid/conf.d ]; then
        printf '[kaspi]\nurl = "https://127.0.0.1:8443"\nca_file = "../sandbox.crt"\n' >/etc/kaspid/conf.d/sandbox.toml
    else
        sed -i 's|^# url = .*|url = "https://127.0.0.1:8443"|; s|^# ca_file = .*|ca_file = "sandbox.crt"|' /etc/kaspid/kaspid.toml
    fi
    systemctl start kaspid
    says 0 "" kaspid check
    must "a reload takes the bank in" systemctl reload kaspid
    must "the key comes to the daemon" kaspictl identity import --key /srv/bank/client.key --cert /srv/bank/client.cer
    must "an organisation is enrolled" kaspictl bin add 891027350515 --default
}

# So many tills take so many payments each, one behind the other, in the background.
tills_begin() {
    cat >/tmp/tills.sh <<END
failed=0
for _ in \$(seq $2); do
    kaspictl --json pay 10 --phone 77015211545 >/dev/null 2>>/tmp/till.err || failed=\$((failed + 1))
done
exit \$failed
END
    tills=()
    : >/tmp/till.err
    chmod 666 /tmp/till.err
    for _ in $(seq "$1"); do
        as till bash /tmp/tills.sh &
        tills+=($!)
    done
}
tills_end() {
    local lost=0
    for pid in "${tills[@]}"; do wait "$pid" || lost=$((lost + $?)); done
    [ "$lost" = 0 ] || {
        grep -v '^key: \|^to wait' /tmp/till.err | sort | uniq -c | head
        fail "$lost payments failed meanwhile"
    }
    kept "no payment fails meanwhile"
}
