#!/usr/bin/env node
// Takes a payment and waits for the customer: pay.mjs TIYN PHONE INVOICE
// Ends with 0: paid; 1: not paid; 2: refused, this call billed nobody and the words say why; 5: still waiting;
// 6: nobody knows, look before you bill again.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [tiyn, phone, invoice] = process.argv.slice(2);
const end = Date.now() + 180_000;
let unanswered = 0;
if (!/^[0-9]{1,10}$/.test(tiyn)) {
  console.error('An amount is whole tiyn: 15050 is 150.50 tenge.');
  process.exit(2);
}

const once = (method, path, body, headers) => new Promise((resolve, reject) => {
  const socketPath = process.env.KASPID_SOCKET ?? '/run/kaspid/kaspid.sock';
  const request = http.request({ socketPath, method, path, headers, timeout: 90_000 }, async (response) => {
    try {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece;
      resolve(JSON.parse(text));
    } catch (error) { reject(error); }
  });
  request.on('error', reject).on('timeout', () => request.destroy(new Error('no answer')));
  request.end(body && JSON.stringify(body));
});

async function ask(...question) {
  while (Date.now() < end) {
    // No answer says nothing. The same key again tells what came of the first, and never bills twice.
    const answer = await once(...question).catch(() => { unanswered += 1; return { retryable: true }; });
    if (!answer.retryable) return answer;
    await pause(1000);
  }
  return { money: 'unknown', code: 'no answer' };
}

const sale = { kind: 'remote', amount_tiyn: Number(tiyn), phone_number: phone, invoice };
const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': `sale-${encodeURIComponent(invoice)}` };
const first = await ask('POST', '/v1/payments', sale, headers);
let answer = first;
while (['waiting', 'creating'].includes(answer.state) && Date.now() < end) {
  answer = await ask('GET', `/v1/payments/${answer.id}?wait=60s`);
}
let what = answer.state ?? answer.code;
if (what === 'paid' && answer.refunded_tiyn + answer.refunded_elsewhere_tiyn > 0) {
  what = 'paid back';
} else if (!answer.state && what !== 'declined') {
  // A refusal is of one call. Another call of this sale may have billed: one that got no answer, or that of a payment it names.
  const alone = answer === first && !unanswered && !['key_conflict', 'invoice_open', 'restored_gap'].includes(what);
  what = alone && answer.money === 'not_moved' ? 'refused' : 'unknown';
}
console.log(what, answer.id ?? answer.detail ?? answer.code);
process.exitCode = { paid: 0, declined: 1, cancelled: 1, expired: 1, refused: 2, waiting: 5, creating: 5 }[what] ?? 6;
