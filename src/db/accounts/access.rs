//! A session together with the facts about access to an application, in one statement.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::db::connection::AnyConnection;
use crate::db::connection::fixed_statement::{FixedStatement, FixedText};
use crate::db::connection::statement::Value;
use crate::db::tables::sessions::Validity;
use crate::db::{DB, DbError};
use crate::domain::{
    AccessFacts, App, AppName, AppSessionDigest, Email, GroupName, Origin, SessionDigest,
    SessionLevel, SessionUser, Timestamp, UserId,
};

/// A valid session, and the facts about its user and the application that was asked for.
#[derive(Debug, Clone)]
pub struct SessionAccess {
    /// The session.
    pub session: SessionDigest,
    /// Its stored last use.
    pub last_seen_at: Timestamp,
    /// Its user.
    pub user: SessionUser,
    /// The facts on which access is decided.
    pub facts: AccessFacts,
}

/// The columns of [`Facts`]: a name if any application is registered, the application that was
/// asked for, its groups, and the user's.
macro_rules! facts_of_user {
    ($user:literal) => {
        concat!(
            "(SELECT name FROM apps WHERE name > '' ORDER BY name LIMIT 1), apps.name, \
             apps.second_factor, \
             CASE WHEN apps.name IS NOT NULL THEN (SELECT string_agg(group_name, ',') \
                 FROM app_groups WHERE app_name = apps.name) END, \
             (SELECT string_agg(group_name, ',') FROM group_members WHERE user_id = ",
            $user,
            " AND COALESCE((SELECT deleted_at FROM groups WHERE name = group_name), 0) < 1)"
        )
    };
}

/// The statement for a valid session: its tables up to the origin, and from there to the digest.
macro_rules! session_with_facts {
    ($up_to_origin:literal, $up_to_digest:literal) => {
        [
            concat!(
                "SELECT sessions.digest, sessions.user_id, sessions.email, \
                 sessions.last_seen_at, sessions.level, ",
                facts_of_user!("sessions.user_id"),
                " FROM ",
                $up_to_origin,
            ),
            $up_to_digest,
            " AND sessions.expires_at > ",
            " AND sessions.last_seen_at > ",
            " AND sessions.created_at <= ",
        ]
    };
}

type FactColumns = (
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
);
type Facts = (
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
);

type SessionColumns = (Binary, BigInt, Text, BigInt, BigInt, FactColumns);
type SessionRow = (Vec<u8>, i64, String, i64, i64, Facts);

/// The statement for a session by its own digest.
struct OfSession;

impl FixedText<5> for OfSession {
    type Rows = SessionColumns;
    const PIECES: [&'static str; 5] = session_with_facts!(
        "sessions LEFT JOIN apps ON apps.origin = ",
        " WHERE sessions.digest = "
    );
}

/// The statement for the session of a login on the host of an application.
struct OfAppSession;

impl FixedText<5> for OfAppSession {
    type Rows = SessionColumns;
    const PIECES: [&'static str; 5] = session_with_facts!(
        "app_sessions JOIN apps ON apps.name = app_sessions.app_name AND apps.origin = ",
        " JOIN sessions ON sessions.digest = app_sessions.session_digest \
         WHERE app_sessions.digest = "
    );
}

/// The statement for a user without a session.
struct OfUser;

impl FixedText<2> for OfUser {
    type Rows = FactColumns;
    const PIECES: [&'static str; 2] = [
        concat!(
            "SELECT ",
            facts_of_user!("users.id"),
            " FROM users LEFT JOIN apps ON apps.origin = "
        ),
        " WHERE users.id = ",
    ];
}

impl DB {
    /// Looks up a session that is neither ended nor expired, with the facts for the application
    /// at an origin. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such session.
    pub fn session_access(
        &self,
        session: &SessionDigest,
        origin: Option<&Origin>,
    ) -> Result<SessionAccess, DbError> {
        self.access_of::<OfSession>(session.as_bytes(), origin)
    }

    /// Looks up the session of a login on the host of an application, with the same facts. The
    /// application has to be the one at the origin.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such login, or its session has ended.
    pub fn app_session_access(
        &self,
        app_session: &AppSessionDigest,
        origin: &Origin,
    ) -> Result<SessionAccess, DbError> {
        self.access_of::<OfAppSession>(app_session.as_bytes(), Some(origin))
    }

    /// The facts about a user and the application at an origin. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user.
    pub fn access_facts(&self, user_id: UserId, origin: &Origin) -> Result<AccessFacts, DbError> {
        let values = [Value::text(origin.as_str()), Value::number(user_id.get())];
        let facts: Option<Facts> = self.read(|conn| {
            let statement = FixedStatement::<OfUser, _>::new(&values);
            match conn {
                AnyConnection::Sqlite(conn) => statement.get_result(conn),
                AnyConnection::Postgres(conn) => statement.get_result(conn),
            }
            .optional()
        })?;
        let facts = facts.ok_or(DbError::NoResultFound)?;
        Ok(facts_of(facts, Some(origin)))
    }

    fn access_of<T: FixedText<5, Rows = SessionColumns>>(
        &self,
        digest: &[u8],
        origin: Option<&Origin>,
    ) -> Result<SessionAccess, DbError> {
        let Validity {
            now,
            used_after,
            made_before,
        } = self.validity();
        let values = [
            Value::Text(origin.map(|origin| origin.as_str().to_owned())),
            Value::Bytes(digest.to_vec()),
            Value::number(now),
            Value::number(used_after),
            Value::number(made_before),
        ];
        let row: Option<SessionRow> = self.read(|conn| {
            let statement = FixedStatement::<T, _>::new(&values);
            match conn {
                AnyConnection::Sqlite(conn) => statement.get_result(conn),
                AnyConnection::Postgres(conn) => statement.get_result(conn),
            }
            .optional()
        })?;
        let (session, user_id, email, last_seen_at, level, facts) =
            row.ok_or(DbError::NoResultFound)?;
        Ok(SessionAccess {
            session: SessionDigest::from_bytes(&session).ok_or(DbError::NoResultFound)?,
            last_seen_at: Timestamp::from_seconds(last_seen_at),
            user: SessionUser {
                id: UserId::new(user_id),
                email: Email::from_stored(email),
                level: SessionLevel::from_stored(level),
            },
            facts: facts_of(facts, origin),
        })
    }
}

fn facts_of(
    (any_app, app, second_factor, listed, groups): Facts,
    origin: Option<&Origin>,
) -> AccessFacts {
    AccessFacts {
        has_apps: any_app.is_some(),
        app: app.zip(origin).map(|(name, origin)| App {
            name: AppName::from_stored(name),
            origin: origin.clone(),
            groups: names(listed.as_deref()),
            second_factor: second_factor.is_some_and(|on| on != 0),
        }),
        groups: names(groups.as_deref()),
    }
}

/// The names of a list, sorted. No name is left out, even an invalid one: without a group, an
/// application is open to every user.
fn names(list: Option<&str>) -> Vec<GroupName> {
    let list = list.map(|list| list.split(','));
    let mut names: Vec<_> = list
        .into_iter()
        .flatten()
        .map(GroupName::from_stored)
        .collect();
    names.sort();
    names
}
