"use strict";
// Shows the state of the spec, and asks for it again after every event of the server.

const byId = (id) => document.getElementById(id);

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function showState(view) {
  const severities = view.diagnostics.map(([severity]) => severity);
  const worst = ["error", "warning"].find((one) => severities.includes(one)) || "good";
  const state = byId("state");
  state.textContent = view.counted;
  state.className = worst;
  const name = view.model ? view.model.name : "modelspec";
  byId("name").textContent = name;
  document.title = `${view.ok ? "" : "(errors) "}${name}`;
}

function showFaults(view) {
  const faults = byId("faults");
  faults.hidden = view.diagnostics.length === 0;
  faults.replaceChildren(
    ...view.diagnostics.map(([severity, text]) => element("pre", text, severity)),
  );
  byId("stale").hidden = view.ok || !view.model;
  document.body.classList.toggle("old", !view.ok);
}

function showModel(model) {
  byId("details").hidden = !model;
  byId("drawing").hidden = !model || !model.picture;
  if (!model) return;
  if (model.picture) byId("picture").src = model.picture;
  byId("totals").replaceChildren(
    ...model.totals.flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
  );
  const kind = (at) => (model.numbers.includes(at) ? "n" : "");
  byId("header").replaceChildren(
    ...model.header.map((text, at) => element("th", text, kind(at))),
  );
  byId("rows").replaceChildren(
    ...model.rows.map((cells) => {
      const row = document.createElement("tr");
      row.replaceChildren(...cells.map((text, at) => element("td", text, kind(at))));
      return row;
    }),
  );
}

let shown = 0;

async function update() {
  const answer = await fetch("/view.json");
  const view = await answer.json();
  if (view.revision < shown) return; // an older answer that arrives late
  shown = view.revision;
  showState(view);
  showFaults(view);
  showModel(view.model);
  document.body.dataset.revision = view.revision;
}

byId("zoom").addEventListener("click", () => {
  const original = byId("picture").classList.toggle("original");
  byId("zoom").setAttribute("aria-pressed", String(original));
});

const events = new EventSource("/events");
events.onmessage = () => update().catch(() => {});
events.onerror = () => {
  const state = byId("state");
  state.textContent = "not connected: is `modelspec show --watch` still running?";
  state.className = "warning";
};
