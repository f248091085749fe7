import assert from "node:assert/strict";
import { test } from "node:test";

import { escaped, layerAt, page, type Picture } from "../src/page";

const LAYERS = [
  { name: "dense", line: 4 },
  { name: "block_dense", line: 9 },
  { name: "dense_1", line: 6 },
];
const picture = (more: Partial<Picture> = {}): Picture => ({ name: "model", svg: "<svg></svg>", message: "", layers: LAYERS, ...more });

test("the layer at a line is the last one that begins before it", () => {
  const at = (line: number) => layerAt(LAYERS, line)?.name;
  assert.deepEqual([3, 4, 5, 6, 8, 9, 100].map(at), [undefined, "dense", "dense", "dense_1", "dense_1", "block_dense", "block_dense"]);
  assert.equal(layerAt([], 5), undefined);
});

test("names and messages are text, never markup", () => {
  const found = page(picture({ name: "</title><script>x()</script>", svg: null, message: "<img src=x onerror=y()>" }), "n");
  assert.ok(!found.includes("<img") && !found.includes("<script>x"));
  assert.ok(found.includes("&lt;img src=x onerror=y()&gt;"));
  assert.equal(escaped(`<&>"'`), "&lt;&amp;&gt;&quot;&#39;");
});

test("the page loads nothing, and runs only the script with the nonce", () => {
  const found = page(picture(), "abc");
  assert.match(found, /default-src 'none'/);
  assert.match(found, /script-src 'nonce-abc'/);
  assert.deepEqual(found.match(/<script[^>]*>/g), ['<script nonce="abc">']);
  assert.ok(found.includes("<svg></svg>"));
});
