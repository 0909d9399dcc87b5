//! `kaspictl setup`: from a daemon without a bank to a shop that takes money, by a file of answers or by questions. Whatever
//! breaks it off, the same command goes on; nothing is done twice, and all of it can be taken back.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::pty::openpty;
use serde_json::{Value, json};

use crate::support::daemon::{BankPlace, Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;

const BIN: &str = "891027350515";

/// A sandbox, and a daemon that does not know it yet.
struct Installed {
    bank: Sandbox,
    home: Home,
    daemon: Daemon,
}

impl Installed {
    fn open() -> Self {
        let bank = Sandbox::start(Dialect::Bank);
        let nowhere = BankPlace { url: "https://127.0.0.1:9".to_owned(), ..(&bank).into() };
        let home = Home::without_identity(nowhere, "");
        let daemon = Daemon::start(&home);
        Self { bank, home, daemon }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn settings(&self) -> PathBuf {
        self.file("conf.d/setup.toml")
    }

    /// Answers for this sandbox, with what is asked besides.
    fn answers(&self, more: &str) -> PathBuf {
        let (path, folder) = (self.file("answers.toml"), self.bank.file(""));
        let head = format!("bank = \"sandbox\"\nsandbox_dir = \"{}\"\nshop_id = 8\n", folder.display());
        fs::write(&path, head + more).unwrap();
        path
    }

    fn setup(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.arg("setup").args(words).arg("--config").arg(self.home.config());
        command.env("KASPID_SOCKET", self.home.socket()).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    /// Sets up from a file of answers.
    fn run(&self, answers: &Path, code: i32) -> String {
        ended(&self.setup(&["--answers", answers.to_str().unwrap()]).output().unwrap(), code)
    }

    /// Files of setup's own.
    fn left_by_setup(&self) -> Vec<String> {
        let folders = [self.home.path().to_owned(), self.file("conf.d")];
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // Where the identity came from that is in use still.
        names.filter(|name| name.contains("setup") && !name.contains("answers") && name != "setup.json").collect()
    }

    /// Every payment that was made is over, and what was paid is paid back.
    #[track_caller]
    fn owes_nothing(&self) {
        let payments = self.daemon.door.get("/v1/payments").expect(200);
        for payment in payments["payments"].as_array().unwrap() {
            assert_ne!(payment["state"], json!("waiting"), "a bill is left open: {payment}");
            let is_paid = payment["state"] == json!("paid");
            assert_eq!(payment["refunded_tiyn"] == payment["amount_tiyn"], is_paid, "{payment}");
        }
        assert_eq!(self.bank.effect(BIN, "paid"), self.bank.effect(BIN, "refunds"));
    }

    fn undo(&self) -> String {
        ended(&self.setup(&["--undo"]).output().unwrap(), 0)
    }
}

#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("77015211545") && !said.contains("PRIVATE KEY"), "a secret is shown: {said}");
    said
}

fn typed(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("$ ")).collect()
}

const WHOLE: &str = "[[organization]]\nbin = \"891027350515\"\ndefault = true\ndescription = \"Main\"\n[trial]\nphone = \
                     \"77015211545\"\namount = \"1\"\n";

/// Promise: a file of answers makes a shop that takes money, shows each command it types, does nothing a second time, and is
/// taken back to what was before.
#[test]
fn answers_make_a_shop_and_undo_takes_it_back() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    let said = shop.run(&answers, 0);
    for command in ["kaspictl reload", "identity import", "bin add", "payment refund", "kaspictl doctor"] {
        assert!(typed(&said).iter().any(|line| line.contains(command)), "{command}: {said}");
    }
    assert_eq!((shop.bank.effect(BIN, "invoices"), shop.bank.effect(BIN, "refunds")), (1, 1));
    let selected = shop.daemon.door.get("/v1/select").expect(200);
    assert_eq!((&selected["config"]["organization_bin"], &selected["config"]["shop_id"]), (&json!(BIN), &json!(8)));

    let again = shop.setup(&["--answers", answers.to_str().unwrap(), "--json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&again.stdout).unwrap();
    let steps: Vec<_> = document["steps"].as_array().unwrap().iter().map(|step| step["ended"].clone()).collect();
    assert_eq!(steps, ["already", "already", "already", "skipped", "already"], "{document}");
    assert_eq!((shop.bank.effect(BIN, "invoices"), shop.bank.effect(BIN, "refunds")), (1, 1));

    let said = shop.undo();
    assert!(said.contains("Payments, the log and the key stay"), "{said}");
    assert_eq!(shop.left_by_setup(), [""; 0]);
    shop.daemon.door.get("/v1/select").problem("no_default_bin");
    assert!(shop.undo().contains("nothing that setup has done"));
    // What was taken back is set up again.
    shop.run(&answers, 0);
    shop.daemon.door.get("/v1/select").expect(200);
}

/// Promise: the sandbox of a machine that was started again lets its shop in as before.
#[test]
fn a_sandbox_that_starts_again_keeps_its_shop() {
    let mut shop = Installed::open();
    let answers = shop.answers(WHOLE);
    shop.run(&answers, 0);
    shop.bank.start_again();
    let sale = json!({"kind": "link", "amount_tiyn": 100});
    shop.daemon.door.post("/v1/payments", &sale).expect(201);
    shop.run(&answers, 0);
}

/// Promise: killed behind any of its commands, setup goes on with the same command, and nobody is billed or paid back twice.
#[test]
fn a_kill_behind_any_command_is_gone_on_from() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    for commands in 1..=9 {
        let mut child = shop.setup(&["--answers", answers.to_str().unwrap()]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        killed_behind(&mut child, commands);
    }
    let said = shop.run(&answers, 0);
    assert!(said.contains("Everything is set up"), "{said}");
    shop.owes_nothing();
    shop.undo();
    assert_eq!(shop.left_by_setup(), [""; 0]);
}

/// Promise: undo forgets no payment: broken off at any of its commands, a trial is called off or paid back first.
#[test]
fn an_undo_leaves_no_trial_open() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    for commands in 4..=9 {
        let mut child = shop.setup(&["--answers", answers.to_str().unwrap()]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        killed_behind(&mut child, commands);
        shop.undo();
        shop.owes_nothing();
        assert_eq!(shop.left_by_setup(), [""; 0]);
    }
}

/// Promise: two setups at once are one, and the other is told so.
#[test]
fn two_at_once_are_one() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    let begin =
        || shop.setup(&["--answers", answers.to_str().unwrap()]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let both = [begin().unwrap(), begin().unwrap()].map(|child| child.wait_with_output().unwrap());
    let mut codes = both.each_ref().map(|output| output.status.code().unwrap());
    codes.sort_unstable();
    assert!(codes == [0, 1] || codes == [0, 0], "{codes:?}");
    if codes == [0, 1] {
        let both = both.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(both.iter().any(|said| said.contains("another setup works here")), "{both:?}");
    }
    assert_eq!(shop.bank.effect(BIN, "invoices"), 1);
    shop.owes_nothing();
}

/// Promise: a key that setup did not bring is never exchanged by it, nor is the bank of a shop that works with one.
#[test]
fn a_key_of_somebody_else_stays() {
    let mut shop = Installed::open();
    // A shop that was set up by hand, at its bank.
    let place = shop.bank.place.clone();
    let text = fs::read_to_string(shop.home.config()).unwrap();
    let text = text.replace("https://127.0.0.1:9", &place.url);
    fs::write(shop.home.config(), text).unwrap();
    let ctl = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        ended(&command.args(words).env("KASPID_SOCKET", shop.home.socket()).output().unwrap(), 0)
    };
    ctl(&["reload"]);
    let (key, cert) = (place.key_file.to_str().unwrap(), place.certificate_file.to_str().unwrap());
    ctl(&["identity", "import", "--key", key, "--cert", cert]);
    ctl(&["bin", "add", BIN, "--default"]);
    let held = fs::read(shop.home.state().join("identity/identity.pem")).unwrap();

    let other = Sandbox::start(Dialect::Bank);
    shop.bank = other;
    for answers in [shop.answers(""), shop.answers("[[organization]]\nbin = \"891027350515\"\n")] {
        let said = shop.run(&answers, 1);
        assert!(said.contains("kaspi-sandbox serve") && said.contains("are not of the sandbox"), "{said}");
    }
    assert_eq!(fs::read(shop.home.state().join("identity/identity.pem")).unwrap(), held);
    assert_eq!(shop.left_by_setup(), [""; 0]);
    shop.undo();
    shop.daemon.door.get("/v1/select").expect(200);
}

/// Promise: what people have written or changed is theirs: setup replaces none of it, and undo takes none of it back.
#[test]
fn what_people_have_changed_is_theirs() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    fs::create_dir_all(shop.file("conf.d")).unwrap();
    fs::write(shop.settings(), "[payments]\none_per_invoice = false\n").unwrap();
    assert!(shop.run(&answers, 1).contains("somebody else"));
    fs::remove_file(shop.settings()).unwrap();
    shop.run(&answers, 0);
    assert_eq!(fs::metadata(shop.file("conf.d")).unwrap().permissions().mode() & 0o777, 0o755);
    let changed = fs::read_to_string(shop.settings()).unwrap() + "# a line of the shop\n";
    fs::write(shop.settings(), &changed).unwrap();
    assert!(shop.run(&answers, 1).contains("somebody else"));
    assert!(shop.undo().contains("was changed since, and stays"));
    assert_eq!(fs::read_to_string(shop.settings()).unwrap(), changed);

    // What was refused was not done: who does it by hand afterwards keeps it.
    let shop = Installed::open();
    let refused = shop.answers("[[organization]]\nbin = \"891027350515\"\ntrade_point = 999999\n");
    shop.run(&refused, 1);
    shop.daemon.door.enrol(BIN);
    shop.undo();
    let config = shop.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    assert_eq!(config["is_active"], json!(true), "{config}");

    // A request takes the place of nothing.
    let precious = shop.file("precious.key");
    fs::write(&precious, "precious").unwrap();
    let generate = "[identity]\nhow = \"generate\"\nsubject = \"CN=a\"\nrequest = \"precious.key\"\n";
    let fresh = Installed::open();
    fs::write(fresh.file("precious.key"), "precious").unwrap();
    assert!(fresh.run(&fresh.answers(generate), 1).contains("is no request"));
    assert_eq!(fs::read_to_string(fresh.file("precious.key")).unwrap(), "precious");
}

/// Promise: with a daemon that does not run, undo takes the settings back, and says what is left to be done.
#[test]
fn settings_are_taken_back_without_a_daemon() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    shop.run(&answers, 0);
    let Installed { bank, home, daemon } = shop;
    drop(daemon);
    let undo = |home: &Home| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.args(["setup", "--undo", "--config"]).arg(home.config()).env("KASPID_SOCKET", home.socket());
        command.output().unwrap()
    };
    let said = ended(&undo(&home), 1);
    assert!(said.contains("not taken back") && !home.path().join("conf.d/setup.toml").exists(), "{said}");
    let daemon = Daemon::start(&home);
    ended(&undo(&home), 0);
    daemon.door.get("/v1/select").problem("no_default_bin");
    drop(bank);
}

/// Promise: an answer that cannot be is told by its line, and never shown: it may be a phone or a passphrase.
#[test]
fn what_is_wrong_in_answers_is_not_shown() {
    let shop = Installed::open();
    for wrong in [
        "[trial]\nphone = 77015211545\namount = \"1\"\n",
        "[trial]\nphone = \"+1 701 521 15 45 12\"\namount = \"1\"\n",
        "passphrase = \"hunter2-secret\"\n",
        "[identity]\nhow = \"import\"\nremove_source = \"hunter2-secret\"\n",
        "ca_file = [\"hunter2-secret\"]\n",
    ] {
        let answers = shop.answers(wrong);
        let said = ended(&shop.setup(&["--answers", answers.to_str().unwrap()]).output().unwrap(), 2);
        assert!(!said.contains("5211545") && !said.contains("45 12") && !said.contains("hunter2"), "{wrong}: {said}");
        assert!(said.contains("line "), "{said}");
    }
    // What is no file is not waited for.
    nix::unistd::mkfifo(&shop.file("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for ca in [shop.file("pipe").display().to_string(), "/dev/zero".to_owned()] {
        let answers = shop.file("pipe.toml");
        fs::write(&answers, format!("bank = \"https://127.0.0.1:9\"\nca_file = \"{ca}\"\n")).unwrap();
        assert!(shop.run(&answers, 1).contains("not a file"));
    }
}

/// Kills it as soon as it has shown so many commands, whatever they are doing by then.
fn killed_behind(child: &mut Child, commands: usize) {
    let shown = BufReader::new(child.stderr.take().unwrap());
    let _ = shown.lines().map_while(Result::ok).filter(|line| line.starts_with("$ ")).nth(commands - 1);
    let _ = child.kill();
    child.wait().unwrap();
}

/// Promise: settings that do not work do not stay; a shop that works is left as it was, and the next start of its daemon too.
#[test]
fn settings_that_do_not_work_are_put_back() {
    let shop = Installed::open();
    shop.run(&shop.answers(WHOLE), 0);
    let before = fs::read(shop.settings()).unwrap();
    let wrong = shop.file("wrong.toml");
    let table = [
        ("bank = \"https://127.0.0.1:9\"\nca_file = \"answers.toml\"\n", 1, "no certificate"),
        ("bank = \"https://127.0.0.1:9\"\nca_file = \"none.crt\"\n", 1, "none.crt"),
        ("bank = \"ftp://127.0.0.1\"\n", 1, "url"),
        ("bank = \"sandbox\"\nwrong = 1\n", 2, "wrong"),
        ("shop_id = 8\n", 2, "bank is not answered"),
        ("bank = \"sandbox\"\n[[organization]]\nbin = \"12\"\n", 2, "wrong.toml"),
    ];
    for (answers, code, words) in table {
        fs::write(&wrong, answers).unwrap();
        let said = shop.run(&wrong, code);
        assert!(said.contains(words), "{answers}: {said}");
        assert_eq!(fs::read(shop.settings()).unwrap(), before, "{answers}");
    }
    shop.daemon.door.get("/v1/select").expect(200);
    let refused = shop.setup(&[]).output().unwrap();
    assert!(ended(&refused, 2).contains("--answers FILE"));
}

/// Promise: a key that the daemon makes is waited for: setup ends with 5 and the request, and with the bank's certificate the
/// same command goes on.
#[test]
fn a_certificate_is_waited_for() {
    let shop = Installed::open();
    let identity = "[identity]\nhow = \"generate\"\nsubject = \"CN=shop.kz\"\nrequest = \"shop.csr\"\ncertificate = \
                    \"shop.cer\"\n";
    let answers = shop.answers(&format!("{identity}{WHOLE}"));
    for _ in 0..2 {
        let said = shop.run(&answers, 5);
        assert!(said.contains("Send it to the bank") && said.contains("kaspictl setup"), "{said}");
    }
    let request = fs::read_to_string(shop.file("shop.csr")).unwrap();
    let signed = shop.bank.control("POST", "/certificates", Some(&json!({"csr_pem": request})));
    fs::write(shop.file("shop.cer"), signed["certificate_pem"].as_str().unwrap()).unwrap();
    shop.run(&answers, 0);
    shop.run(&answers, 0);
    assert_eq!(shop.bank.effect(BIN, "invoices"), 1);
    assert!(shop.daemon.door.get("/v1/identity").expect(200)["subject"].as_str().unwrap().contains("shop.kz"));
}

/// Promise: at a terminal everything is asked for, an answer that cannot be is asked for again, and what was answered is not
/// asked a second time.
#[test]
fn a_person_is_asked_at_a_terminal() {
    let shop = Installed::open();
    // A person who has a sandbox of their own says so in the file; what it leaves open is asked.
    fs::write(shop.file("setup-answers.toml"), fs::read(shop.answers("")).unwrap()).unwrap();
    let mut person = Person::types(&shop);
    for (question, answer) in [
        ("Go on with these answers [yes]:", ""),
        ("BIN of the organisation", "12"),
        ("twelve digits", BIN),
        ("Its name, for people", "Main"),
        ("Do payments that name no BIN go to it [yes]:", ""),
        ("BIN of another one", ""),
        ("Users that take payments", "nobody-of-this-name"),
        ("there is no user nobody-of-this-name", ""),
        ("may pay money back", ""),
        ("may read the log", ""),
        ("Try a payment in the sandbox, and pay it back [yes]:", "maybe"),
        ("type yes or no", "y"),
        ("Phone of the customer [77015211545]:", ""),
        ("Amount in tenge [1]:", "2"),
    ] {
        person.sees(question);
        person.answers(answer);
    }
    person.sees("Everything is set up");
    person.sees("0 failed");
    assert_eq!((shop.bank.effect(BIN, "invoices"), shop.bank.effect(BIN, "refunds")), (1, 1));
    let kept = fs::read_to_string(shop.file("setup-answers.toml")).unwrap();
    assert!(kept.contains(BIN) && !kept.contains("7701"), "{kept}");
    assert!(person.child.wait().unwrap().success());
}

/// Promise: what a person does with Ctrl-D, or a terminal that is gone, ends setup in words, not in a loop.
#[test]
fn a_person_who_leaves_ends_it() {
    let shop = Installed::open();
    let mut person = Person::types(&shop);
    person.sees("Which bank is asked?");
    person.sees("Which [1]:");
    person.ours.write_all(&[4]).unwrap();
    person.sees("nobody answers any more");
    assert_eq!(person.child.wait().unwrap().code(), Some(2));
}

/// Promise: a trial whose answer is lost is neither billed again nor forgotten: setup and undo stop at it until a person has
/// looked, and a refund whose answer is lost is one refund.
#[test]
fn a_lost_answer_of_a_trial_is_not_billed_again() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    shop.bank.fault(&json!({"call": "remote_create", "fault": "drop_after", "times": 1}));
    for _ in 0..3 {
        assert!(shop.run(&answers, 6).contains("kaspictl payment"));
    }
    ended(&shop.setup(&["--undo"]).output().unwrap(), 6);
    assert!(shop.settings().exists(), "settings were taken back over a payment of which nobody knows");
    assert_eq!(shop.bank.effect(BIN, "invoices"), 1);
    let open = shop.daemon.door.get("/v1/payments?state=unknown").expect(200)["payments"][0].clone();
    let resolve = json!({"abandon": true, "reason": "the customer was asked"});
    shop.daemon.door.post(&format!("/v1/payments/{}/resolve", open["id"].as_str().unwrap()), &resolve).expect(200);

    shop.bank.fault(&json!({"call": "refund", "fault": "drop_after", "times": 1}));
    for _ in 0..5 {
        let done = shop.setup(&["--answers", answers.to_str().unwrap()]).output().unwrap();
        if done.status.success() {
            break;
        }
    }
    shop.run(&answers, 0);
    assert_eq!((shop.bank.effect(BIN, "invoices"), shop.bank.effect(BIN, "refunds")), (2, 1));
}

/// Promise: a setup that is killed while the bank bills the customer has written down before which bill that is.
#[test]
fn a_kill_while_the_customer_is_billed_forgets_no_bill() {
    let shop = Installed::open();
    let answers = shop.answers(WHOLE);
    shop.bank.fault(&json!({"call": "remote_create", "fault": "delay", "ms": 1500, "times": 1}));
    let mut child = shop.setup(&["--answers", answers.to_str().unwrap()]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while shop.daemon.door.get("/v1/payments").expect(200)["payments"].as_array().unwrap().is_empty() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let bill = || shop.daemon.door.get("/v1/payments").expect(200)["payments"][0].clone();
    while bill()["state"] == json!("creating") {
        std::thread::yield_now();
    }
    assert_eq!(bill()["state"], json!("waiting"));
    shop.undo();
    shop.owes_nothing();
}

/// Promise: a key that a person has brought in place of setup's is that person's: another one in the answers does not take its
/// place.
#[test]
fn a_key_that_was_exchanged_by_hand_stays() {
    let shop = Installed::open();
    shop.run(&shop.answers(WHOLE), 0);
    for name in ["by-hand", "other"] {
        openssl(&shop, &format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        openssl(&shop, &format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
        let request = fs::read_to_string(shop.file(&format!("{name}.csr"))).unwrap();
        let signed = shop.bank.control("POST", "/certificates", Some(&json!({"csr_pem": request})));
        fs::write(shop.file(&format!("{name}.crt")), signed["certificate_pem"].as_str().unwrap()).unwrap();
    }
    let mut rotate = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    rotate.args(["identity", "rotate", "--key", "by-hand.key", "--cert", "by-hand.crt"]);
    rotate.env("KASPID_SOCKET", shop.home.socket()).current_dir(shop.home.path());
    ended(&rotate.output().unwrap(), 0);
    let held = fs::read(shop.home.state().join("identity/identity.pem")).unwrap();
    let import = "[identity]\nhow = \"import\"\nkey = \"other.key\"\ncertificate = \"other.crt\"\n";
    assert!(shop.run(&shop.answers(import), 0).contains("was not brought by setup, and stays"));
    assert!(shop.run(&shop.answers(""), 1).contains("are not of the sandbox"));
    assert!(fs::read(shop.home.state().join("identity/identity.pem")).unwrap() == held, "the key was exchanged");
}

#[track_caller]
fn openssl(shop: &Installed, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(shop.home.path()).output().unwrap();
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Promise: a write that is broken off, or fails, leaves setup's file its own, whichever of the two texts it holds.
#[test]
fn a_write_that_fails_disowns_no_file() {
    let shop = Installed::open();
    shop.run(&shop.answers(WHOLE), 0);
    let other = shop.file("other.toml");
    fs::write(&other, fs::read_to_string(shop.answers(WHOLE)).unwrap().replace("shop_id = 8", "shop_id = 9")).unwrap();
    // Nobody may write into the folder, root too.
    let folder = shop.file("conf.d");
    let immutable = |flag: &str| Command::new("chattr").arg(flag).arg(&folder).status().is_ok_and(|it| it.success());
    if !immutable("+i") {
        return eprintln!("SKIPPED: needs chattr, and a file system that knows it");
    }
    let failed = shop.setup(&["--answers", other.to_str().unwrap()]).output().unwrap();
    assert!(immutable("-i"));
    assert!(!failed.status.success());
    shop.run(&shop.answers(WHOLE), 0);
    shop.run(&other, 0);
    shop.undo();
    assert_eq!(shop.left_by_setup(), [""; 0]);
}

/// Somebody at a terminal of their own.
struct Person {
    ours: File,
    child: Child,
    shown: String,
    /// What was seen before is not seen again.
    seen: usize,
}

impl Person {
    fn types(shop: &Installed) -> Self {
        let terminal = openpty(None, None).unwrap();
        let (ours, theirs) = (File::from(terminal.master), File::from(terminal.slave));
        let side = || Stdio::from(theirs.try_clone().unwrap());
        let setup = shop.setup(&[]);
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(setup.get_program()).args(setup.get_args());
        command.env("KASPID_SOCKET", shop.home.socket()).current_dir(shop.home.path());
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        Self { ours, child, shown: String::new(), seen: 0 }
    }

    #[track_caller]
    fn sees(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            let length = self.ours.read(&mut bytes).unwrap_or(0);
            assert!(length > 0, "{text:?} was not seen in:\n{}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    fn answers(&mut self, text: &str) {
        self.ours.write_all(format!("{text}\n").as_bytes()).unwrap();
    }
}
