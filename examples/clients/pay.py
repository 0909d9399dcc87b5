#!/usr/bin/env python3
"""Takes a payment and waits for the customer: pay.py TIYN PHONE INVOICE
Ends with 0: paid; 1: not paid; 2: refused, this call billed nobody and the words say why; 5: still waiting;
6: nobody knows, look before you bill again."""
import http.client, json, os, re, socket, sys, time, traceback, urllib.parse


def broken(*error):  # Python would end with 1, which is "not paid" here
    traceback.print_exception(*error)
    os._exit(6)


sys.excepthook = broken
END = time.monotonic() + 180
unanswered = 0


def ask(method, path, body=None, headers={}):
    global unanswered
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
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            unanswered += 1  # It says nothing. The same key again tells what came of the first, and never bills twice.
        time.sleep(1)
    return {"money": "unknown", "code": "no answer"}


tiyn, phone, invoice = sys.argv[1:] if len(sys.argv) == 4 else ["", "", ""]
if not re.fullmatch("[0-9]{1,10}", tiyn):
    print("An amount is whole tiyn: 15050 is 150.50 tenge.", file=sys.stderr)
    sys.exit(2)
sale = {"kind": "remote", "amount_tiyn": int(tiyn), "phone_number": phone, "invoice": invoice}
key = {"Content-Type": "application/json", "Idempotency-Key": "sale-" + urllib.parse.quote(invoice, safe="")}
first = answer = ask("POST", "/v1/payments", sale, key)
while answer.get("state") in ("waiting", "creating") and time.monotonic() < END:
    answer = ask("GET", "/v1/payments/" + answer["id"] + "?wait=60s")
what = answer.get("state") or answer["code"]
if what == "paid" and answer["refunded_tiyn"] + answer["refunded_elsewhere_tiyn"] > 0:
    what = "paid back"
elif "state" not in answer and what != "declined":
    # A refusal is of one call. Another call of this sale may have billed: one that got no answer, or that of a payment it names.
    alone = answer is first and not unanswered and what not in ("key_conflict", "invoice_open", "restored_gap")
    what = "refused" if alone and answer["money"] == "not_moved" else "unknown"
try:
    print(what, answer.get("id") or answer.get("detail") or answer["code"], flush=True)
except OSError:
    pass  # Nobody reads it. The code below says how it ended.
sys.exit({"paid": 0, "declined": 1, "cancelled": 1, "expired": 1, "refused": 2, "waiting": 5, "creating": 5}.get(what, 6))
