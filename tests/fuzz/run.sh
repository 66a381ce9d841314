#!/usr/bin/env bash
# Runs both fuzz targets for so many seconds each, from a corpus of our own manifests and policies. A crash is written to
# target/fuzz and ends with its exit code.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-30}"
out="$PWD/target/fuzz"
mkdir -p "$out/manifest" "$out/policy"
cp manifests/*.toml manifests/invalid/*.toml "$out/manifest/"
python3 - "$out/policy" <<'PY'
import json, pathlib, sys

for number, line in enumerate(open("crates/access/tests/examples.jsonl")):
    case = json.loads(line)
    for at, policy in enumerate([case.get("resourcePolicy"), *case.get("identityPolicies", [])]):
        if policy:
            pathlib.Path(sys.argv[1], f"example-{number}-{at}.json").write_text(json.dumps(policy))
PY
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host="$(rustc -vV | sed -n 's/^host: //p')"
for target in manifest policy; do
    cargo run --quiet --release --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$out/build" --bin "$target" -- \
        -max_total_time="$seconds" -max_len=20000 -artifact_prefix="$out/" -print_final_stats=1 "$out/$target"
done
