// What people do with the page, by name; test_page.py plays them. Each waits for events, with a deadline, and returns facts.
import assert from "node:assert/strict";
import { looks } from "./looks.mjs";
import { operators } from "./operators.mjs";
import { troubles } from "./troubles.mjs";
import { users } from "./users.mjs";

export const scenarios = { ...looks, ...operators, ...troubles, ...users };
assert.equal(Object.keys(scenarios).length, [looks, operators, troubles, users].reduce((all, some) => all + Object.keys(some).length, 0));
