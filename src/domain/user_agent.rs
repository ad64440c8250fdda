//! The browser and the system of a user agent.

/// The browser and the system of a user agent, if they are known. The names are from fixed lists,
/// because a client chooses its user agent and could place any text in a mail.
#[must_use]
pub fn device_names(user_agent: &str) -> (Option<&'static str>, Option<&'static str>) {
    // Browsers name their ancestors too, so the descendants come first.
    let browsers = [
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find = |names: &[(&str, &'static str)]| {
        let mut names = names.iter();
        let found = names.find(|(mark, _)| user_agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    (find(&browsers), find(&systems))
}
