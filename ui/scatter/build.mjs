// Make bundle.js of view.js and all that it needs. The points of regl-scatterplot are circles; here the
// second value of a point, which is not used for colour, says which shape it has (`SHAPES` in view.js).

import { build } from "esbuild";
import { readFile } from "node:fs/promises";

const REACH = `
varying float shape;

// How far out a place of the point's square lies: 1 on the edge of its shape. y grows downwards.
float reach(vec2 c) {
  vec2 a = abs(c);
  if (shape < 0.5) return length(c);
  if (shape < 1.5) return max(a.x, a.y) * 1.2;
  if (shape < 2.5) return max(a.x * 1.8 - c.y * 0.9 + 0.1, c.y * 1.25);
  if (shape < 3.5) return a.x + a.y;
  if (shape < 4.5) return max(a.x * 1.8 + c.y * 0.9 + 0.1, -c.y * 1.25);
  if (shape > 5.5) a = abs(vec2(c.x + c.y, c.x - c.y)) * 0.7071;
  return min(max(a.x * 2.8, a.y), max(a.x, a.y * 2.8));
}

float linearstep(`;

// Each is there once in the shaders of regl-scatterplot; another version may need others.
const CHANGES = [
  ["\nfloat linearstep(", REACH],
  ["float sdf = length(c) * finalPointSize;", "float sdf = reach(c) * finalPointSize;"],
  [
    "varying float finalPointSize;\n\nvoid main() {\n  vec4 state = texture2D(stateTex, stateIndex);",
    "varying float finalPointSize;\nvarying float shape;\n\nvoid main() {\n  vec4 state = texture2D(stateTex, stateIndex);\n  shape = floor(state.w + 0.5);",
  ],
];

const shapes = {
  name: "shapes",
  setup(it) {
    it.onLoad({ filter: /regl-scatterplot\.esm\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [old, now] of CHANGES) {
        if (contents.split(old).length !== 2) throw new Error(`not there once: ${old}`);
        contents = contents.replace(old, () => now);
      }
      return { contents };
    });
  },
};

await build({
  entryPoints: ["view.js"], outfile: "bundle.js", bundle: true, minify: true, format: "esm", target: "es2022",
  legalComments: "none", plugins: [shapes],
});
