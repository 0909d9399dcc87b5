// Takes a payment with the types that openapi-typescript makes: pay.js SOCKET CUSTOMER..., where CUSTOMER is the command that
// pays, behind which the payment's number is put.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { argv } from "node:process";
import createClient from "openapi-fetch";
import * as undici from "undici";
import type { paths } from "./api.js";

const [socketPath, customer, ...words] = argv.slice(2);
const client = createClient<paths>({
    baseUrl: "http://kaspid",
    // The fetch of the same library as the agent: that of Node may be of another version.
    fetch: undici.fetch as unknown as (input: Request) => Promise<Response>,
    Request: undici.Request as unknown as typeof Request,
    requestInitExt: { dispatcher: new undici.Agent({ connect: { socketPath } }) },
});

const order = {
    params: { header: { "Idempotency-Key": randomUUID() } },
    body: { kind: "remote", amount_tiyn: 15050, phone_number: "+7 701 521 15 45", invoice: "order-ts" },
} as const;
const made = await client.POST("/v1/payments", order);
assert(made.data && made.response.status === 201, JSON.stringify(made.error));
const again = await client.POST("/v1/payments", order);
assert(again.data && again.response.status === 200 && again.data.id === made.data.id, JSON.stringify(again.error));

const number = made.data.qr_payment_id;
assert(number && customer);
execFileSync(customer, [...words, number]);
const paid = await client.GET("/v1/payments/{ref}", { params: { path: { ref: number }, query: { wait: "60s" } } });
assert(paid.data?.state === "paid" && paid.data.amount_tiyn === 15050, JSON.stringify(paid));
console.log(`openapi-typescript: ${number} is paid`);
