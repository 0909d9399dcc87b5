#!/usr/bin/env php
<?php
// Takes a payment and waits for the customer: pay.php TIYN PHONE INVOICE
// Ends with 0: paid; 1: not paid; 2: refused, this call billed nobody and the words say why; 5: still waiting;
// 6: nobody knows, look before you bill again.
[, $tiyn, $phone, $invoice] = $argv;
$end = time() + 180;
$unanswered = 0;
if (!preg_match('/^[0-9]{1,10}$/D', $tiyn)) {
    fwrite(STDERR, "An amount is whole tiyn: 15050 is 150.50 tenge.\n");
    exit(2);
}

function ask(string $path, ?array $body = null, string $key = ''): array
{
    global $end, $unanswered;
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
        // No answer says nothing. The same key again tells what came of the first, and never bills twice.
        $unanswered += is_array($answer) ? 0 : 1;
        sleep(1);
    }
    return ['money' => 'unknown', 'code' => 'no answer'];
}

$sale = ['kind' => 'remote', 'amount_tiyn' => (int) $tiyn, 'phone_number' => $phone, 'invoice' => $invoice];
$first = $answer = ask('/v1/payments', $sale, 'sale-' . rawurlencode($invoice));
while (in_array($answer['state'] ?? '', ['waiting', 'creating']) && time() < $end) {
    $answer = ask("/v1/payments/$answer[id]?wait=60s");
}
$what = $answer['state'] ?? $answer['code'];
if ($what === 'paid' && $answer['refunded_tiyn'] + $answer['refunded_elsewhere_tiyn'] > 0) {
    $what = 'paid back';
} elseif (!isset($answer['state']) && $what !== 'declined') {
    // A refusal is of one call. Another call of this sale may have billed: one that got no answer, or that of a payment it names.
    $alone = $answer === $first && !$unanswered && !in_array($what, ['key_conflict', 'invoice_open', 'restored_gap']);
    $what = $alone && $answer['money'] === 'not_moved' ? 'refused' : 'unknown';
}
echo $what, ' ', $answer['id'] ?? $answer['detail'] ?? $answer['code'], "\n";
exit(['paid' => 0, 'declined' => 1, 'cancelled' => 1, 'expired' => 1, 'refused' => 2, 'waiting' => 5, 'creating' => 5][$what] ?? 6);
