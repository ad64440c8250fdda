//! Uses the library in a program of your own, without a server, HTTP or an async runtime.
//!
//! ```sh
//! cargo run --example library
//! ```

#![expect(clippy::print_stdout, reason = "an example prints what it does")]

use std::error::Error;

use bienvenue::auth::{Auth, AuthError, AuthSettings, hash_password};
use bienvenue::db::{DB, DbError, DbSettings, UserChanges, UserFilter};
use bienvenue::domain::{BcryptCost, Email, Password};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("bienvenue-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let url = format!("sqlite://{}", folder.join("users.db").display()).parse()?;

    // `Auth` has the use cases. Emails and passwords are parsed once, at the edge.
    let db = DB::open(&url, DbSettings::default())?;
    let auth = Auth::new(db.clone(), AuthSettings::default())?;
    let (email, password) = (Email::parse("bob@bob.com")?, Password::parse("MyPwdOfBob")?);

    let user = auth.register_user(&email, &password)?;
    println!("registered {user}");
    match auth.register_user(&email, &password) {
        Err(AuthError::AlreadyExists(email)) => println!("{email} already exists"),
        other => println!("unexpected: {other:?}"),
    }
    println!("right password: {}", auth.valid_login(&email, &password)?);
    let wrong = Password::parse("WrongPwd")?;
    println!("wrong password: {}", auth.valid_login(&email, &wrong)?);

    // The client keeps the session id; the database holds only its digest.
    let session_id = auth.create_session(&email)?;
    match auth.get_user_from_session_id(&session_id)? {
        Some(user) => println!("session of {user}"),
        None => println!("no such session"),
    }
    auth.destroy_session(user.id)?;
    println!(
        "afterwards: {:?}",
        auth.get_user_from_session_id(&session_id)?
    );

    // `DB` is the layer below. Typed changes name their column; a filter parses its column name.
    let found = db.find_user_by(&email)?;
    let renewed = hash_password(&Password::parse("another")?, BcryptCost::default())?;
    db.update_user(found.id, &UserChanges::new().hashed_password(renewed))?;
    println!(
        "no such column: {}",
        UserFilter::parse("no_email", "x").is_err()
    );

    // An unknown user and a failing database are different errors.
    auth.delete_user(&email)?;
    match db.find_user_by(&email) {
        Err(DbError::NoResultFound) => println!("deleted"),
        other => println!("unexpected: {other:?}"),
    }

    drop((auth, db));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
