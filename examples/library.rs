//! Accounts inside a program of your own: no server, no HTTP, no runtime.
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

    // The use cases: Auth over a database. Emails and passwords are parsed once, at the edge.
    let db = DB::open(&url, DbSettings::default())?;
    let auth = Auth::new(db.clone(), AuthSettings::default())?;
    let (email, password) = (Email::parse("bob@bob.com")?, Password::parse("MyPwdOfBob")?);

    let user = auth.register_user(&email, &password)?;
    println!("registered {user}");
    match auth.register_user(&email, &password) {
        Err(AuthError::AlreadyExists(email)) => println!("{email} is there already"),
        other => println!("unexpected: {other:?}"),
    }
    println!("right password: {}", auth.valid_login(&email, &password)?);
    let wrong = Password::parse("WrongPwd")?;
    println!("wrong password: {}", auth.valid_login(&email, &wrong)?);

    // Sessions: the id belongs to the client, the database holds a digest of it.
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

    // The database below it. The type of a value picks the column; names may be data too.
    let found = db.find_user_by(&email)?;
    let renewed = hash_password(&Password::parse("another")?, BcryptCost::default())?;
    db.update_user(found.id, &UserChanges::new().hashed_password(renewed))?;
    println!(
        "no such column: {}",
        UserFilter::parse("no_email", "x").is_err()
    );

    // "Nobody" is an answer of its own; a database that fails is another one.
    auth.delete_user(&email)?;
    match db.find_user_by(&email) {
        Err(DbError::NoResultFound) => println!("deleted"),
        other => println!("unexpected: {other:?}"),
    }

    drop((auth, db));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
