//! Which addresses of `X-Forwarded-For` and `Forwarded` are trusted: the table.
//!
//! The peer is 10.0.0.1; the trusted proxies are 10.0.0.0/8 and `fd00::/8`.

use bienvenue::domain::ClientIp;
use bienvenue::http::forwarded::{ForwardedHeaders, client_address};

const PEER: &str = "10.0.0.1";

fn address(text: &str) -> ClientIp {
    ClientIp::new(text.parse().unwrap())
}

fn bytes<'a>(lines: &[&'a str]) -> Vec<&'a [u8]> {
    lines.iter().map(|line| line.as_bytes()).collect()
}

/// The client's address for a request from `peer` with these lines of the two headers;
/// `disagreement` if they name different ones.
fn client(peer: &str, x_forwarded_for: &[&str], forwarded: &[&str]) -> String {
    let headers = ForwardedHeaders {
        x_forwarded_for: bytes(x_forwarded_for),
        forwarded: bytes(forwarded),
    };
    let trusted = "10.0.0.0/8, fd00::/8".parse().unwrap();
    client_address(address(peer), &headers, &trusted)
        .map_or("disagreement".to_owned(), |client| client.to_string())
}

#[test]
fn r46_x_forwarded_for_is_read_from_the_right() {
    let table: &[(&[&str], &str)] = &[
        (&["192.0.2.7"], "192.0.2.7"),
        (&["  192.0.2.7\t"], "192.0.2.7"),
        // The part to the left of the first untrusted address may be forged.
        (&["198.51.100.9, 192.0.2.7"], "192.0.2.7"),
        (&["127.0.0.1,10.0.0.9,192.0.2.7"], "192.0.2.7"),
        (
            &["198.51.100.9, 192.0.2.7, 10.0.0.2, 10.0.0.3"],
            "192.0.2.7",
        ),
        // Several lines are one list.
        (&["198.51.100.9", "192.0.2.7"], "192.0.2.7"),
        (&["198.51.100.9, 192.0.2.7", "10.0.0.2"], "192.0.2.7"),
        // Where all are trusted, the one that is farthest away.
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // Ports and brackets.
        (&["192.0.2.7:51234"], "192.0.2.7"),
        (&["2001:db8::7"], "2001:db8::7"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&["[2001:db8::7]:443"], "2001:db8::7"),
        (&["2001:DB8:0:0::7"], "2001:db8::7"),
        (&["2001:db8::7, fd00::2"], "2001:db8::7"),
        // One client, whatever it looks like on an IPv6 socket.
        (&["::ffff:192.0.2.7"], "192.0.2.7"),
        (&["192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"),
        // A client without an address counts as the proxy that said so.
        (&["unknown"], PEER),
        (&["198.51.100.9, unknown"], PEER),
        (&["198.51.100.9, unknown, 10.0.0.2"], "10.0.0.2"),
        (&["_hidden"], PEER),
        (&[""], PEER),
        (&["198.51.100.9,"], PEER),
        (&["198.51.100.9, , 10.0.0.2"], "10.0.0.2"),
        (&["198.51.100.9", ""], PEER),
        (&["localhost"], PEER),
        (&["192.0.2.256"], PEER),
        (&["192.0.2.07"], PEER),
        (&["192.0.2.7:"], PEER),
        (&["192.0.2.7:port"], PEER),
        (&["192.0.2.7:123456"], PEER),
        (&["192.0.2.7 198.51.100.9"], PEER),
        (&["[192.0.2.7]"], PEER),
        (&["[2001:db8::7"], PEER),
        (&["[2001:db8::7]x"], PEER),
        (&["fe80::1%eth0"], PEER),
        (&["\"192.0.2.7\""], PEER),
        (&["192.0.2.7;"], PEER),
        (&["é"], PEER),
    ];
    for (lines, expected) in table {
        assert_eq!(client(PEER, lines, &[]), *expected, "{lines:?}");
    }
}

#[test]
fn r46_forwarded_is_read_from_the_right() {
    let table: &[(&[&str], &str)] = &[
        (&["for=192.0.2.7"], "192.0.2.7"),
        (&["For=192.0.2.7;proto=https;by=10.0.0.1"], "192.0.2.7"),
        (&["proto=https ; FOR=192.0.2.7 ;"], "192.0.2.7"),
        (&["for=198.51.100.9, for=192.0.2.7"], "192.0.2.7"),
        (&["for=198.51.100.9", "for=192.0.2.7"], "192.0.2.7"),
        (&["for=192.0.2.7, for=10.0.0.2"], "192.0.2.7"),
        (&["for=10.0.0.3,for=10.0.0.2"], "10.0.0.3"),
        (&["for=\"192.0.2.7:51234\""], "192.0.2.7"),
        (&["for=192.0.2.7:51234"], "192.0.2.7"),
        (&["for=\"[2001:db8::7]\""], "2001:db8::7"),
        (&["for=\"[2001:db8::7]:443\""], "2001:db8::7"),
        (&["for=\"[2001:db8::7]:_port\""], "2001:db8::7"),
        (&["for=\"[2001:db8\\::7]\""], "2001:db8::7"),
        (&["for=\"[::ffff:192.0.2.7]\""], "192.0.2.7"),
        (&["for=192.0.2.7;host=\"a, for=198.51.100.9\""], "192.0.2.7"),
        (&["for=192.0.2.7;host=\"a;for=198.51.100.9\""], "192.0.2.7"),
        (
            &["for=192.0.2.7;host=\"\\\", for=198.51.100.9\""],
            "192.0.2.7",
        ),
        (&["for=unknown"], PEER),
        (&["for=198.51.100.9, for=_hidden"], PEER),
        (
            &["for=198.51.100.9, for=\"_gazonk\", for=10.0.0.2"],
            "10.0.0.2",
        ),
        (&["for=198.51.100.9, proto=https"], PEER),
        (&["for=198.51.100.9;for=192.0.2.7"], PEER),
        (&["192.0.2.7"], PEER),
        (&["for="], PEER),
        (&["for=\"\""], PEER),
        (&["for = 192.0.2.7"], PEER),
        (&[""], PEER),
        (&["for=198.51.100.9,"], PEER),
        // A quote that the client opens does not swallow what its proxy adds.
        (&["for=198.51.100.9;x=\", for=192.0.2.7"], PEER),
        (&["for=198.51.100.9;x=\", for=\"[2001:db8::7]\""], PEER),
        (&["for=198.51.100.9;x\"y, for=192.0.2.7"], PEER),
        (&["for=198.51.100.9;x=y\", for=192.0.2.7"], PEER),
        (&["for=198.51.100.9;x=\"\\, for=\"192.0.2.7\""], PEER),
        (&["for=\"", "for=192.0.2.7"], "192.0.2.7"),
        (&["for=\"198.51.100.9\"junk"], PEER),
        (&["for=\"198.51.100.9"], PEER),
    ];
    for (lines, expected) in table {
        assert_eq!(client(PEER, &[], lines), *expected, "{lines:?}");
    }
}

#[test]
fn r46_contradicting_headers_are_both_ignored() {
    let both = |x_forwarded_for, forwarded| client(PEER, &[x_forwarded_for], &[forwarded]);
    assert_eq!(both("192.0.2.7", "for=192.0.2.7"), "192.0.2.7");
    let agreed = both("1.2.3.4, 192.0.2.7", "for=unknown, for=\"192.0.2.7:80\"");
    assert_eq!(agreed, "192.0.2.7");
    assert_eq!(both("192.0.2.7", "for=198.51.100.9"), "disagreement");
    assert_eq!(both("198.51.100.9", "for=192.0.2.7"), "disagreement");
    assert_eq!(both("192.0.2.7", "for=_hidden"), "disagreement");
    assert_eq!(both("junk", "junk"), PEER);
}

#[test]
fn r46_untrusted_peer_is_the_client() {
    for peer in ["192.0.2.1", "2001:db8::1", "127.0.0.1", "11.0.0.1"] {
        assert_eq!(client(peer, &["198.51.100.9"], &[]), peer);
        assert_eq!(client(peer, &[], &["for=198.51.100.9"]), peer);
        assert_eq!(client(peer, &["1.2.3.4"], &["for=198.51.100.9"]), peer);
    }
    assert_eq!(client(PEER, &[], &[]), PEER);
    assert_eq!(client("::ffff:10.0.0.1", &["192.0.2.7"], &[]), "192.0.2.7");
}

#[test]
fn r46_long_list_does_not_hide_the_client() {
    let made_up = "198.51.100.9, ".repeat(100_000);
    let list = format!("{made_up}192.0.2.7");
    assert_eq!(client(PEER, &[&list], &[]), "192.0.2.7");
    let made_up = "for=198.51.100.9;x=\",;\", ".repeat(100_000);
    let list = format!("{made_up}for=192.0.2.7");
    assert_eq!(client(PEER, &[], &[&list]), "192.0.2.7");
    let endless = "1".repeat(1_000_000);
    assert_eq!(client(PEER, &[&endless], &[]), PEER);
    assert_eq!(client(PEER, &[], &[&format!("for={endless}")]), PEER);
}
