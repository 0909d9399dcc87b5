#!/usr/bin/env python3
"""A small till in a browser, to copy from: takes a payment, shows its QR, waits, pays back, and handles *unknown* as it must be.

    KASPID_SOCKET=shop/kaspid.sock ./till.py        then open the address that it prints

One file, Python's standard library. Sales stand in till.db before kaspid is asked: whatever happens to this program, the next
one asks for the same sale under the same key, and nobody is billed twice."""
import collections, html, http.client, http.server, json, os, secrets, socket, sqlite3, sys, threading, urllib.parse

PORT = int(os.environ.get("TILL_PORT", "0"))
TOKEN = secrets.token_urlsafe(16)  # in each form: a page of another site cannot know it
OTHER_CALL = ("key_conflict", "invoice_open", "restored_gap")  # refusals behind which another call of the sale may have billed
OVER = ("paid", "declined", "cancelled", "expired", "refused")
WORDS = {
    "ru": {"till": "Касса", "amount": "Сумма, ₸", "phone": "Телефон (пусто: QR)", "who": "Организация", "sell": "Продать", "sales": "Продажи",
           "usual": "основная", "sale": "Продажа", "asking": "СПРАШИВАЕМ", "creating": "СПРАШИВАЕМ", "waiting": "ЖДЁМ ОПЛАТЫ", "paid": "ОПЛАЧЕНО",
           "declined": "НЕ ОПЛАЧЕНО: отказ", "cancelled": "НЕ ОПЛАЧЕНО: отменено", "expired": "НЕ ОПЛАЧЕНО: время вышло", "refused": "НЕ ПРОВЕДЕНО, счёт не выставлен",
           "unknown": "НЕИЗВЕСТНО", "abandoned": "НЕИЗВЕСТНО, закрыто вручную", "stop": "Не отдавайте товар и не выставляйте счёт снова. Посмотрите в телефон покупателя и позовите старшего.",
           "cancel": "Отменить", "refund": "Вернуть", "back": "Возвращено", "all": "пусто: всё", "sure": "Вернуть деньги?", "home": "К продажам",
           "bad_amount": "Сумма пишется так: 150 или 150.50", "refund_unknown": "Неизвестно, прошёл ли возврат. Посмотрите в приложении Kaspi Pay, прежде чем повторять."},
    "kk": {"till": "Касса", "amount": "Сома, ₸", "phone": "Телефон (бос: QR)", "who": "Ұйым", "sell": "Сату", "sales": "Сатулар",
           "usual": "негізгі", "sale": "Сату", "asking": "СҰРАЛУДА", "creating": "СҰРАЛУДА", "waiting": "ТӨЛЕМ КҮТІЛУДЕ", "paid": "ТӨЛЕНДІ",
           "declined": "ТӨЛЕНБЕДІ: бас тартылды", "cancelled": "ТӨЛЕНБЕДІ: күші жойылды", "expired": "ТӨЛЕНБЕДІ: уақыты өтті", "refused": "ЖҮРГІЗІЛМЕДІ, шот қойылған жоқ",
           "unknown": "БЕЛГІСІЗ", "abandoned": "БЕЛГІСІЗ, қолмен жабылды", "stop": "Тауарды бермеңіз және шотты қайта қоймаңыз. Сатып алушының телефонын қараңыз және аға қызметкерді шақырыңыз.",
           "cancel": "Күшін жою", "refund": "Қайтару", "back": "Қайтарылды", "all": "бос: бәрі", "sure": "Ақшаны қайтару керек пе?", "home": "Сатуларға",
           "bad_amount": "Сома былай жазылады: 150 немесе 150.50", "refund_unknown": "Қайтарудың өткені белгісіз. Қайталамас бұрын Kaspi Pay қолданбасын қараңыз."},
    "en": {"till": "Till", "amount": "Amount, ₸", "phone": "Phone (empty: QR)", "who": "Organisation", "sell": "Sell", "sales": "Sales",
           "usual": "the usual one", "sale": "Sale", "asking": "ASKING", "creating": "ASKING", "waiting": "WAITING FOR THE CUSTOMER", "paid": "PAID",
           "declined": "NOT PAID: declined", "cancelled": "NOT PAID: cancelled", "expired": "NOT PAID: out of time", "refused": "NOT DONE, nobody was billed",
           "unknown": "UNKNOWN", "abandoned": "UNKNOWN, given up by a person", "stop": "Do not hand the goods over and do not bill again. Look at the customer's phone and call a supervisor.",
           "cancel": "Cancel", "refund": "Pay back", "back": "Paid back", "all": "empty: all", "sure": "Pay the money back?", "home": "To the sales",
           "bad_amount": "An amount is written 150 or 150.50", "refund_unknown": "It is not known whether the money went back. Look in the Kaspi Pay app before you repeat it."},
}
db = sqlite3.connect("till.db", isolation_level=None, check_same_thread=False)
db.row_factory = sqlite3.Row
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE IF NOT EXISTS sale (number INTEGER PRIMARY KEY AUTOINCREMENT, tiyn INTEGER NOT NULL, phone TEXT, bin TEXT,"
           " unanswered INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'asking', answer TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS refund (number INTEGER PRIMARY KEY AUTOINCREMENT, sale INTEGER NOT NULL, tiyn INTEGER, said TEXT)")
if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shop'").fetchone():
    db.execute("CREATE TABLE shop (name TEXT)")
    db.execute("INSERT INTO shop VALUES (?)", (secrets.token_hex(4),))
SHOP = db.execute("SELECT name FROM shop").fetchone()["name"]  # another till.db has other keys


def ask(method, path, body=None, key=None, wait=0):
    """An answer of kaspid, or None: no answer says nothing."""
    kaspid = http.client.HTTPConnection("kaspid")
    kaspid.sock = socket.socket(socket.AF_UNIX)
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    try:
        kaspid.sock.settimeout(wait + 150)
        kaspid.sock.connect(os.environ.get("KASPID_SOCKET", "/run/kaspid/kaspid.sock"))
        kaspid.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = kaspid.getresponse().read()
        return answer if path.endswith(".svg") else json.loads(answer)
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return None
    finally:
        kaspid.close()


one_at_a_time = collections.defaultdict(threading.Lock)


def settle(number, wait):
    """What is known of a sale, asked anew: under its key until kaspid has named its payment, then by that."""
    with one_at_a_time[number]:
        sale = asked(number)
    known = json.loads(sale["answer"] or "{}") if sale else {}
    if known.get("id") and sale["state"] not in OVER or wait == 0 and known.get("id"):
        answer = ask("GET", f"/v1/payments/{known['id']}" + (f"?wait={wait}s" if wait else ""), wait=wait)
        if answer and "state" in answer:  # a look that failed changes nothing of what is known
            db.execute("UPDATE sale SET state = ?, answer = ? WHERE number = ?", (answer["state"], json.dumps(answer), number))
    return sale and db.execute("SELECT * FROM sale WHERE number = ?", (number,)).fetchone()


def asked(number):
    """A sale, for which kaspid is asked under its key until it has named a payment."""
    sale = db.execute("SELECT * FROM sale WHERE number = ?", (number,)).fetchone()
    if sale is None:
        return None
    if sale["state"] not in OVER and not json.loads(sale["answer"] or "{}").get("id"):
        body = {"kind": "remote" if sale["phone"] else "qr", "amount_tiyn": sale["tiyn"], "invoice": f"{SHOP}-{number}"}
        body |= {"phone_number": sale["phone"]} if sale["phone"] else {}
        body |= {"organization_bin": sale["bin"]} if sale["bin"] else {}
        before = sale["unanswered"]
        db.execute("UPDATE sale SET unanswered = unanswered + 1 WHERE number = ?", (number,))  # if this program dies now
        answer = ask("POST", "/v1/payments", body, f"sale-{SHOP}-{number}")
        if answer is not None and not answer.get("retryable"):
            state = answer.get("state")
            if state is None and answer.get("payment"):  # unknown: its payment tells from now on
                answer["id"], state = answer["payment"], "unknown"
            if state is None:
                is_alone = before == 0 and answer["money"] == "not_moved" and answer["code"] not in OTHER_CALL
                state = "declined" if answer["code"] == "declined" else "refused" if is_alone else "unknown"
            if answer.get("code") in OTHER_CALL:
                state, answer["id"] = "unknown", None
            db.execute("UPDATE sale SET state = ?, answer = ?, unanswered = ? WHERE number = ?", (state, json.dumps(answer), before, number))
        elif answer is not None:
            db.execute("UPDATE sale SET unanswered = ? WHERE number = ?", (before, number))
    return db.execute("SELECT * FROM sale WHERE number = ?", (number,)).fetchone()


def tiyn(text):
    whole, dot, rest = text.strip().replace(",", ".").partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 8 and (not dot or rest.isascii() and rest.isdigit() and len(rest) <= 2)):
        return None
    return int(whole) * 100 + int((rest + "00")[:2])


def tenge(amount):
    return f"{amount // 100}.{amount % 100:02d} ₸"


e = html.escape


def field(word, name, more=""):
    return f'<label>{e(word)} <input name="{name}" autocomplete="off" {more}></label>'


def form(action, inside, ask=""):
    sure = f' data-sure="{e(ask)}"' if ask else ""
    return f'<form method="post" action="{action}"{sure}><input type="hidden" name="token" value="{TOKEN}">{inside}</form>'


def home(w):
    shops = (ask("GET", "/v1/configs") or {}).get("configs", [])
    options = f'<option value="">{e(w["usual"])}</option>' + "".join(
        f'<option value="{e(one["organization_bin"])}">{e(one["organization_bin"])} {e(one["description"] or "")}</option>' for one in shops)
    sell = field(w["amount"], "amount", 'inputmode="decimal" required autofocus') + field(w["phone"], "phone", 'inputmode="tel"')
    sell += f'<label>{e(w["who"])} <select name="bin">{options}</select></label><button>{e(w["sell"])}</button>'
    rows = db.execute("SELECT * FROM sale ORDER BY number DESC LIMIT 20").fetchall()
    lines = "".join(f'<li><a href="/sales/{row["number"]}">{e(w["sale"])} {row["number"]}</a>: {tenge(row["tiyn"])}, {e(w.get(row["state"], row["state"]))}</li>' for row in rows)
    return form("/sales", sell) + f'<h2>{e(w["sales"])}</h2><ul>{lines}</ul>'


def show(sale, language):
    w, answer, state = WORDS[language], json.loads(sale["answer"] or "{}"), sale["state"]
    parts = [f'<h2>{e(w["sale"])} {sale["number"]}: {tenge(sale["tiyn"])}</h2>',
             f'<p id="state" class="{e(state)}" role="status">{e(w.get(state, state))}</p>']
    if answer.get("organization_bin"):
        parts.append(f'<p>{e(answer["organization_bin"])} {e(answer.get("description") or "")}</p>')
    if state in ("unknown", "abandoned"):
        parts.append(f'<p class="bad">{e(w["stop"])}</p>')
    elif "cashier" in answer and state != "asking":
        parts.append(f'<p class="bad">{e(answer["cashier"][language])}</p>')
    if state == "waiting" and answer.get("kind") == "qr":
        parts.append(f'<img alt="QR" width="280" height="280" src="/sales/{sale["number"]}/qr.svg">')
    if state == "waiting" and answer.get("kind") == "remote":
        parts.append(form(f'/sales/{sale["number"]}/cancel', f'<button>{e(w["cancel"])}</button>'))
    back = answer.get("refunded_tiyn", 0) + answer.get("refunded_elsewhere_tiyn", 0)
    if back:
        parts.append(f'<p>{e(w["back"])}: {tenge(back)}</p>')
    refund = db.execute("SELECT * FROM refund WHERE sale = ? ORDER BY number DESC LIMIT 1", (sale["number"],)).fetchone()
    said = json.loads(refund["said"] or "{}") if refund else {}
    if refund and not refund["said"] or said.get("money") == "unknown":
        parts.append(f'<p class="bad">{e(w["refund_unknown"])}</p>')
    elif "cashier" in said:
        parts.append(f'<p class="bad">{e(said["cashier"][language])}</p>')
    if state == "paid" and back < sale["tiyn"]:
        parts.append(form(f'/sales/{sale["number"]}/refund', field(w["amount"] + f' ({w["all"]})', "amount", 'inputmode="decimal"') + f'<button>{e(w["refund"])}</button>', w["sure"]))
    return "".join(parts) + f'<p><a href="/">{e(w["home"])}</a></p>'


def pay_back(number, amount):
    """One refund, under a key of its own that stands in till.db before kaspid is asked. One that has no answer is asked for again."""
    sale = settle(number, 0)
    last = db.execute("SELECT * FROM refund WHERE sale = ? AND said IS NULL", (number,)).fetchone()
    if last is None:
        last = db.execute("INSERT INTO refund (sale, tiyn) VALUES (?, ?) RETURNING *", (number, amount)).fetchone()
    body = {"amount_tiyn": last["tiyn"]} if last["tiyn"] is not None else {}
    payment = json.loads(sale["answer"])["id"]
    answer = ask("POST", f"/v1/payments/{payment}/refunds", body, f"refund-{SHOP}-{last['number']}")
    if answer is not None:
        db.execute("UPDATE refund SET said = ? WHERE number = ?", (json.dumps(answer), last["number"]))


STYLE = """body{font:1.1rem/1.5 system-ui,"DejaVu Sans",sans-serif;max-width:40rem;margin:1rem auto;padding:0 1rem;color:#1d1d1f}
form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin:.8rem 0}label{display:grid}input,select,button{font:inherit;padding:.5rem .8rem}
#state{font-size:1.7rem;font-weight:700;margin:.4rem 0}.paid{color:#0a6b2d}.declined,.cancelled,.expired,.refused,.unknown,.abandoned,.bad{color:#a3231f}"""
SCRIPT = """// Asks for the same page again while the sale is open; what a person is typing stays.
const main = document.querySelector("main");
async function follow() {
  while (main.dataset.open === "yes") {
    try {
      const page = new DOMParser().parseFromString(await (await fetch(location.pathname + "?wait=20")).text(), "text/html");
      const next = page.querySelector("main");
      if (next.innerHTML !== main.innerHTML && !main.contains(document.activeElement?.closest("input"))) main.innerHTML = next.innerHTML;
      main.dataset.open = next.dataset.open;
    } catch { /* The till was stopped: it is asked again. */ }
    await new Promise(done => setTimeout(done, 1000));
  }
}
document.addEventListener("submit", event => {
  const sure = event.target.dataset.sure;
  if (sure && !confirm(sure)) event.preventDefault();
});
follow();"""


class Till(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def give(self, status, kind, body, more=()):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                            ("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"), *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def go(self, path):
        self.give(303, "text/plain", "", [("Location", path)])

    def language(self):
        wanted = (self.headers.get("Accept-Language") or "")[:2]
        cookie = (self.headers.get("Cookie") or "").partition("language=")[2][:2]
        return next((one for one in (cookie, wanted) if one in WORDS), "ru")

    def page(self, inside, is_open=False, status=200):
        language = self.language()
        choice = " ".join(f'<a href="/language/{one}" lang="{one}">{one}</a>' for one in WORDS)
        title = e(WORDS[language]["till"])
        self.give(status, "text/html; charset=utf-8", f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
                  f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><link rel="stylesheet" href="/till.css"><script src="/till.js" defer></script></head>'
                  f'<body><header><h1>{title}</h1><nav aria-label="language">{choice}</nav></header><main data-open="{"yes" if is_open else "no"}">{inside}</main></body></html>')

    def is_here(self):
        """A name that somebody has pointed at this machine is not this till's."""
        if (self.headers.get("Host") or "").rpartition(":")[0] in ("127.0.0.1", "localhost"):
            return True
        self.give(421, "text/plain", "Open the address that till.py has printed.\n")
        return False

    def do_GET(self):
        if not self.is_here():
            return
        path, _, query = self.path.partition("?")
        parts = path.strip("/").split("/")
        if path == "/till.css":
            return self.give(200, "text/css", STYLE)
        if path == "/till.js":
            return self.give(200, "text/javascript", SCRIPT)
        if path == "/":
            return self.page(home(WORDS[self.language()]))
        if parts[0] == "language" and parts[-1] in WORDS:
            return self.give(303, "text/plain", "", [("Location", "/"), ("Set-Cookie", f"language={parts[-1]}; SameSite=Strict; Path=/")])
        if parts[0] == "sales" and len(parts) > 1 and parts[1].isascii() and parts[1].isdigit():
            number = int(parts[1][:15])
            sale = settle(number, 20 if query == "wait=20" and len(parts) == 2 else 0)
            payment = sale and json.loads(sale["answer"] or "{}").get("id")
            if payment and len(parts) == 3 and parts[2] == "qr.svg":
                return self.give(200, "image/svg+xml", ask("GET", f"/v1/payments/{payment}/qr.svg") or b"")
            if sale:
                return self.page(show(sale, self.language()), sale["state"] not in OVER)
        self.page("404", status=404)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        given = dict(urllib.parse.parse_qsl(self.rfile.read(min(length, 10_000)).decode(errors="replace")))
        if not self.is_here():
            return
        if not secrets.compare_digest(given.get("token", ""), TOKEN):
            return self.give(403, "text/plain", "This form is not of this till: load its page again.\n")
        w, parts = WORDS[self.language()], self.path.strip("/").split("/")
        amount = given.get("amount", "").strip()
        if parts == ["sales"] or parts[-1] == "refund" and amount:
            if not tiyn(amount):
                return self.page(f'<p class="bad" role="alert">{e(w["bad_amount"])}</p><p><a href="/">{e(w["home"])}</a></p>', status=400)
        if parts == ["sales"]:
            row = db.execute("INSERT INTO sale (tiyn, phone, bin) VALUES (?, ?, ?) RETURNING number", (tiyn(amount), given.get("phone", "").strip() or None, given.get("bin") or None)).fetchone()
            return self.go(f"/sales/{row['number']}")
        sale = settle(int(parts[1][:15]), 0) if len(parts) == 3 and parts[1].isascii() and parts[1].isdigit() else None
        if sale and parts[2] == "cancel" and sale["state"] == "waiting":
            ask("POST", f"/v1/payments/{json.loads(sale['answer'])['id']}/cancel", {}, f"cancel-{SHOP}-{sale['number']}")
        elif sale and parts[2] == "refund" and sale["state"] == "paid":
            pay_back(sale["number"], tiyn(amount) if amount else None)
        self.go(f"/sales/{parts[1]}" if sale else "/")

    def log_message(self, *_):
        pass  # phones stand in what is sent


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Till)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
