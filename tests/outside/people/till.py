import http.client, json, socket, sys, uuid

class Kaspid(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])

kaspid = Kaspid("kaspid")
sale = {"kind": "remote", "amount_tiyn": 10000, "phone_number": "77015211545", "wait": "60s"}
kaspid.request("POST", "/v1/payments", json.dumps(sale), {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())})
answer = json.load(kaspid.getresponse())
print(answer.get("state") or answer["cashier"]["en"])
