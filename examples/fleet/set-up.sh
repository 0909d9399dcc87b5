#!/bin/sh
# Installs kaspid on many servers and sets each up from one file of answers, over ssh as root:
#
#     examples/fleet/set-up.sh HOSTS ANSWERS PACKAGE.deb...
#
# HOSTS has a server on each line, as ssh knows it. What belongs to one server alone, such as its shop.p12 and shop.pass, lies in
# a folder of the server's name beside ANSWERS; paths in ANSWERS start at where they are put together, so `pkcs12 = "shop.p12"`.
# Servers that are set up already stay as they are: after a mistake is put right, the same command goes on. A server whose key
# waits for its certificate is told, and the request for the bank is fetched to SERVER.csr (`request = "shop.csr"`).
# Ends with 1 if a server could not be set up.
set -eu

[ $# -ge 3 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
hosts=$1 answers=$2
shift 2
folder=$(dirname "$answers")
failed=0
there=/root/kaspid-setup

while read -r host _ || [ -n "$host" ]; do
    case $host in '' | '#'*) continue ;; esac
    ended=0
    {
        # Nobody else on the server reads a passphrase.
        ssh -n "$host" "umask 077; rm -rf $there; mkdir $there" &&
            scp -q "$@" "$host:$there/" &&
            scp -q "$answers" "$host:$there/answers.toml" &&
            { [ ! -d "$folder/$host" ] || scp -q "$folder/$host"/* "$host:$there/"; } &&
            ssh -n "$host" "DEBIAN_FRONTEND=noninteractive apt-get install -qy $there/*.deb && cd $there && kaspictl setup --answers answers.toml"
    } >"$host.log" 2>&1 || ended=$?
    case $ended in
    0) echo "ok       $host" ;;
    5)
        scp -q "$host:$there/shop.csr" "$host.csr" || true
        echo "waiting  $host: send $host.csr to the bank, put what it sends into $folder/$host"
        ;;
    *)
        echo "FAILED   $host ($ended): $host.log"
        failed=1
        ;;
    esac
    # What waits for a certificate is found by the next call; a passphrase is not left lying about.
    ssh -n "$host" "rm -rf $there" >/dev/null 2>&1 || true
done <"$hosts"
exit $failed
