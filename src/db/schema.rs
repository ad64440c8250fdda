// @generated automatically by Diesel CLI.

diesel::table! {
    known_clients (user_id, mark) {
        user_id -> BigInt,
        mark -> Text,
        succeeded_at -> BigInt,
        expires_at -> BigInt,
    }
}

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
    throttle (key) {
        key -> Text,
        fails -> BigInt,
        next_at -> BigInt,
        purge_at -> BigInt,
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

diesel::joinable!(known_clients -> users (user_id));
diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(known_clients, sessions, throttle, users,);
