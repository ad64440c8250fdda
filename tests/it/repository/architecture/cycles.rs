//! Finds import cycles among the children of a folder.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Module;

/// The children of a folder that import each other in a circle, as `folder: child, child`.
pub(super) fn cycles(imports: &BTreeSet<(Module, Module)>) -> Vec<String> {
    let folders: BTreeSet<&[String]> = imports
        .iter()
        .flat_map(|(from, to)| [from, to])
        .flat_map(|module| (0..module.len()).map(|length| &module[..length]))
        .collect();
    let among = |folder: &[String]| {
        let mut children: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for (from, to) in imports {
            if let Some(from) = child(folder, from)
                && let Some(to) = child(folder, to)
                && from != to
            {
                children.entry(from).or_default().insert(to);
            }
        }
        children
    };
    let mut found = Vec::new();
    for folder in folders {
        let children = among(folder);
        let circle: Vec<&str> = children
            .keys()
            .filter(|child| reached(child, &children).contains(*child))
            .map(|child| child.as_str())
            .collect();
        if !circle.is_empty() {
            found.push(format!("{}: {}", folder.join("/"), circle.join(", ")));
        }
    }
    found
}

/// The child of a folder in which a module is; none for the folder's own `mod.rs`.
fn child<'a>(folder: &[String], module: &'a Module) -> Option<&'a String> {
    module.strip_prefix(folder)?.first()
}

/// All that a child imports, and what those import, and so on.
fn reached<'a>(
    start: &String,
    children: &BTreeMap<&'a String, BTreeSet<&'a String>>,
) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&String> = children.get(start).into_iter().flatten().copied().collect();
    while let Some(child) = next.pop() {
        if reached.insert(child) {
            next.extend(children.get(child).into_iter().flatten().copied());
        }
    }
    reached
}
