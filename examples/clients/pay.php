#!/usr/bin/env php
<?php
// Takes a payment and waits for the customer: pay.php TIYN PHONE INVOICE
// Ends with 0: paid; 1: not paid; 5: still waiting; 6: nobody knows, look before you bill again.
[, $tiyn, $phone, $invoice] = $argv;
$end = time() + 180;

function ask(string $path, ?array $body = null, string $key = ''): array
{
    global $end;
    while (time() < $end) {
        $kaspid = curl_init('http://kaspid' . $path);
        curl_setopt_array($kaspid, [
            CURLOPT_UNIX_SOCKET_PATH => getenv('KASPID_SOCKET') ?: '/run/kaspid/kaspid.sock',
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 90,
        ] + ($body === null ? [] : [
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', "Idempotency-Key: $key"],
            CURLOPT_POSTFIELDS => json_encode($body),
        ]));
        $answer = json_decode((string) curl_exec($kaspid), true);
        if (is_array($answer) && !($answer['retryable'] ?? false)) {
            return $answer;
        }
        sleep(1); // No answer says nothing. The same key again tells what came of the first, and never bills twice.
    }
    return ['money' => 'unknown', 'code' => 'no answer'];
}

$sale = ['kind' => 'remote', 'amount_tiyn' => (int) $tiyn, 'phone_number' => $phone, 'invoice' => $invoice];
$answer = ask('/v1/payments', $sale, "sale-$invoice");
while (in_array($answer['state'] ?? '', ['waiting', 'creating']) && time() < $end) {
    $answer = ask("/v1/payments/$answer[id]?wait=60s");
}
$what = $answer['state'] ?? $answer['money'];
echo $what, ' ', $answer['id'] ?? $answer['detail'] ?? $answer['code'], "\n";
exit(['paid' => 0, 'moved' => 0, 'declined' => 1, 'cancelled' => 1, 'expired' => 1, 'not_moved' => 1, 'waiting' => 5][$what] ?? 6);
