//! Many at once, against the real program.

use std::sync::{Arc, Barrier};
use std::thread;

use reqwest::blocking::Client;

use crate::support::Place;
use crate::support::program::Server;

/// The results of many threads that start together.
fn at_once<T: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let (start, work) = (Arc::new(Barrier::new(count)), Arc::new(work));
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let (start, work) = (Arc::clone(&start), Arc::clone(&work));
            thread::spawn(move || {
                start.wait();
                work(number)
            })
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

#[test]
fn r56_of_fifty_parallel_registrations_one_succeeds() {
    let place = Place::new();
    let server = Server::start(&place);
    let (client, url) = (Client::new(), server.url("/users"));
    let statuses = at_once(50, move |number| {
        let spelling = if number % 2 == 0 {
            "bob@dylan.com"
        } else {
            " BOB@dylan.com"
        };
        let form = [("email", spelling), ("password", "bob_pwd")];
        client
            .post(&url)
            .form(&form)
            .send()
            .unwrap()
            .status()
            .as_u16()
    });
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(400)), (1, 49), "{statuses:?}");
}

#[test]
fn twenty_parallel_logins_leave_one_session() {
    let place = Place::new();
    let server = Server::start(&place);
    let client = Client::new();
    let form = [("email", "bob@dylan.com"), ("password", "bob_pwd")];
    client
        .post(server.url("/users"))
        .form(&form)
        .send()
        .unwrap();
    let sessions = {
        let (client, url) = (client.clone(), server.url("/sessions"));
        at_once(20, move |_| {
            let answer = client.post(&url).form(&form).send().unwrap();
            let json: serde_json::Value = answer.json().unwrap();
            json["session_id"].as_str().unwrap().to_owned()
        })
    };
    let good = sessions
        .iter()
        .filter(|id| {
            let cookie = format!("session_id={id}");
            let request = client.get(server.url("/profile")).header("Cookie", cookie);
            request.send().unwrap().status() == 200
        })
        .count();
    assert_eq!(good, 1);
}

#[test]
fn r23_logins_beyond_the_queue_get_503_the_rest_succeed() {
    let place = Place::new();
    let server = Server::start_with(
        &place,
        &[
            "--hash-threads",
            "1",
            "--hash-queue",
            "2",
            "--bcrypt-cost",
            "9",
        ],
    );
    let (client, url) = (Client::new(), server.url(""));
    let answers = at_once(20, move |number| {
        let email = format!("user{number}@dylan.com");
        let form = [("email", email.as_str()), ("password", "bob_pwd")];
        let answer = client
            .post(format!("{url}/users"))
            .form(&form)
            .send()
            .unwrap();
        let retry = answer.headers().get("retry-after").is_some();
        let profile = client.get(format!("{url}/profile")).send().unwrap();
        assert_eq!(profile.status(), 403, "what does not hash does not wait");
        (answer.status().as_u16(), retry)
    });
    let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
    let (made, told) = (count((201, false)), count((503, true)));
    assert_eq!(made + told, 20, "{answers:?}");
    assert!(made >= 3 && told >= 1, "{answers:?}");
    let users = place.texts("SELECT email AS value FROM users");
    assert_eq!(users.len(), made, "what was refused was not done");
}

#[test]
fn f23_hundreds_of_clients_take_under_100_mib() {
    let place = Place::new();
    let server = Server::start(&place);
    let (client, url) = (Client::new(), server.url("/users"));
    let statuses = at_once(300, move |number| {
        let email = format!("user{number}@dylan.com");
        // As long as a form may be.
        let filling = "x".repeat(16_000);
        let form = [
            ("email", email.as_str()),
            ("password", "bob_pwd"),
            ("filling", filling.as_str()),
        ];
        let answer = client.post(&url).form(&form).send().unwrap();
        answer.status().as_u16()
    });
    assert!(statuses.iter().all(|status| [201, 503].contains(status)));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.unwrap().parse().unwrap();
    println!("at most {kibibytes} KiB of memory");
    assert!(kibibytes < 100 * 1024, "{kibibytes} KiB");
}
