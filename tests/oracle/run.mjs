// Puts cases (one JSON object a line, as in crates/access/tests/examples.jsonl) to @cloud-copilot/iam-simulate and compares
// its answers with the expected ones, which are crossrole's. A disagreement that disputed.txt explains is counted under its
// reason; any other ends with exit code 1. The package is AGPL: it is installed beside, and never linked or copied.
//
// Usage: node run.mjs disputed.txt cases.jsonl...

import { readFileSync } from "node:fs";
import { runSimulation, runUnsafeSimulation } from "@cloud-copilot/iam-simulate";

const [disputedFile, ...files] = process.argv.slice(2);
const disputed = readFileSync(disputedFile, "utf8")
  .split("\n")
  .filter((line) => line.trim() && !line.startsWith("#"))
  .map((line) => {
    const [reason, test] = line.split("\t");
    return { reason, test: new Function("c", "got", "ignored", `return (${test});`), count: 0 };
  });

const level = (documents, n) => ({
  orgIdentifier: `level-${n}`,
  policies: documents.map((policy, i) => ({ name: `p${i}`, policy })),
});
const named = (documents) => (documents ?? []).map((policy, i) => ({ name: `p${i}`, policy }));

async function simulate(c) {
  const principal = c.request.principal === "anonymous" || c.request.principal === "*" ? { type: "Anonymous" } : c.request.principal;
  const simulation = {
    request: {
      principal,
      action: c.request.action,
      resource: { resource: c.request.resource, accountId: c.request.resourceAccount },
      contextVariables: c.request.context ?? {},
    },
    identityPolicies: named(c.identityPolicies),
    resourcePolicy: c.resourcePolicy ?? undefined,
    permissionBoundaryPolicies: c.permissionBoundaries ? named(c.permissionBoundaries) : undefined,
    sessionPolicy: c.sessionPolicy ?? undefined,
    serviceControlPolicies: (c.scps ?? []).map(level),
    resourceControlPolicies: (c.rcps ?? []).map(level),
  };
  // The way without validation keeps every condition key, but knows neither resource nor session policies.
  if (!c.resourcePolicy && !c.sessionPolicy && !(c.rcps ?? []).length) return { answer: runUnsafeSimulation(simulation, {}), ignored: [] };
  const result = await runSimulation(simulation, {});
  if (result.resultType === "error") return { answer: "error", ignored: [], why: JSON.stringify(result.errors).slice(0, 200) };
  return { answer: result.overallResult, ignored: result.result?.ignoredContextKeys ?? [] };
}

let agreed = 0;
let refused = 0;
const open = [];
for (const file of files) {
  for (const line of readFileSync(file, "utf8").split("\n").filter((l) => l.trim())) {
    const c = JSON.parse(line);
    let got;
    let ignored = [];
    try {
      const said = await simulate(c);
      [got, ignored] = [said.answer, said.ignored];
      if (process.env.VERBOSE && said.why) console.error(c.id, said.why);
    } catch (error) {
      got = "error";
      if (process.env.VERBOSE) console.error(c.id, error.message);
    }
    if (got === c.expected) agreed += 1;
    else if (got === "error") refused += 1;
    else {
      const known = disputed.find((d) => d.test(c, got, ignored));
      if (known) known.count += 1;
      else open.push(`${c.id} (${c.note}): crossrole says ${c.expected}, the simulator ${got}`);
    }
  }
}
console.log(`${agreed} agreed, ${refused} the simulator refused to answer`);
for (const d of disputed.filter((d) => d.count)) console.log(`${d.count} disputed: ${d.reason}`);
for (const line of open.slice(0, Number(process.env.SHOW ?? 20))) console.log(`OPEN ${line}`);
console.log(`${open.length} disagreements without a reason`);
process.exit(open.length === 0 ? 0 : 1);
