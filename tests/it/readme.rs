//! What the README and `--help` name is there, and what is there is named.

use std::collections::BTreeSet;

use bienvenue::cli::Cli;
use clap::CommandFactory;

const README: &str = include_str!("../../README.md");

/// The settings' table: flags and variables, row by row.
fn rows() -> BTreeSet<(String, String)> {
    README
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .map(|line| {
            let mut cells = line.split('|').skip(1).map(|cell| {
                let code = cell.split('`').nth(1);
                code.unwrap_or_default().to_owned()
            });
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect()
}

#[test]
fn the_settings_in_the_readme_are_those_of_the_program() {
    let program: BTreeSet<(String, String)> = Cli::command()
        .get_arguments()
        .filter_map(|argument| {
            let variable = argument.get_env()?.to_str()?.to_owned();
            Some((format!("--{}", argument.get_long()?), variable))
        })
        .collect();
    assert_eq!(rows(), program);
}

#[test]
fn the_routes_in_the_readme_are_those_of_the_program() {
    let table = include_str!("../../src/http/routes.rs");
    let paths: BTreeSet<&str> = table
        .split("Resource::new(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let named: BTreeSet<&str> = README
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`')?.0.split_once(' '))
        .filter_map(|(_, path)| path.split('?').next())
        .filter(|path| path.starts_with('/'))
        .collect();
    assert_eq!(named, paths);
}
