//! Names browser and system of a user agent.

/// The browser and the system that a user agent names, as far as they are known. Both are names
/// of ours: a client chooses its user agent, and could write a sentence of its own into a mail.
pub(super) fn names(user_agent: &str) -> (Option<&'static str>, Option<&'static str>) {
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
