#!/usr/bin/env node
// Takes a payment and waits for the customer: pay.mjs TIYN PHONE INVOICE
// Ends with 0: paid; 1: not paid; 5: still waiting; 6: nobody knows, look before you bill again.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [tiyn, phone, invoice] = process.argv.slice(2);
const end = Date.now() + 180_000;

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
    const answer = await once(...question).catch(() => ({ retryable: true }));
    if (!answer.retryable) return answer;
    await pause(1000);
  }
  return { money: 'unknown', code: 'no answer' };
}

const sale = { kind: 'remote', amount_tiyn: Number(tiyn), phone_number: phone, invoice };
const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': `sale-${invoice}` };
let answer = await ask('POST', '/v1/payments', sale, headers);
while (['waiting', 'creating'].includes(answer.state) && Date.now() < end) {
  answer = await ask('GET', `/v1/payments/${answer.id}?wait=60s`);
}
const what = answer.state ?? answer.money;
console.log(what, answer.id ?? answer.detail ?? answer.code);
process.exitCode = { paid: 0, moved: 0, declined: 1, cancelled: 1, expired: 1, not_moved: 1, waiting: 5 }[what] ?? 6;
