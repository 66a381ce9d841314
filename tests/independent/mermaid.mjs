// Mermaid's own parser on every picture of a folder: `node mermaid.mjs FOLDER`, in a folder that has `mermaid` and `jsdom`.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, modules] = process.argv.slice(2);
const require = createRequire(join(modules, "package.json"));
const { JSDOM } = require("jsdom");
const { window } = new JSDOM("<!DOCTYPE html><body></body>");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import(pathToFileURL(join(modules, "node_modules/mermaid/dist/mermaid.core.mjs")));
mermaid.initialize({ securityLevel: "strict", maxTextSize: 50000, maxEdges: 500 });

const files = readdirSync(folder).filter((name) => name.endsWith(".mmd"));
if (files.length === 0) throw new Error("nothing to look at");
for (const name of files) {
  const text = readFileSync(join(folder, name), "utf8");
  const { diagramType, config } = await mermaid.parse(text);
  if (!diagramType.startsWith("flowchart")) throw new Error(`${name}: ${diagramType}`);
  if (config && Object.keys(config).length > 0) throw new Error(`${name}: a directive: ${JSON.stringify(config)}`);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const lines = text.split("\n").filter((line) => /^ +n\d+ (-->|==>|-\.->)\|/.test(line)).length;
  if (db.getEdges().length !== lines) throw new Error(`${name}: ${db.getEdges().length} edges of ${lines}`);
  const strange = [...db.getVertices().keys()].filter((id) => !/^(n\d+|notes)$/.test(id));
  if (strange.length > 0) throw new Error(`${name}: ${strange}`);
  for (const vertex of db.getVertices().values()) {
    if (vertex.link || vertex.haveCallback) throw new Error(`${name}: ${vertex.id} does something`);
  }
}
console.log(`${files.length} diagrams`);
