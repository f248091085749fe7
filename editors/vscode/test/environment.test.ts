import assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";

import { findCommand, type Machine, type Places } from "../src/environment";

const machine = (programs: string[], search = "/usr/bin:/opt/bin"): Machine => ({
  isProgram: (file) => programs.includes(file),
  platform: "linux",
  search,
});
const places = (more: Partial<Places> = {}): Places => ({
  setting: "",
  interpreter: undefined,
  folders: ["/home/me/project"],
  trusted: true,
  ...more,
});
const ALL = ["/own/modelspec", "/envs/a/bin/modelspec", "/home/me/project/.venv/bin/modelspec", "/usr/bin/modelspec"];

test("the setting comes first, then the interpreter, the environment of the folder, PATH", () => {
  const found = (more: Partial<Places>, programs = ALL) => findCommand(places(more), machine(programs));
  assert.equal(found({ setting: "/own/modelspec", interpreter: "/envs/a/bin/python" }), "/own/modelspec");
  assert.equal(found({ interpreter: "/envs/a/bin/python" }), "/envs/a/bin/modelspec");
  assert.equal(found({}), "/home/me/project/.venv/bin/modelspec");
  assert.equal(found({}, ["/opt/bin/modelspec"]), "/opt/bin/modelspec");
  assert.equal(found({}, []), undefined);
});

test("an environment without modelspec is passed over", () => {
  const found = findCommand(places({ interpreter: "/envs/b/bin/python" }), machine(ALL));
  assert.equal(found, "/home/me/project/.venv/bin/modelspec");
});

test("a relative setting begins in the folder, and a bare name is searched in PATH", () => {
  const inside = "/home/me/project/tools/modelspec";
  assert.equal(findCommand(places({ setting: "tools/modelspec" }), machine([inside])), inside);
  assert.equal(findCommand(places({ setting: "ms" }), machine(["/opt/bin/ms"])), "/opt/bin/ms");
});

test("no program of a folder that is not trusted is started", () => {
  const stranger = places({ trusted: false, setting: "tools/modelspec", interpreter: "/home/me/project/.venv/bin/python" });
  assert.equal(findCommand(stranger, machine(ALL)), "/usr/bin/modelspec");
  assert.equal(findCommand(stranger, machine(ALL.slice(0, 3))), undefined);
});

test("a relative entry of PATH is not searched", () => {
  assert.equal(findCommand(places(), machine([path.join(".", "modelspec"), "modelspec"], ".:bin")), undefined);
});

test("on Windows the program has a suffix", () => {
  const seen: string[] = [];
  findCommand(places(), { isProgram: (file) => (seen.push(file), false), platform: "win32", search: "" });
  assert.ok(seen.length > 0 && seen.every((file) => file.endsWith("modelspec.exe")));
});
