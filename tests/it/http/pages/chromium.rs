//! Chromium, driven over a pipe as its user would drive it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{has_tool, scratch};

/// The answers that windows wait for, by the numbers of their commands.
type Waiting = Arc<Mutex<HashMap<u64, Sender<Value>>>>;

/// A headless Chromium, whose start takes longer than most tests: it serves all windows that are
/// open at the same time.
struct Browser {
    child: Child,
    commands: Mutex<ChildStdin>,
    waiting: Waiting,
    sent: AtomicU64,
    _profile: TempDir,
}

impl Browser {
    /// The one that other tests have started, if it is still open.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Browser>> = Mutex::new(Weak::new());
        // A test that fails to start it leaves nothing half done.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Self::start(&[]);
            *shared = Arc::downgrade(&started);
            started
        })
    }

    fn start(more: &[&str]) -> Arc<Self> {
        let profile = tempfile::tempdir_in(scratch()).unwrap();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-sync",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
        ];
        // The browser reads commands from descriptor 3 and answers on descriptor 4.
        let script = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", script, "sh", program()])
            .args(arguments)
            .args(more)
            // Else its own window loads the page of a new tab.
            .arg("about:blank")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let waiting = Waiting::default();
        let answers = child.stdout.take().unwrap();
        let receivers = Arc::clone(&waiting);
        std::thread::spawn(move || distribute(answers, &receivers));
        Arc::new(Self {
            commands: Mutex::new(child.stdin.take().unwrap()),
            child,
            waiting,
            sent: AtomicU64::new(0),
            _profile: profile,
        })
    }

    fn call(
        &self,
        session: &str,
        method: &str,
        parameters: impl Into<Value>,
    ) -> Result<Value, Value> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let mut command = json!({"id": number, "method": method, "params": parameters.into()});
        if !session.is_empty() {
            command["sessionId"] = json!(session);
        }
        let (sender, answer) = mpsc::channel();
        self.waiting.lock().unwrap().insert(number, sender);
        let send = |commands: &mut ChildStdin| {
            write!(commands, "{command}\0")?;
            commands.flush()
        };
        send(&mut self.commands.lock().unwrap()).map_err(|error| json!(error.to_string()))?;
        let answer = answer.recv().map_err(|error| json!(error.to_string()))?;
        let error = answer.get("error").cloned();
        error.map_or_else(|| Ok(answer["result"].clone()), Err)
    }
}

/// Gives each answer to the window that waits for it, until the browser ends.
fn distribute(answers: ChildStdout, waiting: &Mutex<HashMap<u64, Sender<Value>>>) {
    let answers = BufReader::new(answers).split(0);
    for answer in answers.map_while(Result::ok) {
        let Ok(answer) = serde_json::from_slice::<Value>(&answer) else {
            break;
        };
        // The others are events.
        if let Some(number) = answer["id"].as_u64()
            && let Some(window) = waiting.lock().unwrap().remove(&number)
        {
            drop(window.send(answer));
        }
    }
    waiting.lock().unwrap().clear();
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program: Chromium without a desktop, which uses half the processor time, or else the whole browser.
fn program() -> &'static str {
    static PROGRAM: LazyLock<&str> = LazyLock::new(|| {
        let shell = "chromium-headless-shell";
        let version = Command::new(shell).arg("--version").output();
        if version.is_ok() { shell } else { "chromium" }
    });
    &PROGRAM
}

/// A window of headless Chromium, with cookies and storage of its own.
pub(crate) struct Chromium {
    browser: Arc<Browser>,
    session: String,
    context: String,
    /// Whether each new document gets axe-core.
    has_axe: bool,
}

impl Chromium {
    /// Whether Chromium is there. Without it a test is skipped as without another tool.
    pub(crate) fn is_installed() -> bool {
        has_tool(program())
    }

    /// Opens a window of a size, in the reader's language. It runs the scripts of pages, or none.
    pub(crate) fn open(language: &str, width: u32, scripts: bool) -> Self {
        Self::open_in(Browser::shared(), language, width, scripts)
    }

    /// The same in a browser of its own, with further arguments of the program.
    pub(crate) fn open_with(language: &str, width: u32, scripts: bool, more: &[&str]) -> Self {
        Self::open_in(Browser::start(more), language, width, scripts)
    }

    fn open_in(browser: Arc<Browser>, language: &str, width: u32, scripts: bool) -> Self {
        let mut window = Self {
            browser,
            session: String::new(),
            context: String::new(),
            has_axe: false,
        };
        let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
        let context = window.call("Target.createBrowserContext", json!({}));
        window.context = text(&context, "browserContextId");
        let blank = json!({"url": "about:blank", "browserContextId": window.context});
        let target = window.call("Target.createTarget", blank);
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = window.call("Target.attachToTarget", target);
        window.session = text(&attached, "sessionId");
        window.call(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": !scripts}),
        );
        window.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let agent = json!({"userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0", "acceptLanguage": language});
        window.call("Emulation.setUserAgentOverride", agent);
        window.call(
            "Emulation.setFocusEmulationEnabled",
            json!({"enabled": true}),
        );
        window
    }

    pub(crate) fn call(&mut self, method: &str, parameters: impl Into<Value>) -> Value {
        self.try_call(method, parameters).expect(method)
    }

    fn try_call(&mut self, method: &str, parameters: impl Into<Value>) -> Result<Value, Value> {
        self.browser.call(&self.session, method, parameters)
    }

    /// Looks at the page by a script of the test's.
    fn look(&mut self, script: &str) -> Value {
        let parameters = json!({"expression": script, "returnByValue": true});
        // A page that is just being left cannot be looked at.
        let looked = self.try_call("Runtime.evaluate", parameters);
        looked.map_or(Value::Null, |looked| looked["result"]["value"].clone())
    }

    /// Runs a script of the test's to its end, and returns what it returns.
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let script = format!("(async () => {{ {script} }})()");
        let parameters = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let ended = self.call("Runtime.evaluate", parameters);
        assert!(ended["exceptionDetails"].is_null(), "{ended}");
        ended["result"]["value"].clone()
    }

    pub(crate) fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
        self.until("a page", "document.readyState == 'complete'");
    }

    /// Types into a field.
    pub(crate) fn fill(&mut self, field: &str, text: &str) {
        let script = format!("document.getElementById('{field}').value = {}", json!(text));
        self.look(&script);
    }

    /// Presses the button of the form that posts to a path.
    pub(crate) fn submit(&mut self, action: &str) {
        self.look("document.title = 'left'");
        let script = format!("document.querySelector('form[action=\"{action}\"] button').click()");
        self.look(&script);
        self.until(
            "another page",
            "document.title != 'left' && document.readyState == 'complete'",
        );
    }

    /// The path that the window shows.
    fn path(&mut self) -> String {
        let path = self.look("location.pathname + location.search");
        path.as_str().unwrap_or_default().to_owned()
    }

    /// Expects that the window shows a path; else prints the page.
    pub(crate) fn expect_path(&mut self, path: &str) {
        assert_eq!(self.path(), path, "{}", self.text());
    }

    /// The text of the page.
    pub(crate) fn text(&mut self) -> String {
        let text = self.look("document.body.innerText");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Whether the page is wider than the window.
    pub(crate) fn overflows(&mut self) -> bool {
        let script = "document.documentElement.scrollWidth > innerWidth";
        self.look(script) == json!(true)
    }

    /// What axe-core finds wrong with the page, in light and dark; nothing if `TEST_AXE` does not
    /// name its script.
    pub(crate) fn violations(&mut self) -> Vec<String> {
        let Some(axe) = std::env::var_os("TEST_AXE") else {
            return Vec::new();
        };
        self.load_axe(Path::new(&axe));
        let mut found = Vec::new();
        // The two schemes differ in their colours alone.
        for (scheme, rules) in [("light", ""), ("dark", ", runOnly: ['color-contrast']")] {
            let run = format!(
                "axe.run({{resultTypes: ['violations'], selectors: false{rules}}}).then(found => JSON.stringify(found.violations.map(rule => \
                 rule.id + ': ' + rule.nodes.map(node => node.html).join(', '))))"
            );
            let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
            self.call("Emulation.setEmulatedMedia", json!({"features": feature}));
            let parameters =
                json!({"expression": run, "returnByValue": true, "awaitPromise": true});
            let answer = self.call("Runtime.evaluate", parameters);
            let text = answer["result"]["value"].as_str();
            let text = text.unwrap_or_else(|| panic!("axe-core does not run: {answer}"));
            let rules: Vec<String> = serde_json::from_str(text).unwrap();
            found.extend(rules.into_iter().map(|rule| format!("{scheme}: {rule}")));
        }
        found
    }

    /// Loads axe-core into the page. The first time, the browser gets the script, half a megabyte, for the documents
    /// to come as well; these run it when they are checked.
    fn load_axe(&mut self, file: &Path) {
        let load = "typeof loadAxe == 'function' && typeof axe == 'undefined' && loadAxe(); \
                    typeof axe == 'object'";
        if self.look(load) == json!(true) {
            return;
        }
        let axe = std::fs::read_to_string(file).unwrap();
        if !self.has_axe {
            let source = format!("function loadAxe() {{ {axe}\n}}");
            self.call("Page.enable", json!({}));
            let parameters = json!({"source": source});
            self.call("Page.addScriptToEvaluateOnNewDocument", parameters);
            self.has_axe = true;
        }
        self.look(&axe);
    }

    pub(crate) fn until(&mut self, what: &str, script: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.look(script) != json!(true) {
            assert!(Instant::now() < deadline, "{what} does not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes pictures of the whole page, light and dark, if `BIENVENUE_SCREENSHOTS` names a folder.
    pub(crate) fn picture(&mut self, name: &str) {
        for scheme in ["light", "dark"] {
            self.picture_in(scheme, &format!("{name}-{scheme}"));
        }
    }

    /// Takes a picture of the whole page in a colour scheme, if `BIENVENUE_SCREENSHOTS` names a folder.
    pub(crate) fn picture_in(&mut self, scheme: &str, name: &str) {
        let Some(folder) = std::env::var_os("BIENVENUE_SCREENSHOTS") else {
            return;
        };
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": feature}));
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let taken = self.call("Page.captureScreenshot", parameters);
        let data = taken["data"].as_str().unwrap().as_bytes();
        let picture = data_encoding::BASE64.decode(data).unwrap();
        let path = Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, picture).unwrap();
    }
}

/// Closes the window, and forgets its cookies and storage.
impl Drop for Chromium {
    fn drop(&mut self) {
        let context = json!({"browserContextId": self.context});
        drop(
            self.browser
                .call("", "Target.disposeBrowserContext", context),
        );
    }
}
