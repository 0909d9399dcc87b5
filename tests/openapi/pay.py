"""Takes a payment with the client that openapi-python-client makes: pay.py SOCKET CUSTOMER..., where CUSTOMER is the command
that pays, behind which the payment's number is put."""

import subprocess
import sys
import uuid

import httpx
from kaspid_api import Client
from kaspid_api.api.payments import create, payment_get
from kaspid_api.models import CreatePayment, Kind, State

socket, *customer = sys.argv[1:]
client = Client("http://kaspid", httpx_args={"transport": httpx.HTTPTransport(uds=socket)})

order = CreatePayment(kind=Kind.REMOTE, amount_tiyn=15050, phone_number="+7 701 521 15 45", invoice="order-py")
key = str(uuid.uuid4())
made = create.sync_detailed(client=client, body=order, idempotency_key=key)
assert made.status_code == 201, made.content
again = create.sync_detailed(client=client, body=order, idempotency_key=key)
assert again.status_code == 200 and again.parsed.id == made.parsed.id, again.content

subprocess.run([*customer, made.parsed.qr_payment_id], check=True, stdout=subprocess.DEVNULL)
paid = payment_get.sync(made.parsed.qr_payment_id, client=client, wait="60s")
assert paid.state == State.PAID and paid.amount_tiyn == 15050, paid
print(f"openapi-python-client: {paid.qr_payment_id} is paid")
