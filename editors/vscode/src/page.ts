// The page with the picture of a model. Nothing here uses the editor, so that Node alone can test it.

export interface Layer {
  name: string;
  /** The line of its entry in the file, from 0. */
  line: number;
}

/** The answer of the server to `modelspec.picture`. */
export interface Picture {
  name: string;
  /** null if the model cannot be drawn; `message` then says why. */
  svg: string | null;
  message: string;
  layers: Layer[];
}

/** The layer at a line: the last one that begins at the line or before it. */
export function layerAt(layers: readonly Layer[], line: number): Layer | undefined {
  let found: Layer | undefined;
  for (const layer of layers) {
    if (layer.line <= line && (found === undefined || layer.line >= found.line)) found = layer;
  }
  return found;
}

/**
 * The page. No script and no style runs but ours, and nothing is loaded: the names in a picture are
 * those of a file, which may come from anywhere.
 */
export function page(picture: Picture, nonce: string): string {
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'`;
  const content = picture.svg ?? `<p>${escaped(picture.message)}</p>`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(picture.name)}</title>
<style>
body { background: #ffffff; color: #111827; margin: 0; padding: 8px; }
svg { display: block; margin: 0 auto; max-width: 100%; height: auto; }
g[data-layer] { cursor: pointer; }
g.here rect { stroke: #d97706; stroke-width: 3; }
</style>
</head>
<body>
${content}
<script nonce="${nonce}">
const editor = acquireVsCodeApi();
const boxes = new Map();
for (const box of document.querySelectorAll("g[data-layer]")) {
  boxes.set(box.dataset.layer, box);
  box.addEventListener("click", () => editor.postMessage({ layer: box.dataset.layer }));
}
let here;
window.addEventListener("message", (event) => {
  here?.classList.remove("here");
  here = boxes.get(event.data.layer);
  here?.classList.add("here");
  here?.scrollIntoView({ block: "center", inline: "nearest" });
});
</script>
</body>
</html>
`;
}

export function escaped(text: string): string {
  const marks: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (mark) => marks[mark] ?? mark);
}
