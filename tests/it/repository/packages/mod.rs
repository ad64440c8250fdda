//! The packages that `packaging/build --test` has built, in the folder `TEST_PACKAGES`.

mod debian;
mod image;
mod machine;
mod tarball;

use std::fs;
use std::path::PathBuf;

use crate::support::has_tool;

/// The file whose name ends so, or `None` where no packages were built or a tool is missing.
fn package(ending: &str, tools: &[&str]) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("TEST_PACKAGES") else {
        eprintln!("SKIPPED: TEST_PACKAGES names no folder with packages");
        return None;
    };
    if !tools.iter().all(|tool| has_tool(tool)) {
        return None;
    }
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut matching = files.filter(|file| file.to_string_lossy().ends_with(ending));
    Some(
        matching
            .next()
            .unwrap_or_else(|| panic!("no package {ending}")),
    )
}
