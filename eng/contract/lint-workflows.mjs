// Checks workflows and action files as GitHub's own editor support does: node lint-workflows.mjs FILE...
// Prints what is wrong, a line each, and ends with 1 if anything is.
import { readFileSync } from "node:fs";
import { register } from "node:module";

// The packages are made for bundlers: they import JSON without saying so.
const json = `export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(json)}`);
const { validate } = await import("@actions/languageservice");
const { TextDocument } = await import("vscode-languageserver-textdocument");

let found = 0;
for (const file of process.argv.slice(2)) {
  const document = TextDocument.create(`file://${file}`, "yaml", 1, readFileSync(file, "utf8"));
  for (const { range, message } of await validate(document)) {
    console.log(`${file}:${range.start.line + 1}:${range.start.character + 1}: ${message}`);
    found++;
  }
}
process.exit(found === 0 ? 0 : 1);
