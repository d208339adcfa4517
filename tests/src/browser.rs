//! Debian's Chromium without a screen, told what to do over a pair of pipes.
//!
//! It speaks the `DevTools` protocol, JSON with a zero byte behind each message, on its descriptors 3 and 4. They
//! are named pipes here, which a shell opens for it. Whatever the page throws, logs as an error or asks in a
//! dialog is kept, and [`Page::complaints`] tells it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::needs;

/// The program.
const CHROMIUM: &str = "/usr/bin/chromium-headless-shell";

/// Longest time until the browser answers: it starts slowly where many tests run at once.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one page.
#[derive(Debug)]
pub struct Page {
    browser: Child,
    commands: File,
    answers: Receiver<Value>,
    session: String,
    number: u64,
    complaints: Vec<String>,
    _folder: TempDir,
}

/// How large the page is, and whether it is dark.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Width in pixels.
    pub width: u32,
    /// Whether its reader prefers dark pages.
    pub dark: bool,
}

impl Page {
    /// Opens a file. See [`Self::visit`].
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn open(file: &Path) -> Option<Self> {
        Self::visit(&format!("file://{}", file.display()))
    }

    /// Opens an address. `None` where there is no browser and a test may be skipped.
    ///
    /// # Panics
    /// When the browser does not start or the page does not come.
    #[must_use]
    pub fn visit(address: &str) -> Option<Self> {
        if !needs::installed("chromium-headless-shell", &[CHROMIUM]) {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("alive-browser-").tempdir().expect("a temporary folder");
        let pipe = |name: &str| -> (PathBuf, File) {
            let path = folder.path().join(name);
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a named pipe");
            // Opened both ways, neither side waits for the other.
            let file = OpenOptions::new().read(true).write(true).open(&path).expect("the pipe is there");
            (path, file)
        };
        let ((to, commands), (from, said)) = (pipe("to"), pipe("from"));
        let browser = Command::new("bash")
            .args(["-c", "exec \"$@\" 3<\"$TO\" 4>\"$FROM\"", "bash", CHROMIUM])
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-dev-shm-usage"])
            .args(["--disable-gpu", "--no-first-run", "--hide-scrollbars", "--force-device-scale-factor=1"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("TO", to)
            .env("FROM", from)
            .env("HOME", folder.path())
            .env_remove("LD_PRELOAD")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log")).expect("a file for the log"))
            .process_group(0)
            .spawn()
            .expect("bash starts");
        let (sender, answers) = channel();
        // Ends with the first message that nobody takes any more.
        std::thread::spawn(move || {
            let mut messages = BufReader::new(said).split(0);
            while let Some(Ok(message)) = messages.next() {
                let message = serde_json::from_slice(&message).expect("a message is JSON");
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut page = Self {
            browser,
            commands,
            answers,
            session: String::new(),
            number: 0,
            complaints: Vec::new(),
            _folder: folder,
        };
        let target = page.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = page.ask("Target.attachToTarget", &attach);
        page.session = session["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.ask(domain, &json!({}));
        }
        let gone = page.ask("Page.navigate", &json!({ "url": address }));
        assert!(gone.get("errorText").is_none(), "{gone}");
        page.until("the page is ready", "document.documentElement?.dataset.ready !== undefined");
        Some(page)
    }

    /// What an expression of the page's is, as JSON.
    ///
    /// # Panics
    /// When it throws.
    pub fn value(&mut self, expression: &str) -> Value {
        self.evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let words = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.try_ask("Runtime.evaluate", &words)?;
        match answer.get("exceptionDetails") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// The text of every element that a selector finds.
    ///
    /// # Panics
    /// As [`Self::value`].
    pub fn texts(&mut self, selector: &str) -> Vec<String> {
        let all = format!("[...document.querySelectorAll({selector:?})].map((found) => found.textContent)");
        let all = self.value(&all);
        all.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    /// Clicks on the first element that a selector finds.
    ///
    /// # Panics
    /// When there is none.
    pub fn click(&mut self, selector: &str) {
        let click = format!(
            "document.querySelector({selector:?}).dispatchEvent(new MouseEvent('click', {{ bubbles: true }})), 1"
        );
        assert_eq!(self.value(&click), 1);
    }

    /// Presses a key on whatever has the focus.
    ///
    /// # Panics
    /// When the browser does not take it.
    pub fn press(&mut self, key: &str) {
        // What a key does by itself, as Enter on a button, hangs on its code and its text.
        let (code, text) = if key == "Enter" { (13, "\r") } else { (0, "") };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "text": text });
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Waits until an expression of the page's is true.
    ///
    /// # Panics
    /// When it does not become true.
    pub fn until(&mut self, what: &str, expression: &str) {
        let began = Instant::now();
        // While a page is left for another one, questions are answered by neither.
        while self.evaluate(expression) != Ok(Value::Bool(true)) {
            assert!(began.elapsed() < PATIENCE, "gave up waiting until {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Gives the page a size and light.
    ///
    /// # Panics
    /// When the browser cannot.
    pub fn look(&mut self, looks: Looks) {
        let size = json!({ "width": looks.width, "height": 900, "deviceScaleFactor": 1, "mobile": looks.width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let light = if looks.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": light }] });
        self.ask("Emulation.setEmulatedMedia", &media);
        // What the page draws anew for its size is drawn with the next frame.
        self.value(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
    }

    /// The whole page as a PNG.
    ///
    /// # Panics
    /// When the browser gives none.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.ask("Page.captureScreenshot", &whole);
        STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64")
    }

    /// Everything that went wrong in the page so far: errors, refused scripts, dialogs.
    ///
    /// # Panics
    /// When the browser is gone.
    pub fn complaints(&mut self) -> Vec<String> {
        // What was said before this answer is here with it.
        self.value("1");
        self.complaints.clone()
    }

    fn ask(&mut self, method: &str, words: &Value) -> Value {
        self.try_ask(method, words).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Sends a command and waits for its answer.
    fn try_ask(&mut self, method: &str, words: &Value) -> Result<Value, String> {
        self.number += 1;
        let mut command = json!({ "id": self.number, "method": method, "params": words });
        if !self.session.is_empty() {
            command["sessionId"] = self.session.as_str().into();
        }
        let mut line = command.to_string().into_bytes();
        line.push(0);
        self.commands.write_all(&line).expect("the pipe to the browser is open");
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(message) = self.answers.recv_timeout(left) else { panic!("no answer to {method}") };
            if message["id"] == self.number {
                return match message.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.hear(&message);
        }
    }

    fn hear(&mut self, message: &Value) {
        let is_complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => true,
            Some("Runtime.consoleAPICalled") => message["params"]["type"] == "error",
            Some("Log.entryAdded") => message["params"]["entry"]["level"] == "error",
            _ => false,
        };
        if is_complaint {
            self.complaints.push(message["params"].to_string());
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // The group is the browser's own; its helpers are in it.
        if let Ok(group) = i32::try_from(self.browser.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.browser.wait();
    }
}
