//! Which module of `src` imports which. An import of a re-exported name counts as an import of the
//! module that declares it. Unit tests do not count.

use std::collections::{BTreeMap, BTreeSet};

/// The path of a module, such as `["db", "tables", "users"]`.
pub(super) type Module = Vec<String>;

/// One import of a module.
struct Import {
    /// The imported path, from the root of the crate.
    path: Module,
    /// The name that it has in the module.
    name: String,
    /// Whether `pub use` names it.
    exported: bool,
}

/// Pairs of modules: the first imports the second. `sources` are modules with their text.
pub(super) fn imports_between(sources: &BTreeMap<Module, String>) -> BTreeSet<(Module, Module)> {
    let all: BTreeMap<&Module, Vec<Import>> = sources
        .iter()
        .map(|(module, text)| (module, imports_of(module, text, sources)))
        .collect();
    let mut pairs = BTreeSet::new();
    for (module, imports) in &all {
        for import in imports.iter().filter(|import| !import.exported) {
            if let Some(declared) = declaring_module(&import.path, &all, 0)
                && declared != **module
            {
                pairs.insert(((*module).clone(), declared));
            }
        }
    }
    pairs
}

/// The module that declares what a path names, through re-exports.
fn declaring_module(
    path: &[String],
    all: &BTreeMap<&Module, Vec<Import>>,
    depth: usize,
) -> Option<Module> {
    let (module, imports) = (1..=path.len())
        .rev()
        .find_map(|length| all.get_key_value(&path[..length].to_vec()))?;
    let renamed = path.get(module.len()).and_then(|name| {
        let export = imports.iter().find(|import| import.name == *name)?;
        let rest = &path[module.len() + 1..];
        let longer = [&export.path[..], rest].concat();
        (depth < 6 && longer != path).then(|| declaring_module(&longer, all, depth + 1))?
    });
    renamed.or_else(|| Some((*module).clone()))
}

fn imports_of(module: &Module, text: &str, sources: &BTreeMap<Module, String>) -> Vec<Import> {
    let code = code_of(text);
    let (statements, rest) = use_statements(&code);
    let mut imports = Vec::new();
    for (tree, exported) in statements {
        for leaf in leaves(&tree) {
            let (path, renamed) = leaf.split_once(" as ").unwrap_or((&leaf, ""));
            if let Some(path) = absolute(path, module, sources) {
                let last = path.last().cloned().unwrap_or_default();
                let name = if renamed.is_empty() {
                    last
                } else {
                    renamed.trim().to_owned()
                };
                imports.push(Import {
                    path,
                    name,
                    exported,
                });
            }
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(root) {
            let end = rest[at..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let named = &rest[at..end.map_or(rest.len(), |end| at + end)];
            if let Some(path) = absolute(named.trim_end_matches(':'), module, sources) {
                let name = String::new();
                imports.push(Import {
                    path,
                    name,
                    exported: false,
                });
            }
        }
    }
    imports
}

/// The text without comments and without the module of unit tests at its end.
fn code_of(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The trees of all `use` statements, each with whether it is public, and the code without them.
fn use_statements(code: &str) -> (Vec<(String, bool)>, String) {
    let (mut statements, mut rest) = (Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let Some((before, tree)) = line.trim_start().split_once("use ") else {
            rest.push_str(line);
            rest.push('\n');
            continue;
        };
        if !(before.is_empty() || before.starts_with("pub")) || tree.contains('"') {
            rest.push_str(line);
            rest.push('\n');
            continue;
        }
        let mut tree = tree.to_owned();
        while !tree.contains(';') {
            tree.push_str(lines.next().expect("a use statement ends"));
        }
        let words: Vec<&str> = tree.trim_end_matches(';').split_whitespace().collect();
        statements.push((words.join(" "), before.starts_with("pub")));
    }
    (statements, rest)
}

/// The single paths of a `use` tree.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, body)) = tree.split_once('{') else {
        return (!tree.is_empty())
            .then(|| tree.to_owned())
            .into_iter()
            .collect();
    };
    let body = &body[..body.rfind('}').unwrap()];
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in body.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
    }
    let nested = parts.iter().flat_map(|part| leaves(part));
    nested.map(|leaf| format!("{prefix}{leaf}")).collect()
}

/// A path from the root of the crate, if it names something of the crate.
fn absolute(path: &str, module: &Module, sources: &BTreeMap<Module, String>) -> Option<Module> {
    let mut words: Vec<String> = path
        .split("::")
        .map(|word| word.trim().to_owned())
        .collect();
    words.retain(|word| word != "self");
    let ups = words.iter().take_while(|word| *word == "super").count();
    if words.first()? == "crate" {
        return Some(words.split_off(1));
    }
    let base = module[..module.len().checked_sub(ups)?].to_vec();
    let inside = [&base[..], &words[ups..]].concat();
    let is_child = sources.contains_key(&inside[..inside.len().min(module.len() + 1)]);
    (ups > 0 || is_child || path.starts_with("self::")).then_some(inside)
}
