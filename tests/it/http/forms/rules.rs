//! The rules for emails and passwords.

use super::{created, refused};
use crate::support::app::app;

const SHAPE: &str = "email needs a name, one @ and a domain";
const SPACE: &str = "email has a space in it";
const CONTROL: &str = "email has a control character in it";

#[actix_web::test]
async fn r49_an_email_has_one_at_between_a_name_and_a_domain() {
    let app = app().await;
    for email in [
        "bob",
        "@",
        "bob@",
        "@bob",
        "a@b@c",
        "a@@b",
        "@@",
        "  @b ",
        "a\u{ff20}b",
    ] {
        let answer = app.register(email, "p").await;
        assert_eq!(answer.line(), refused(SHAPE), "{email}");
    }
    for email in ["a@b", "\"'<>&%\\@x", "é@ü.例", "a@[::1]", "-@-"] {
        assert_eq!(app.register(email, "p").await.line(), created(email));
        assert_eq!(app.log_in(email, "p").await.status, 200, "{email}");
    }
}

#[actix_web::test]
async fn r49_an_email_has_no_space_and_no_control_character_inside() {
    let app = app().await;
    for space in [" ", "\u{a0}", "\u{2003}", "\u{2028}", "\u{3000}"] {
        let answer = app.register(&format!("a{space}b@x.org"), "p").await;
        assert_eq!(answer.line(), refused(SPACE), "{space:?}");
    }
    for control in [
        "\0", "\t", "\n", "\r", "\r\n", "\u{1b}", "\u{7f}", "\u{85}", "\u{9f}",
    ] {
        let email = format!("a{control}b@x.org");
        assert_eq!(
            app.register(&email, "p").await.line(),
            refused(CONTROL),
            "{control:?}"
        );
        assert_eq!(
            app.log_in(&email, "p").await.line(),
            refused(CONTROL),
            "{control:?}"
        );
    }
    let nul_at_the_end = app.register("a@x.org\0", "p").await;
    assert_eq!(nul_at_the_end.line(), refused(CONTROL));
}

#[actix_web::test]
async fn white_space_around_an_email_is_cut() {
    let app = app().await;
    let answer = app
        .register(" \t\u{a0}\u{3000}Bob@X.org\u{2003}\r\n ", "p")
        .await;
    assert_eq!(answer.line(), created("Bob@X.org"));
    let again = app.register("bob@x.ORG\u{85}", "p").await;
    assert_eq!(again.line(), refused("email already registered"));
    assert_eq!(app.log_in("\u{3000}BOB@x.org", "p").await.status, 200);
    assert_eq!(
        app.register(" \u{a0} ", "p").await.line(),
        refused("email missing")
    );
}

#[actix_web::test]
async fn r49_email_has_at_most_250_characters() {
    let app = app().await;
    for letter in ["a", "é", "𝔞"] {
        let longest = letter.repeat(248) + "@x";
        assert_eq!(app.register(&longest, "p").await.line(), created(&longest));
        assert_eq!(app.log_in(&format!(" {longest} "), "p").await.status, 200);
        let longer = letter.repeat(249) + "@x";
        let answer = app.register(&longer, "p").await;
        assert_eq!(
            answer.line(),
            refused("email is longer than 250 characters")
        );
    }
}

#[actix_web::test]
async fn an_email_that_cannot_be_registered_is_unknown_at_login() {
    let app = app().await;
    let unknown = r#"401 {"message":"invalid credentials"}"#;
    for email in ["bob", "a@b@c", "@", "a b@x.org", "unknown@x.org"] {
        assert_eq!(app.log_in(email, "p").await.line(), unknown, "{email}");
    }
}

#[actix_web::test]
async fn password_has_no_nul_and_at_most_1024_bytes() {
    let app = app().await;
    let nul = refused("password has a NUL character in it");
    let long = refused("password is longer than 1024 bytes");
    for (password, answer) in [
        ("\0".to_owned(), &nul),
        ("p\0".to_owned(), &nul),
        ("p\0q".to_owned(), &nul),
        ("p".repeat(1025), &long),
        ("é".repeat(513), &long),
    ] {
        assert_eq!(app.register("a@x.org", &password).await.line(), *answer);
        assert_eq!(app.log_in("a@x.org", &password).await.line(), *answer);
    }
    for (email, longest) in [("a@x.org", "p".repeat(1024)), ("b@x.org", "é".repeat(512))] {
        assert_eq!(app.register(email, &longest).await.line(), created(email));
        assert_eq!(app.log_in(email, &longest).await.status, 200);
        let shorter: String = longest.chars().skip(1).collect();
        assert_eq!(app.log_in(email, &shorter).await.status, 401);
    }
}

#[actix_web::test]
async fn a_password_is_neither_trimmed_nor_normalised() {
    let app = app().await;
    let passwords = [
        " ",
        "  ",
        " p",
        "p ",
        "P",
        "p",
        "p\t",
        "\u{e9}",
        "e\u{301}",
        "\n",
        "p\r\n",
        "\u{feff}p",
    ];
    for (number, password) in passwords.iter().enumerate() {
        let email = format!("{number}@x.org");
        assert_eq!(app.register(&email, password).await.line(), created(&email));
        for other in passwords {
            let status = app.log_in(&email, other).await.status;
            assert_eq!(status == 200, other == *password, "{password:?} {other:?}");
        }
    }
}
