//! Chromium, driven over a pipe as its user would drive it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Place;

/// A window of headless Chromium.
pub(crate) struct Chromium {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: String,
    sent: u64,
}

impl Chromium {
    /// Opens a window of a size, in the reader's language. It runs the scripts of pages, or none.
    pub(crate) fn open(place: &Place, language: &str, width: u32, scripts: bool) -> Self {
        Self::open_with(place, language, width, scripts, &[])
    }

    /// The same with further arguments of the program.
    pub(crate) fn open_with(
        place: &Place,
        language: &str,
        width: u32,
        scripts: bool,
        more: &[&str],
    ) -> Self {
        let profile = place.path(&format!("profile-{language}-{width}"));
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
        let script = "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .args(arguments)
            .args(more)
            .arg(format!("--user-data-dir={}", profile.display()))
            .env("HOME", place.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut browser = Self {
            commands: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
            session: String::new(),
            sent: 0,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", target);
        let session = attached["sessionId"].as_str().unwrap();
        session.clone_into(&mut browser.session);
        browser.call(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": !scripts}),
        );
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let agent = json!({"userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0", "acceptLanguage": language});
        browser.call("Emulation.setUserAgentOverride", agent);
        browser
    }

    pub(crate) fn call(&mut self, method: &str, parameters: impl Into<Value>) -> Value {
        self.try_call(method, parameters).expect(method)
    }

    fn try_call(&mut self, method: &str, parameters: impl Into<Value>) -> Result<Value, Value> {
        self.sent += 1;
        let mut command = json!({"id": self.sent, "method": method, "params": parameters.into()});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        write!(self.commands, "{command}\0").unwrap();
        self.commands.flush().unwrap();
        loop {
            let mut answer = Vec::new();
            self.answers.read_until(0, &mut answer).unwrap();
            answer.pop();
            let answer: Value = serde_json::from_slice(&answer).expect("an answer of Chromium");
            if answer["id"] == self.sent {
                let error = answer.get("error").cloned();
                return error.map_or_else(|| Ok(answer["result"].clone()), Err);
            }
        }
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
        let axe = std::fs::read_to_string(axe).unwrap();
        self.look(&axe);
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
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, picture).unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
