import assert from "node:assert/strict";
import { test } from "node:test";

import { taskOf } from "../src/shell";

test("a file name is never an option, nor a command of a shell", () => {
  assert.deepEqual(taskOf("train", "/bin/modelspec", "/a/b c;rm.yaml"), { program: "/bin/modelspec", args: ["train", "--", "/a/b c;rm.yaml"] });
  assert.deepEqual(taskOf("sweep", "m", "-x.yaml").args, ["sweep", "--", "-x.yaml"]);
});
