//! A real browser without a screen, driven over WebDriver; ended with the test.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::support::http::{exchange, request};

/// What WebDriver calls an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Longer than a page needs to tell what has happened, on a machine that does more.
const PATIENCE: Duration = Duration::from_secs(30);

/// One window.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Open as long as the driver lives, which may say more.
    _said: BufReader<ChildStdout>,
}

impl Browser {
    /// Opens a window of this size; `None`, and a word about it, where there is no browser.
    pub(crate) fn open(width: u32, height: u32) -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut driver) = command.spawn() else {
            eprintln!("SKIPPED: chromedriver is not here, no page is looked at");
            return None;
        };
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let port = said.by_ref().lines().find_map(|line| {
            let line = line.unwrap();
            line.split_once("started successfully on port ")
                .map(|(_, port)| port.trim_end_matches('.').parse().unwrap())
        });
        let mut browser = Self { driver, port: port.unwrap(), session: String::new(), _said: said };
        let size = format!("--window-size={width},{height}");
        let arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en", &size];
        let options = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        browser.session = browser.drive("POST", "/session", &options)["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    #[track_caller]
    fn drive(&self, method: &str, target: &str, body: &Value) -> Value {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = Some(body.to_string()).filter(|_| method == "POST");
        exchange(stream, &self.request(method, target, body.as_deref())).unwrap().expect(200)["value"].clone()
    }

    /// The driver wants its own name in a request.
    fn request(&self, method: &str, target: &str, body: Option<&str>) -> Vec<u8> {
        let bytes = String::from_utf8(request(method, target, &[], body)).unwrap();
        bytes.replacen("Host: kaspid", &format!("Host: 127.0.0.1:{}", self.port), 1).into_bytes()
    }

    #[track_caller]
    fn of_session(&self, method: &str, target: &str, body: &Value) -> Value {
        self.drive(method, &format!("/session/{}{target}", self.session), body)
    }

    #[track_caller]
    pub(crate) fn go(&self, address: &str) {
        self.of_session("POST", "/url", &json!({"url": address}));
    }

    /// What a script in the page returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.of_session("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until the page's text has this.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let quoted = Value::from(text).to_string();
        let script = format!("return document.body.innerText.replaceAll('\\u00a0', ' ').includes({quoted})");
        self.until(&script, &format!("{text:?} is not there"));
    }

    /// Waits until a script returns true.
    #[track_caller]
    pub(crate) fn until(&self, script: &str, else_says: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(script) != Value::Bool(true) {
            let text = || self.run("return document.body.innerText");
            assert!(Instant::now() < deadline, "{else_says}: {}", text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types into an element as a person does who has come to it by the keyboard.
    #[track_caller]
    pub(crate) fn keys(&self, css: &str, keys: &str) {
        self.until(
            &format!("return document.querySelector({}) !== null", Value::from(css)),
            &format!("there is no {css}"),
        );
        let found = self.of_session("POST", "/element", &json!({"using": "css selector", "value": css}));
        let id = found[ELEMENT].as_str().unwrap();
        self.of_session("POST", &format!("/element/{id}/value"), &json!({"text": keys}));
    }

    /// What is wrong with the page for those who cannot see it or use a mouse, as axe finds it; nothing where axe is not here.
    #[track_caller]
    pub(crate) fn barriers(&self) -> Vec<String> {
        let Ok(axe) = std::fs::read_to_string(axe()) else {
            eprintln!("SKIPPED: {} is not here (npm ci --prefix tests/browser …, as .ci/run does)", axe().display());
            return Vec::new();
        };
        self.run(&axe);
        let script = "const done = arguments[0]; axe.run().then(found => done(found.violations.map(one => \
                      one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join('; '))))";
        let found = self.of_session("POST", "/execute/async", &json!({"script": script, "args": []}));
        serde_json::from_value(found).unwrap()
    }

    /// What a camera reads from a picture that was taken.
    pub(crate) fn decoded(&self, name: &str) -> Option<String> {
        seen_by_a_camera(&pages().join(format!("{name}.png")))
    }

    /// A picture of the whole page, for people: target/tmp/pages/NAME.png.
    #[track_caller]
    pub(crate) fn picture(&self, name: &str) {
        let folder = pages();
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.of_session("GET", "/screenshot", &Value::Null);
        let bytes = Base64::decode_vec(picture.as_str().unwrap()).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

/// What a decoder of another house reads in a picture; `None`, and a word about it, where there is none.
pub(crate) fn seen_by_a_camera(picture: &Path) -> Option<String> {
    let Ok(read) = Command::new("zbarimg").args(["-q", "--raw"]).arg(picture).output() else {
        eprintln!("SKIPPED: zbarimg is not here, no QR is read");
        return None;
    };
    Some(String::from_utf8(read.stdout).unwrap().trim().to_owned())
}

fn pages() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages")
}

fn axe() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser/node_modules/axe-core/axe.min.js")
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its browser ends with the session, also of a test that has failed.
        let target = format!("/session/{}", self.session);
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = exchange(stream, &self.request("DELETE", &target, None));
        }
        let _ = self.driver.kill().and_then(|()| self.driver.wait().map(drop));
    }
}
