# Short names for the commands of CONTRIBUTING.md: https://just.systems

# Lists the recipes.
default:
    @just --list

# Serves in development mode on port 5000.
run *arguments:
    cargo run -- {{arguments}}

# Checks types and lints.
check:
    cargo clippy --locked --all-targets -- -D warnings

# Runs the tests whose names contain a text, or all.
test filter="":
    cargo test --locked --test it {{filter}}

# Formats the code.
fmt:
    cargo fmt

# Writes THIRD-PARTY.md, docs/requirements.md and the charts again.
docs:
    scripts/third-party.py
    scripts/requirements.py
    scripts/charts.py

# Runs all that decides whether a change lands. Installs missing tools with apt, so it needs root on Debian.
ci:
    .ci/run
