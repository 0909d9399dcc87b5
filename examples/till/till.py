#!/usr/bin/env python3
"""A small till in a browser, to copy from: takes a payment, shows its QR, waits, pays back, and handles *unknown* as it must be.

    KASPID_SOCKET=shop/kaspid.sock ./till.py        then open the address that it prints

One file, Python's standard library. Sales stand in till.db before kaspid is asked: whatever happens to this program, the next
one asks for the same sale under the same key, and nobody is billed twice. The address has a key in it: who has not opened it can
do nothing here, whoever else works on this machine."""
import collections, html, http.client, http.server, json, os, secrets, socket, sqlite3, sys, threading, urllib.parse

PORT = int(os.environ.get("TILL_PORT", "0"))
KEY = secrets.token_urlsafe(16)  # of this run, in its address and then in a cookie
TOKEN = secrets.token_urlsafe(16)  # in each form: a page of another site cannot know it
OTHER_CALL = ("key_conflict", "invoice_open", "restored_gap")  # refusals behind which another call of the sale may have billed
OVER = ("paid", "declined", "cancelled", "expired", "refused")
os.umask(0o077)  # phones stand in till.db
WORDS = {
    "ru": {"till": "Касса", "amount": "Сумма, ₸", "phone": "Телефон (пусто: QR)", "who": "Организация", "sell": "Продать", "sales": "Продажи",
           "usual": "основная", "sale": "Продажа", "asking": "СПРАШИВАЕМ", "creating": "СПРАШИВАЕМ", "waiting": "ЖДЁМ ОПЛАТЫ", "paid": "ОПЛАЧЕНО",
           "declined": "НЕ ОПЛАЧЕНО: отказ", "cancelled": "НЕ ОПЛАЧЕНО: отменено", "expired": "НЕ ОПЛАЧЕНО: время вышло", "refused": "НЕ ПРОВЕДЕНО, счёт не выставлен",
           "unknown": "НЕИЗВЕСТНО", "abandoned": "НЕИЗВЕСТНО, закрыто вручную", "stop": "Не отдавайте товар и не выставляйте счёт снова. Посмотрите в телефон покупателя и позовите старшего.",
           "cancel": "Отменить", "refund": "Вернуть", "back": "Возвращено", "all": "пусто: всё", "sure": "Вернуть деньги?", "home": "К продажам",
           "bad_amount": "Сумма пишется так: 150 или 150.50", "stop_qr": "Код на оплату не получен, и никто его не видел. Начните продажу заново.", "returned": "ВОЗВРАЩЕНО", "absent": "Нет связи с kaspid. Продажи ждут.",
           "twice": "Для этого телефона и этой суммы есть продажа, о которой неизвестно, выставлен ли счёт", "anyway": "Всё равно выставить ещё один счёт", "success": "возвращено", "failed": "не прошло", "pending": "неизвестно", "again": "Повторить возврат", "give_up": "Не проводить",
           "late": "оплачено после того, как считалось неоплаченным", "no_disk": "Не записано, ничего не сделано. Проверьте диск.",
           "refund_unknown": "Возврат ещё не закончен, или неизвестно, прошёл ли он. Посмотрите в приложении Kaspi Pay, прежде чем возвращать ещё."},
    "kk": {"till": "Касса", "amount": "Сома, ₸", "phone": "Телефон (бос: QR)", "who": "Ұйым", "sell": "Сату", "sales": "Сатулар",
           "usual": "негізгі", "sale": "Сату", "asking": "СҰРАЛУДА", "creating": "СҰРАЛУДА", "waiting": "ТӨЛЕМ КҮТІЛУДЕ", "paid": "ТӨЛЕНДІ",
           "declined": "ТӨЛЕНБЕДІ: бас тартылды", "cancelled": "ТӨЛЕНБЕДІ: күші жойылды", "expired": "ТӨЛЕНБЕДІ: уақыты өтті", "refused": "ЖҮРГІЗІЛМЕДІ, шот қойылған жоқ",
           "unknown": "БЕЛГІСІЗ", "abandoned": "БЕЛГІСІЗ, қолмен жабылды", "stop": "Тауарды бермеңіз және шотты қайта қоймаңыз. Сатып алушының телефонын қараңыз және аға қызметкерді шақырыңыз.",
           "cancel": "Күшін жою", "refund": "Қайтару", "back": "Қайтарылды", "all": "бос: бәрі", "sure": "Ақшаны қайтару керек пе?", "home": "Сатуларға",
           "bad_amount": "Сома былай жазылады: 150 немесе 150.50", "stop_qr": "Төлем коды алынбады, оны ешкім көрген жоқ. Сатуды жаңадан бастаңыз.", "returned": "ҚАЙТАРЫЛДЫ", "absent": "kaspid-пен байланыс жоқ. Сатулар күтіп тұр.",
           "twice": "Осы телефон мен сомаға шоты қойылғаны белгісіз сату бар", "anyway": "Бәрібір тағы бір шот қою", "success": "қайтарылды", "failed": "өтпеді", "pending": "белгісіз", "again": "Қайтаруды қайталау", "give_up": "Жүргізбеу",
           "late": "төленбеген деп саналғаннан кейін төленді", "no_disk": "Жазылмады, ештеңе жасалмады. Дискіні тексеріңіз.",
           "refund_unknown": "Қайтару әлі аяқталған жоқ немесе өткені белгісіз. Тағы қайтармас бұрын Kaspi Pay қолданбасын қараңыз."},
    "en": {"till": "Till", "amount": "Amount, ₸", "phone": "Phone (empty: QR)", "who": "Organisation", "sell": "Sell", "sales": "Sales",
           "usual": "the usual one", "sale": "Sale", "asking": "ASKING", "creating": "ASKING", "waiting": "WAITING FOR THE CUSTOMER", "paid": "PAID",
           "declined": "NOT PAID: declined", "cancelled": "NOT PAID: cancelled", "expired": "NOT PAID: out of time", "refused": "NOT DONE, nobody was billed",
           "unknown": "UNKNOWN", "abandoned": "UNKNOWN, given up by a person", "stop": "Do not hand the goods over and do not bill again. Look at the customer's phone and call a supervisor.",
           "cancel": "Cancel", "refund": "Pay back", "back": "Paid back", "all": "empty: all", "sure": "Pay the money back?", "home": "To the sales",
           "bad_amount": "An amount is written 150 or 150.50", "stop_qr": "No code to pay was received, and nobody has seen one. Start the sale again.", "returned": "PAID BACK", "absent": "No connection to kaspid. Sales wait.",
           "twice": "For this phone and this amount there is a sale of which nobody knows whether it was billed", "anyway": "Bill once more all the same", "success": "paid back", "failed": "did not happen", "pending": "unknown", "again": "Repeat the refund", "give_up": "Do not bill",
           "late": "paid after it had been taken for not paid", "no_disk": "Not stored, nothing was done. Check the disk.",
           "refund_unknown": "A refund is not finished, or nobody knows whether it happened. Look in the Kaspi Pay app before you pay back more."},
}
db = sqlite3.connect("till.db", isolation_level=None, check_same_thread=False)
db.row_factory = sqlite3.Row
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE IF NOT EXISTS sale (number INTEGER PRIMARY KEY AUTOINCREMENT, form TEXT UNIQUE, tiyn INTEGER NOT NULL, phone TEXT, bin TEXT,"
           " unanswered INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'asking', answer TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS refund (number INTEGER PRIMARY KEY AUTOINCREMENT, sale INTEGER NOT NULL, tiyn INTEGER, said TEXT)")
if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shop'").fetchone():
    db.execute("CREATE TABLE shop (name TEXT)")
    db.execute("INSERT INTO shop VALUES (?)", (secrets.token_hex(4),))
SHOP = db.execute("SELECT name FROM shop").fetchone()["name"]  # another till.db has other keys


ABSENT = object()


def ask(method, path, body=None, key=None, patience=150):
    """An answer of kaspid; ABSENT where it was not even asked; None where an answer is missing, which says nothing."""
    kaspid = http.client.HTTPConnection("kaspid")
    kaspid.sock = socket.socket(socket.AF_UNIX)
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    try:
        kaspid.sock.settimeout(patience)
        try:
            kaspid.sock.connect(os.environ.get("KASPID_SOCKET", "/run/kaspid/kaspid.sock"))
        except OSError:
            return ABSENT
        kaspid.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = kaspid.getresponse().read()
        return answer if path.endswith(".svg") else json.loads(answer)
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return None
    finally:
        kaspid.close()


one_at_a_time = collections.defaultdict(threading.Lock)


def settle(number, wait=0):
    """What is known of a sale, asked anew: under its key until kaspid has answered, then by the payment that it has named."""
    with one_at_a_time[number]:
        sale = asked(number)
    return sale and looked_at(sale, wait, wait + 10)


def looked_at(sale, wait=0, patience=2):
    """A sale whose payment was looked at. What was called over may turn out paid."""
    payment, number = json.loads(sale["answer"] or "{}").get("id"), sale["number"]
    if payment is None:
        return sale
    answer = ask("GET", f"/v1/payments/{payment}" + (f"?wait={wait}s" if wait else ""), patience=patience)
    if isinstance(answer, dict) and "state" in answer:  # a look that failed changes nothing of what is known
        db.execute("UPDATE sale SET state = ?, answer = ? WHERE number = ?", (answer["state"], json.dumps(answer), number))
    return db.execute("SELECT * FROM sale WHERE number = ?", (number,)).fetchone()


def asked(number):
    """A sale, for which kaspid is asked under its key until it has answered. Where another call may have billed, nobody but a
    person goes on."""
    sale = db.execute("SELECT * FROM sale WHERE number = ?", (number,)).fetchone()
    if sale is None:
        return None
    if sale["state"] == "asking":
        body = {"kind": "remote" if sale["phone"] else "qr", "amount_tiyn": sale["tiyn"], "invoice": f"{SHOP}-{number}"}
        body |= {"phone_number": sale["phone"]} if sale["phone"] else {}
        body |= {"organization_bin": sale["bin"]} if sale["bin"] else {}
        before = sale["unanswered"]
        db.execute("UPDATE sale SET unanswered = unanswered + 1 WHERE number = ?", (number,))  # if this program dies now
        answer = ask("POST", "/v1/payments", body, f"sale-{SHOP}-{number}")
        if answer is ABSENT:
            db.execute("UPDATE sale SET unanswered = ? WHERE number = ?", (before, number))
        elif answer is not None and not answer.get("retryable"):
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


def numbered(text):
    """A number of a sale, as it is written."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 and not text.startswith("0") else None


def tenge(amount):
    return f"{amount // 100}.{amount % 100:02d} ₸"


e = html.escape


def field(word, name, more=""):
    return f'<label>{e(word)} <input name="{name}" autocomplete="off" {more}></label>'


def form(action, inside, ask=""):
    sure = f' data-sure="{e(ask)}"' if ask else ""
    return f'<form method="post" action="{action}"{sure}><input type="hidden" name="token" value="{TOKEN}">{inside}</form>'


def home(w):
    answer = ask("GET", "/v1/configs", patience=2)
    shops = answer.get("configs", []) if isinstance(answer, dict) else []
    options = f'<option value="">{e(w["usual"])}</option>' + "".join(
        f'<option value="{e(one["organization_bin"])}">{e(one["organization_bin"])} {e(one["description"] or "")}</option>' for one in shops)
    sell = field(w["amount"], "amount", 'inputmode="decimal" required autofocus') + field(w["phone"], "phone", 'inputmode="tel"')
    sell += f'<label>{e(w["who"])} <select name="bin">{options}</select></label><input type="hidden" name="form" value="{secrets.token_hex(8)}"><button>{e(w["sell"])}</button>'
    if not isinstance(answer, dict):
        sell = f'<p class="bad" role="alert">{e(w["absent"])}</p>' + sell
    rows = db.execute("SELECT * FROM sale ORDER BY number DESC LIMIT 20").fetchall()
    if shops:  # kaspid answers: what was called over may have been paid since
        rows = [row if row["state"] in ("paid", "refused") else looked_at(row) for row in rows]
    lines = "".join(f'<li><a href="/sales/{row["number"]}">{e(w["sale"])} {row["number"]}</a>: {tenge(row["tiyn"])}, {e(stands(row, w))}</li>' for row in rows)
    return form("/sales", sell) + f'<h2>{e(w["sales"])}</h2><ul>{lines}</ul>'


def stands(sale, w):
    """How a sale stands, in words: one whose money went back is not called paid."""
    answer = json.loads(sale["answer"] or "{}")
    back = answer.get("refunded_tiyn", 0) + answer.get("refunded_elsewhere_tiyn", 0)
    return w["returned"] if sale["state"] == "paid" and back >= sale["tiyn"] else w.get(sale["state"], sale["state"])


def is_watched(refund):
    """One that failed by the balance alone may still come."""
    return refund["status"] == "failed" and refund["evidence"] == "balance"


def show(sale, language):
    w, answer, state = WORDS[language], json.loads(sale["answer"] or "{}"), sale["state"]
    parts = [f'<h2>{e(w["sale"])} {sale["number"]}: {tenge(sale["tiyn"])}</h2>',
             f'<p id="state" class="{e(state)}" role="status">{e(stands(sale, w))}</p>',
             f'<p>{e(SHOP)}-{sale["number"]} {e(answer.get("qr_payment_id") or "")} {e(answer.get("phone") or "")}</p>']
    if answer.get("organization_bin"):
        parts.append(f'<p>{e(answer["organization_bin"])} {e(answer.get("description") or "")}</p>')
    if state in ("unknown", "abandoned"):
        parts.append(f'<p class="bad">{e(w["stop"] if sale["phone"] else w["stop_qr"])}</p>')
    elif "cashier" in answer and state != "asking":
        parts.append(f'<p class="bad">{e(answer["cashier"][language])}</p>')
    if state == "waiting" and answer.get("kind") == "qr":
        parts.append(f'<img alt="QR" width="280" height="280" src="/sales/{sale["number"]}/qr.svg">')
    if state == "waiting" and answer.get("kind") == "remote":
        parts.append(form(f'/sales/{sale["number"]}/cancel', f'<button>{e(w["cancel"])}</button>'))
    if answer.get("late"):
        parts.append(f'<p class="bad">{e(w["late"])}</p>')
    if state == "asking" and not sale["unanswered"]:  # kaspid was never asked: nobody can have been billed
        parts.append(form(f'/sales/{sale["number"]}/give_up', f'<button>{e(w["give_up"])}</button>'))
    back = answer.get("refunded_tiyn", 0) + answer.get("refunded_elsewhere_tiyn", 0)
    if back:
        parts.append(f'<p>{e(w["back"])}: {tenge(back)}</p>')
    refunds = answer.get("refunds", [])
    if refunds:
        parts.append("<ul>" + "".join(f'<li>{tenge(one["amount_tiyn"])}: {e(w["pending" if is_watched(one) else one["status"]])}</li>' for one in refunds) + "</ul>")
    open_refund = db.execute("SELECT * FROM refund WHERE sale = ? AND said IS NULL", (sale["number"],)).fetchone()
    last = db.execute("SELECT said FROM refund WHERE sale = ? ORDER BY number DESC LIMIT 1", (sale["number"],)).fetchone()
    said = json.loads(last["said"] or "{}") if last else {}
    if open_refund or any(one["status"] == "pending" or is_watched(one) for one in refunds):
        parts.append(f'<p class="bad">{e(w["refund_unknown"])}</p>')
    elif "cashier" in said and said.get("money") != "unknown":
        parts.append(f'<p class="bad">{e(said["cashier"][language])}</p>')
    if state == "paid" and open_refund:  # one that has no answer yet is repeated as it is, and nothing else
        amount = tenge(open_refund["tiyn"]) if open_refund["tiyn"] else w["all"]
        parts.append(form(f'/sales/{sale["number"]}/refund', f'<input type="hidden" name="again" value="{open_refund["number"]}"><button>{e(w["again"])}: {amount}</button>', w["sure"]))
    elif state == "paid" and back < sale["tiyn"]:
        parts.append(form(f'/sales/{sale["number"]}/refund', field(w["amount"] + f' ({w["all"]})', "amount", f'inputmode="decimal" placeholder="{(sale["tiyn"] - back) // 100}.{(sale["tiyn"] - back) % 100:02d}"') + f'<button>{e(w["refund"])}</button>', w["sure"]))
    return "".join(parts) + f'<p><a href="/">{e(w["home"])}</a></p>'


def pay_back(sale, amount, again):
    """One refund, under a key of its own that stands in till.db before kaspid is asked. While one has no answer, nothing but that
    one is asked for."""
    turn = one_at_a_time["refund", sale["number"]]
    if not turn.acquire(blocking=False):  # it is asked for just now, and what is typed meanwhile is not meant for behind it
        return
    try:
        last = db.execute("SELECT * FROM refund WHERE sale = ? AND said IS NULL", (sale["number"],)).fetchone()
        if last is not None and again != str(last["number"]):
            return
        if last is None and again is not None:
            return
        if last is None:
            last = db.execute("INSERT INTO refund (sale, tiyn) VALUES (?, ?) RETURNING *", (sale["number"], amount)).fetchone()
        body = {"amount_tiyn": last["tiyn"]} if last["tiyn"] is not None else {}
        answer = ask("POST", f"/v1/payments/{json.loads(sale['answer'])['id']}/refunds", body, f"refund-{SHOP}-{last['number']}")
        if isinstance(answer, dict):
            db.execute("UPDATE refund SET said = ? WHERE number = ?", (json.dumps(answer), last["number"]))
    finally:
        turn.release()


STYLE = """body{font:1.1rem/1.5 system-ui,"DejaVu Sans",sans-serif;max-width:40rem;margin:1rem auto;padding:0 1rem;color:#1d1d1f}
form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin:.8rem 0}label{display:grid}input,select,button{font:inherit;padding:.5rem .8rem}
#state{font-size:1.7rem;font-weight:700;margin:.4rem 0}.paid{color:#0a6b2d}.declined,.cancelled,.expired,.refused,.unknown,.abandoned,.bad{color:#a3231f}"""
SCRIPT = """// Asks for the same page again while the sale is open; what a person is typing stays.
const main = document.querySelector("main");
async function follow() {
  while (main.dataset.open === "yes") {
    if (!document.hidden) try {
      const page = new DOMParser().parseFromString(await (await fetch(location.pathname + "?wait=5")).text(), "text/html");
      const next = page.querySelector("main");
      if (next.innerHTML !== main.innerHTML && !main.contains(document.activeElement?.closest("input"))) main.innerHTML = next.innerHTML;
      main.dataset.open = next.dataset.open;
    } catch { /* The till was stopped: it is asked again. */ }
    await new Promise(done => setTimeout(done, 1000));
  }
}
document.addEventListener("submit", event => {
  const sure = event.target.dataset.sure;
  const { amount } = event.target.elements;
  if (sure && !confirm(`${sure} ${amount ? amount.value || amount.placeholder : ""}`)) event.preventDefault();
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

    def is_let_in(self):
        """Whoever has opened the address that was printed, under a name of this machine."""
        host = (self.headers.get("Host") or "").lower()
        if host not in (f"127.0.0.1:{self.server.server_port}", f"localhost:{self.server.server_port}", "127.0.0.1", "localhost"):
            self.give(421, "text/plain", "Open the address that till.py has printed.\n")
        elif f"key={KEY}" in (self.headers.get("Cookie") or "").replace(" ", "").split(";"):
            return True
        elif self.path == f"/?key={KEY}":
            self.give(303, "text/plain", "", [("Location", "/"), ("Set-Cookie", f"key={KEY}; HttpOnly; SameSite=Strict; Path=/")])
        else:
            self.give(403, "text/plain", "Open the address that till.py has printed.\n")
        return False

    def handle_safely(self, answer):
        try:
            answer()
        except sqlite3.Error:
            self.give(507, "text/plain; charset=utf-8", WORDS[self.language()]["no_disk"] + "\n")

    def do_GET(self):
        self.handle_safely(self.shown)

    def do_POST(self):
        self.handle_safely(self.done)

    def shown(self):
        if not self.is_let_in():
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
        if parts[0] == "sales" and len(parts) > 1 and (number := numbered(parts[1])):
            sale = settle(number, 5 if query == "wait=5" and len(parts) == 2 else 0)
            payment = sale and json.loads(sale["answer"] or "{}").get("id")
            if payment and len(parts) == 3 and parts[2] == "qr.svg":
                picture = ask("GET", f"/v1/payments/{payment}/qr.svg", patience=10)
                return self.give(200, "image/svg+xml", picture if isinstance(picture, bytes) else b"")
            if sale:
                return self.page(show(sale, self.language()), sale["state"] != "refused")
        self.page("404", status=404)

    def done(self):
        length = numbered(self.headers.get("Content-Length") or "")
        if not length or length > 10_000:
            self.close_connection = True
            return self.give(413, "text/plain", "A form of this till is shorter.\n")
        given = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode(errors="replace")))
        if not self.is_let_in():
            return
        if not secrets.compare_digest(given.get("token", "").encode(), TOKEN.encode()):
            return self.give(403, "text/plain", "This form is not of this till: load its page again.\n")
        w, parts = WORDS[self.language()], self.path.strip("/").split("/")
        amount = given.get("amount", "").strip()
        if (parts == ["sales"] or parts[-1] == "refund" and amount) and not tiyn(amount):
            return self.page(f'<p class="bad" role="alert">{e(w["bad_amount"])}</p><p><a href="/">{e(w["home"])}</a></p>', status=400)
        if parts == ["sales"] and not given.get("anyway") and given.get("phone", "").strip():
            same = db.execute("SELECT number FROM sale WHERE tiyn = ? AND phone = ? AND state = 'unknown' AND form IS NOT ? LIMIT 1",
                              (tiyn(amount), given["phone"].strip(), given.get("form"))).fetchone()
            if same:  # the customer may have that bill already
                again = "".join(f'<input type="hidden" name="{name}" value="{e(given.get(name, ""))}">' for name in ("amount", "phone", "bin", "form", "anyway")).replace('name="anyway" value=""', 'name="anyway" value="yes"')
                return self.page(f'<p class="bad" role="alert">{e(w["twice"])}: <a href="/sales/{same["number"]}">{e(w["sale"])} {same["number"]}</a></p>' + form("/sales", again + f'<button>{e(w["anyway"])}</button>'))
        if parts == ["sales"]:  # a form that is sent twice is one sale
            row = (given.get("form"), tiyn(amount), given.get("phone", "").strip() or None, given.get("bin") or None)
            db.execute("INSERT OR IGNORE INTO sale (form, tiyn, phone, bin) VALUES (?, ?, ?, ?)", row)
            number = db.execute("SELECT number FROM sale WHERE form = ?", row[:1]).fetchone()["number"]
            return self.go(f"/sales/{number}")
        number = numbered(parts[1]) if len(parts) == 3 and parts[0] == "sales" else None
        if number and parts[2] == "give_up":
            with one_at_a_time[number]:
                db.execute("UPDATE sale SET state = 'refused' WHERE number = ? AND state = 'asking' AND unanswered = 0", (number,))
            return self.go(f"/sales/{number}")
        sale = settle(number) if number else None
        if sale and parts[2] == "cancel" and sale["state"] == "waiting":
            ask("POST", f"/v1/payments/{json.loads(sale['answer'])['id']}/cancel", {}, f"cancel-{SHOP}-{sale['number']}")
        elif sale and parts[2] == "refund" and sale["state"] == "paid":
            back = threading.Thread(target=pay_back, args=(sale, tiyn(amount) if amount else None, given.get("again")))
            back.start()
            back.join(5)  # one that the bank leaves in doubt takes a minute: its page says so meanwhile
        self.go(f"/sales/{number}" if sale else "/")

    def log_message(self, *_):
        pass  # phones stand in what is sent


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Till)
    print(f"http://127.0.0.1:{server.server_port}/?key={KEY}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
