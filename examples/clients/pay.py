#!/usr/bin/env python3
"""Takes a payment and waits for the customer: pay.py TIYN PHONE INVOICE
Ends with 0: paid; 1: not paid; 5: still waiting; 6: nobody knows, look before you bill again."""
import http.client, json, os, socket, sys, time

END = time.monotonic() + 180


def ask(method, path, body=None, headers={}):
    while time.monotonic() < END:
        kaspid = http.client.HTTPConnection("kaspid")
        kaspid.sock = socket.socket(socket.AF_UNIX)
        try:
            kaspid.sock.settimeout(90)
            kaspid.sock.connect(os.environ.get("KASPID_SOCKET", "/run/kaspid/kaspid.sock"))
            kaspid.request(method, path, body and json.dumps(body), headers)
            answer = json.load(kaspid.getresponse())
            if not answer.get("retryable"):
                return answer
        except (OSError, http.client.HTTPException, ValueError):
            pass  # No answer says nothing. The same key again tells what came of the first, and never bills twice.
        time.sleep(1)
    return {"money": "unknown", "code": "no answer"}


tiyn, phone, invoice = sys.argv[1:]
sale = {"kind": "remote", "amount_tiyn": int(tiyn), "phone_number": phone, "invoice": invoice}
key = {"Content-Type": "application/json", "Idempotency-Key": "sale-" + invoice}
answer = ask("POST", "/v1/payments", sale, key)
while answer.get("state") in ("waiting", "creating") and time.monotonic() < END:
    answer = ask("GET", "/v1/payments/" + answer["id"] + "?wait=60s")
what = answer.get("state") or answer["money"]
print(what, answer.get("id") or answer.get("detail") or answer["code"])
sys.exit({"paid": 0, "moved": 0, "declined": 1, "cancelled": 1, "expired": 1, "not_moved": 1, "waiting": 5}.get(what, 6))
