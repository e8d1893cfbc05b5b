// Make bundle.js: plotly.js with the kinds of traces that figures here have, and LICENSES.txt of all that is in it.

import { build } from "esbuild";
import { readdir, readFile, writeFile } from "node:fs/promises";

const ENTRY = `
import Plotly from "plotly.js/lib/core";
import bar from "plotly.js/lib/bar";
import heatmap from "plotly.js/lib/heatmap";
import scattergl from "plotly.js/lib/scattergl";
Plotly.register([bar, heatmap, scattergl]);
export default Plotly;`;

const { metafile } = await build({
  stdin: { contents: ENTRY, resolveDir: "." }, outfile: "bundle.js", bundle: true, minify: true, format: "esm",
  target: "es2022", legalComments: "none", define: { global: "globalThis" }, loader: { ".css": "empty" }, metafile: true,
});

const folders = new Set();
for (const [path, { bytesInOutput }] of Object.entries(metafile.outputs["bundle.js"].inputs)) {
  const found = bytesInOutput && /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path);
  if (found) folders.add(found[0]);
}
const texts = await Promise.all([...folders].sort().map(async (folder) => {
  const { name, version, license, author } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  const by = author?.name ?? author ?? "its authors";
  const text = file ? (await readFile(`${folder}/${file}`, "utf8")).replaceAll("\r", "").trim() : `By ${by}; it comes without a text of its licence.`;
  return `=== ${name} ${version} (${license?.type ?? license}) ===\n\n${text}`;
}));
await writeFile("LICENSES.txt", `bundle.js holds the following packages, as package-lock.json pins them.\n\n${texts.join("\n\n")}\n`);
