//! Where a session id is read from, and from nowhere else.

use super::{ask, body, post, status};
use crate::support::Place;
use crate::support::program::Server;

/// A server with a user on it who is logged in.
fn logged_in(place: &Place) -> (Server, String) {
    let server = Server::start(place);
    post(&server, "/users", "email=a@x.org&password=p");
    let answer = post(&server, "/sessions", "email=a@x.org&password=p");
    let session_id = body(&answer).split('"').nth(3).unwrap().to_owned();
    assert_eq!(session_id.len(), 36);
    (server, session_id)
}

#[test]
fn broken_cookies_of_other_names_are_ignored() {
    let place = Place::new();
    let (server, id) = logged_in(&place);
    for cookies in [
        format!("Cookie: session_id={id}\r\n"),
        format!("cookie:session_id={id}\r\n"),
        format!("Cookie: a=b; session_id={id}; c=\"d\r\n"),
        format!("Cookie: =;;= ; \u{fe}\u{ff}=%ff; session_id={id}\r\n"),
        format!("Cookie: a\r\nCookie: session_id={id};\r\nCookie: b=1\r\n"),
        format!("Cookie: Session_id=1;  session_id = {id} ; session_id2=x\r\n"),
    ] {
        let answer = ask(&server, "GET /profile", &cookies, "");
        assert_eq!(status(&answer), "200", "{cookies}");
        assert_eq!(body(&answer), "{\"email\":\"a@x.org\"}\n");
    }
}

#[test]
fn malformed_or_repeated_session_id_is_none() {
    let place = Place::new();
    let (server, id) = logged_in(&place);
    let upper = id.to_uppercase();
    let simple = id.replace('-', "");
    let percent = id.replace('-', "%2D");
    for cookies in [
        String::new(),
        "Cookie: session_id\r\n".to_owned(),
        "Cookie: session_id=\r\n".to_owned(),
        "Cookie: session_id=None\r\n".to_owned(),
        "Cookie: session_id=00000000-0000-0000-0000-000000000000\r\n".to_owned(),
        format!("Cookie: session_id={id}; session_id={id}\r\n"),
        format!("Cookie: session_id={id}\r\nCookie: session_id={id}\r\n"),
        format!("Cookie: session_id={id}; session_id=\r\n"),
        format!("Cookie: session_id=x; session_id={id}\r\n"),
        format!("Cookie: session_id=\"{id}\"\r\n"),
        format!("Cookie: session_id={{{id}}}\r\n"),
        format!("Cookie: session_id=urn:uuid:{id}\r\n"),
        format!("Cookie: session_id={upper}\r\n"),
        format!("Cookie: session_id={simple}\r\n"),
        format!("Cookie: session_id={percent}\r\n"),
        format!("Cookie: session_id={id}=\r\n"),
        format!("Cookie: session_id={id}, a=b\r\n"),
        format!("Cookie: Session_Id={id}\r\n"),
        format!("Cookie: __Host-session_id={id}\r\n"),
        format!("Cookie: session_id={}\r\n", "\u{fe}".repeat(36)),
        format!("Cookie: session_id={}\r\n", "' OR 1=1 --"),
    ] {
        for verb in ["GET /profile", "HEAD /profile", "DELETE /sessions"] {
            let answer = ask(&server, verb, &cookies, "");
            assert_eq!(
                (status(&answer), body(&answer)),
                ("403", ""),
                "{verb} {cookies}"
            );
        }
    }
    let still = ask(
        &server,
        "GET /profile",
        &format!("Cookie: session_id={id}\r\n"),
        "",
    );
    assert_eq!(status(&still), "200");
}

#[test]
fn a_session_id_is_read_from_the_cookie_only() {
    let place = Place::new();
    let (server, id) = logged_in(&place);
    let form = format!("session_id={id}");
    let sent = format!(
        "{}Content-Length: {}\r\nAuthorization: Bearer {id}\r\nsession_id: {id}\r\n\
         X-Session-Id: {id}\r\nSet-Cookie: session_id={id}\r\nCookie2: session_id={id}\r\n",
        super::FORM,
        form.len()
    );
    for verb in ["GET /profile", "DELETE /sessions"] {
        let answer = ask(&server, &format!("{verb}?session_id={id}"), &sent, &form);
        assert_eq!((status(&answer), body(&answer)), ("403", ""), "{verb}");
    }
}
