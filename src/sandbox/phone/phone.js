// The customer's phone and the bank's back office. All text of others goes into the page as text, never as markup.

const words = await (await fetch("words.json")).json();
const token = location.hash.slice(1);
const CALLS = ["remote_create", "link_create", "qr_create", "remote_cancel", "refund", "payment_status", "payment_details",
  "client_info", "trade_points", "device_register", "device_delete", "connect"];
const FAULTS = ["drop_after", "drop_before", "refuse", "error_5xx", "delay", "empty", "cut", "no_id", "unknown_status",
  "unknown_code", "redirect", "html", "late_balance"];
const ADVANCES = [["minute", "60s"], ["hour", "1h"], ["day", "24h"]];
// What the customer begins with: more than any one payment may cost.
const BEGINS_WITH = 10_000_000_000;

const $ = id => document.getElementById(id);
let language = words[localStorage.language] ? localStorage.language
  : (navigator.languages ?? []).map(name => name.slice(0, 2)).find(name => words[name]) ?? "ru";
let drawn = {};
let seen = null;

function word(name, values = {}) {
  return Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), words[language][name] ?? name);
}

function money(tiyn) {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat(language === "en" ? "en" : "ru", digits).format(tiyn / 100) + "\u00a0₸";
}

function moment(text) {
  return new Date(text).toLocaleString(language === "en" ? "en-GB" : "ru-RU", { dateStyle: "short", timeStyle: "medium" });
}

function make(tag, attributes, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "click") element.addEventListener("click", value);
    else element.setAttribute(name, value);
  }
  element.append(...inside.filter(one => one !== null && one !== undefined));
  return element;
}

function say(text, isBad = false) {
  $("said").textContent = text;
  $("said").className = isBad ? "bad" : "";
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, headers: { "X-Sandbox-Token": token }, body: body && JSON.stringify(body) });
  } catch {
    throw new Error(word("away"));
  }
  if (answer.status === 403) throw new Error(word("bad_token"));
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

async function act(method, path, body, told) {
  try {
    const value = await ask(method, path, body);
    // Whoever has acted on a payment need not be told that it is new.
    if (value.id) (seen ??= new Set()).add(value.id);
    say(told(value));
  } catch (error) {
    say(error.message, true);
  }
  await look();
}

function button(id, name, label, method, path, body, told, isMain) {
  const click = () => act(method, path, body, told ?? (() => word("changed")));
  const attributes = { id, type: "button", click, "aria-label": `${word(name)}: ${label}` };
  return make("button", isMain ? { ...attributes, class: "main" } : attributes, word(name));
}

function stateOf(payment) {
  return word(payment.state.phase === "failed" ? payment.state.why : payment.state.phase);
}

const done = payment => word("done", { payment: payment.id, state: stateOf(payment) });

function acts(payment) {
  const { id, kind, state: { phase } } = payment;
  const names = phase === "created" && kind !== "remote" ? ["scan", "expire"]
    : phase === "created" || phase === "scanned" ? ["pay", "decline", "expire"] : [];
  return names.map((name, at) =>
    button(`${name}-${id}`, name, `${id}, ${money(payment.amount_tiyn)}`, "POST", `/payments/${id}/${name}`, undefined, done, at === 0));
}

function incoming(payment) {
  const to = payment.kind === "remote" ? `${word("to_phone")} +${payment.phone}` : word(payment.kind);
  const until = language === "kk" ? `${moment(payment.expires_at)} ${word("until")}` : `${word("until")} ${moment(payment.expires_at)}`;
  return make("article", { "aria-label": `${to}, ${money(payment.amount_tiyn)}` },
    make("p", { class: "amount" }, money(payment.amount_tiyn)),
    make("p", {}, to),
    payment.comment ? make("p", {}, payment.comment) : null,
    make("p", { class: "soft" }, `${word("number")} ${payment.id} · ${word("bin")} ${payment.organization_bin}`),
    make("p", { class: "soft" }, `${stateOf(payment)} · ${until}`),
    make("div", { class: "buttons" }, ...acts(payment)));
}

function past(payment) {
  const back = payment.refunds.reduce((sum, refund) => sum + refund.amount_tiyn, 0);
  const isLate = payment.state.phase === "failed" || payment.state.phase === "cancelled";
  const late = () => button(`late-${payment.id}`, "late_pay", `${payment.id}`, "POST", `/payments/${payment.id}/pay`, { force: true }, done);
  return make("article", {},
    make("p", {}, make("span", { class: "amount" }, money(payment.amount_tiyn)), ` ${stateOf(payment)}`),
    back ? make("p", {}, `${word("returned")} ${money(back)}`) : null,
    make("p", { class: "soft" }, `${word("number")} ${payment.id} · ${moment(payment.state.at)}`),
    isLate ? make("div", { class: "buttons" }, late()) : null);
}

function table(heads, rows) {
  const cell = (tag, [text, isNumber], more) => make(tag, isNumber ? { ...more, class: "n" } : more, text);
  const head = make("tr", {}, ...heads.map(one => cell("th", one, { scope: "col" })));
  return make("table", {}, make("thead", {}, head),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(one => cell("td", one, {}))))));
}

function effects({ total, by_bin }) {
  const count = (n, tiyn) => [`${n} · ${money(tiyn)}`, true];
  const row = (name, one) => [[name],
    count(one.invoices + one.links + one.qrs, one.asked_tiyn), count(one.paid, one.paid_tiyn),
    count(one.refunds + one.refunds_elsewhere, one.refunded_tiyn + one.refunded_elsewhere_tiyn), [`${one.cancels}`, true]];
  const heads = [[word("bin")], ...["asked_n", "paid_n", "back_n", "cancels_n"].map(name => [word(name), true])];
  return table(heads, [...Object.entries(by_bin).map(([bin, one]) => row(bin, one)), row(word("total"), total)]);
}

function point(bin, one) {
  const at = `/trade-points/${bin}/${one.id}`;
  const standing = !one.listed ? "is_removed" : one.active ? "works" : "is_off";
  const toggle = one.active ? ["switch_off", false] : ["switch_on", true];
  return make("li", {}, `${word("trade_point")} ${one.id}, ${one.name}: `, make("strong", {}, word(standing)),
    make("div", { class: "buttons" },
      button(`active-${bin}-${one.id}`, toggle[0], one.id, "PATCH", at, { active: toggle[1] }),
      one.listed ? button(`listed-${bin}-${one.id}`, "remove", one.id, "DELETE", at)
        : button(`listed-${bin}-${one.id}`, "list_again", one.id, "POST", at, {})));
}

function organisation([bin, { trade_points, devices }]) {
  return make("article", { "aria-label": `${word("bin")} ${bin}` },
    make("p", {}, make("strong", {}, `${word("bin")} ${bin}`)),
    make("ul", {}, ...trade_points.map(one => point(bin, one))),
    make("p", {}, word("tokens", devices)),
    make("div", { class: "buttons" }, ...["disable", "forget", "restore"].map(name =>
      button(`${name}-${bin}`, name, bin, "POST", `/devices/${bin}/${name}`, {}))));
}

function fault(one) {
  return make("li", {}, make("code", {}, one.call), `: ${word(one.fault)} × ${one.times || "∞"} (${one.bin ?? word("any_bin")})`);
}

function faults(list) {
  if (!list.length) return [make("p", { class: "soft" }, word("no_faults"))];
  const back = button("take-back", "take_back", word("faults"), "DELETE", "/faults", undefined, () => word("taken_back"));
  return [make("ul", {}, ...list.map(fault)), back];
}

function request(one) {
  const answer = one.fault ? word(one.fault) : one.code ?? word("no_code");
  return [[`${one.seq}`, true], [moment(one.at)], [one.call], [one.organization_bin ?? ""], [`${answer}`]];
}

function requests(list) {
  if (!list.length) return [make("p", { class: "soft" }, word("no_requests"))];
  const heads = [[word("number"), true], [word("when")], [word("call")], [word("bin")], [word("answer")]];
  return [table(heads, list.toReversed().map(request))];
}

// A part is drawn again only when it has changed, and what had the focus has it again.
function draw(id, value, make) {
  const text = JSON.stringify(value) + language;
  if (drawn[id] === text) return;
  drawn[id] = text;
  const focus = $(id).contains(document.activeElement) ? document.activeElement.id : null;
  $(id).replaceChildren(...make(value));
  // Never on another payment's button: the key that was meant for the one that is gone would act there.
  if (focus) ($(focus) ?? $("phone-title")).focus();
}

function some(list, make, none) {
  return list.length ? list.map(make) : [document.createTextNode(word(none))];
}

function tell(payments) {
  const open = payments.map(one => one.id);
  const fresh = seen && payments.find(one => !seen.has(one.id));
  seen = new Set([...(seen ?? []), ...open]);
  if (fresh) say(word("new_invoice", { amount: money(fresh.amount_tiyn) }));
}

function show(all) {
  const waits = all.payments.filter(one => ["created", "scanned"].includes(one.state.phase));
  const ended = all.payments.filter(one => !waits.includes(one));
  tell(waits);
  draw("incoming", waits, list => some(list, incoming, "nothing_waits"));
  draw("past", [ended, all.earlier], ([list, earlier]) => [...some(list, past, "nothing_past"),
    ...(earlier ? [make("p", { class: "soft" }, word("more", { more: earlier }))] : [])]);
  const spent = all.effects.total;
  $("balance").textContent = money(BEGINS_WITH - spent.paid_tiyn + spent.refunded_tiyn + spent.refunded_elsewhere_tiyn);
  draw("effects", all.effects, value => [effects(value)]);
  draw("organisations", all.organizations, value => Object.entries(value).map(organisation));
  draw("faults", all.faults, faults);
  draw("requests", all.requests, requests);
  $("clock").textContent = moment(all.now);
}

async function look() {
  try {
    show(await ask("GET", "/overview"));
    if ($("said").dataset.away) say("");
    delete $("said").dataset.away;
  } catch (error) {
    say(error.message, true);
    $("said").dataset.away = "yes";
  }
}

function speak() {
  document.documentElement.lang = language;
  $("language").value = language;
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  const [call, fault] = [$("fault").elements.call, $("fault").elements.fault];
  const chosen = [call.selectedIndex, fault.selectedIndex];
  call.replaceChildren(...CALLS.map(name => make("option", { value: name }, name)));
  fault.replaceChildren(...FAULTS.map(name => make("option", { value: name }, word(name))));
  [call.selectedIndex, fault.selectedIndex] = chosen.map(at => Math.max(at, 0));
  $("advance").replaceChildren(...ADVANCES.map(([name, by]) => button(`advance-${name}`, name, word("time"), "POST", "/clock", { advance: by })));
}

function tiyn(text) {
  const parts = /^(\d{1,8})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  if (!parts) throw new Error(word("bad_amount"));
  return Number(parts[1]) * 100 + Number((parts[2] ?? "").padEnd(2, "0"));
}

function submits(id, send) {
  $(id).addEventListener("submit", async event => {
    event.preventDefault();
    try {
      await send(Object.fromEntries(new FormData(event.target)));
    } catch (error) {
      say(error.message, true);
    }
  });
}

submits("scan", ({ link }) => act("POST", "/scan", { link }, payment => {
  $("scan").reset();
  return done(payment);
}));
submits("fault", ({ call, fault, times, ms, code }) => {
  const numbers = Object.entries({ times, ms, code }).filter(([, text]) => text !== "");
  return act("POST", "/faults", { call, fault, ...Object.fromEntries(numbers.map(([name, text]) => [name, Number(text)])) },
    () => word("ordered"));
});
submits("back", ({ payment, amount }) =>
  act("POST", `/payments/${payment}/refund-elsewhere`, amount.trim() ? { amount_tiyn: tiyn(amount) } : {}, done));
$("language").addEventListener("change", event => {
  localStorage.language = language = event.target.value;
  speak();
  look();
});
window.addEventListener("hashchange", () => location.reload());

speak();
await look();
setInterval(() => document.hidden || look(), 1000);
