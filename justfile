# The recipes of this repository; `just` lists them.
[private]
default:
    @just --list

# Everything that CI runs
ci:
    bash .ci/run

# All tests
test:
    cargo test --workspace

# Lay the code out
fmt:
    cargo fmt --all

fmt-check:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, duplicate versions, and who may know the AWS SDK
deny:
    cargo deny check licenses bans sources

# Known vulnerabilities; fetches the advisory database
audit:
    cargo deny check advisories

docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Write the JSON Schema that editors use
schema:
    cargo run --quiet -- schema > docs/manifest.schema.json

schema-check:
    cargo run --quiet -- schema | diff - docs/manifest.schema.json

# Accept changed snapshots; read their diff before you commit
snapshots:
    INSTA_UPDATE=always cargo test -p crossrole --test all

# Speed and memory, on the embedded AWS with 50 ms added to each call
bench:
    cargo bench -p crossrole --bench speed

# The parsers against random input, for a minute
fuzz:
    CROSSROLE_FUZZ_SECONDS=60 cargo test --release -p crossrole --test all fuzz -- --nocapture
