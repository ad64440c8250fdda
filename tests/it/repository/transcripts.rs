//! The reference service's transcripts and those of the documents, typed into a shell with curl and jq, against the real program.

use std::process::Command;

use crate::support::program::Server;
use crate::support::{Place, has_tool};

/// Runs the transcript's commands in one shell, where the service runs, and compares what the shell prints.
fn prints(place: &Place, server: &Server, commands: &str, expected: &str) {
    let commands = commands.replace("http://0.0.0.0:5000", &server.url(""));
    let output = Command::new("bash")
        .args(["-c", &commands])
        .current_dir(place.folder())
        .output()
        .unwrap();
    // The lines of a mail end as they travel, which a terminal does not show.
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.replace('\r', ""), expected);
}

fn server(place: &Place) -> Option<Server> {
    (has_tool("curl") && has_tool("jq")).then(|| Server::start(place))
}

const LOG_IN: &str = r#"SESSION_ID=$(curl -s -X POST http://0.0.0.0:5000/sessions -d "email=bob@dylan.com&password=bob_pwd" | jq -r '.session_id')"#;
const REGISTER: &str =
    r#"curl -s -X POST http://0.0.0.0:5000/users -d "email=bob@dylan.com&password=bob_pwd""#;

#[test]
fn task_6_the_root_welcomes() {
    let place = Place::new();
    let Some(server) = server(&place) else { return };
    prints(
        &place,
        &server,
        "curl -s http://0.0.0.0:5000/",
        "{\"message\":\"Bienvenue\"}\n",
    );
}

#[test]
fn task_7_a_user_registers_and_cannot_register_again() {
    let place = Place::new();
    let Some(server) = server(&place) else { return };
    prints(
        &place,
        &server,
        &format!("{REGISTER}\n{REGISTER}"),
        "{\"email\":\"bob@dylan.com\",\"message\":\"user created\"}\n\
         {\"message\":\"email already registered\"}\n",
    );
}

#[test]
fn task_13_profile_needs_the_session() {
    let place = Place::new();
    let Some(server) = server(&place) else { return };
    let commands = format!(
        r#"{REGISTER}
{LOG_IN}
curl -s http://0.0.0.0:5000/profile -b "session_id=$SESSION_ID"
curl -s http://0.0.0.0:5000/profile -b "session_id=WrongSessionId"
curl -s http://0.0.0.0:5000/profile"#
    );
    prints(
        &place,
        &server,
        &commands,
        "{\"email\":\"bob@dylan.com\",\"message\":\"user created\"}\n{\"email\":\"bob@dylan.com\"}\n",
    );
}

#[test]
fn task_14_a_logout_ends_the_session() {
    let place = Place::new();
    let Some(server) = server(&place) else { return };
    let commands = format!(
        r#"{REGISTER}
{LOG_IN}
curl -s http://0.0.0.0:5000/profile -b "session_id=$SESSION_ID"
curl -s -X DELETE http://0.0.0.0:5000/sessions -b "session_id=$SESSION_ID"
curl -s http://0.0.0.0:5000/profile -b "session_id=$SESSION_ID""#
    );
    prints(
        &place,
        &server,
        &commands,
        "{\"email\":\"bob@dylan.com\",\"message\":\"user created\"}\n{\"email\":\"bob@dylan.com\"}\n{}\n",
    );
}

/// The commands of the first blocks of a text, and what the text says that they print.
fn blocks(text: &str, number: usize) -> (String, String) {
    let blocks = text.split("```console\n").skip(1).take(number);
    let blocks: String = blocks
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let (commands, printed): (Vec<&str>, Vec<&str>) =
        blocks.lines().partition(|line| line.starts_with('$'));
    let commands: Vec<&str> = commands.iter().map(|line| &line[1..]).collect();
    // Where the text shows progress on the terminal, the tests look at the output alone.
    let commands = commands.join("\n").replace("curl ", "curl -s ");
    let commands = commands.replace("http://localhost:5000", "http://0.0.0.0:5000");
    (commands, printed.join("\n") + "\n")
}

#[test]
fn tour_of_the_readme_works_twice() {
    let place = Place::new();
    let Some(server) = server(&place) else { return };
    let (commands, printed) = blocks(include_str!("../../../README.md"), 1);
    prints(&place, &server, &commands, &printed);
    prints(&place, &server, &commands, &printed);
}

#[test]
fn transcript_of_the_api_prints_what_it_says() {
    let place = Place::new();
    let Some(server) = server(&place) else { return };
    let (commands, printed) = blocks(include_str!("../../../docs/api.md"), 2);
    prints(&place, &server, &commands, &printed);
}
