// The operator's page: signs in, then looks once a second while it is seen.

import { Api } from "./api.js";
import { Board } from "./board.js";
import { Campaigns } from "./campaigns.js";
import { at } from "./dom.js";
import { Letters } from "./letters.js";

const LOOK_MS = 1_000;
const LISTS_EVERY = 3; // looks
const FAILED_MS_MAX = 10_000;

const api = new Api({ signedOut: () => signOut("This token is not one of the gateway's admin tokens.") });
let board = null;
let lists = [];
let looks = 0;
let failures = 0;
let timer;

function signOut(why) {
  clearTimeout(timer);
  api.token = null;
  for (const open of document.querySelectorAll("dialog[open]")) open.close();
  at("board").hidden = true;
  at("clock").hidden = true;
  at("sign-out").hidden = true;
  at("sign-in").hidden = false;
  at("sign-in-fault").textContent = why;
  at("token").focus();
}

async function signIn(token) {
  api.token = token;
  try {
    await api.get("/v1/operations");
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) signOut(error.message);
    return;
  }
  at("token").value = "";
  at("sign-in-fault").textContent = "";
  board ??= new Board(api);
  if (lists.length === 0) lists = [new Campaigns(api), new Letters(api)];
  looks = 0;
  // Shown when it is filled, so that nothing jumps.
  await look();
  if (api.token === null) return;
  at("sign-in").hidden = true;
  for (const shown of ["board", "clock", "sign-out"]) at(shown).hidden = false;
  board.draw();
  at("main").focus();
}

async function look() {
  clearTimeout(timer);
  if (api.token === null) return;
  let pause = LOOK_MS;
  if (!document.hidden) {
    try {
      const now = await board.look();
      at("clock").textContent = new Date(now.server_time).toLocaleTimeString("sv");
      if (looks++ % LISTS_EVERY === 0 || document.querySelector("dialog[open]")) await Promise.all(lists.map((list) => list.look()));
      if (failures > 0) at("stale").hidden = true;
      failures = 0;
    } catch (error) {
      failures += 1;
      pause = Math.min(FAILED_MS_MAX, LOOK_MS * 2 ** failures);
      at("stale").textContent = `${error.message} What is shown is old; the page asks again.`;
      at("stale").hidden = api.token === null;
    }
  }
  clearTimeout(timer);
  if (api.token !== null) timer = setTimeout(look, pause);
}

at("sign-in").onsubmit = (event) => {
  event.preventDefault();
  signIn(at("token").value.trim());
};
at("sign-out").onclick = () => signOut("");
for (const button of document.querySelectorAll("dialog .leave")) button.onclick = () => button.closest("dialog").close();
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && board !== null && !at("board").hidden) look();
});
if (api.token === null) signOut("");
else signIn(api.token);
