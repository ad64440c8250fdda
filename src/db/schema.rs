// @generated automatically by Diesel CLI.

diesel::table! {
    sessions (digest) {
        digest -> Text,
        public_id -> Text,
        user_id -> BigInt,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        hashed_password -> Text,
        session_id -> Nullable<Text>,
        reset_token -> Nullable<Text>,
        email_key -> Text,
    }
}

diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(sessions, users,);
