// Campaigns: a page of the list at a time, the form for a new one, and what can be done with one of them.

import { at, count, describe, element, row, sure, time } from "./dom.js";
import { Plot } from "./plot.js";

const PAGE = 50;

// What the form's fields ask for, as the gateway wants it; it is the gateway that judges.
export function campaignOf(fields) {
  const body = { name: fields.name, policy: {} };
  if (fields.description !== "") body.description = fields.description;
  if (fields.stock !== "") body.stock = number(fields.stock);
  if (fields.starts_at !== "") body.starts_at = moment(fields.starts_at);
  if (fields.ends_at !== "") body.ends_at = moment(fields.ends_at);
  if (fields["policy.max_per_user"] !== "") body.policy.max_per_user = number(fields["policy.max_per_user"]);
  if (fields["policy.valid_for_seconds"] !== "") {
    const days = number(fields["policy.valid_for_seconds"]);
    body.policy.valid_for_seconds = typeof days === "number" ? Math.round(days * 86_400) : days;
  }
  body.policy.code_format = fields["policy.code_format"];
  return body;
}

// What is no number is sent as it was typed: the gateway says what it wants in its place.
function number(text) {
  const read = Number(text.replaceAll(/[,_\s]/g, ""));
  return Number.isFinite(read) ? read : text;
}

function moment(text) {
  const read = new Date(text);
  return Number.isNaN(read.getTime()) ? text : read.toISOString();
}

export class Campaigns {
  #after = 0;
  #nextAfter = null;
  #open = null; // the campaign of the dialog
  #createKey = crypto.randomUUID();
  #restockKey = crypto.randomUUID();

  constructor(api) {
    this.api = api;
    at("new-campaign").onclick = () => this.#toggleForm();
    at("create").onsubmit = (event) => this.#create(event);
    at("create").oninput = () => { this.#createKey = crypto.randomUUID(); };
    at("find").onsubmit = (event) => this.#find(event);
    at("campaigns-first").onclick = () => this.#page(0);
    at("campaigns-next").onclick = () => this.#page(this.#nextAfter);
    at("restock").onsubmit = (event) => this.#restock(event);
    at("restock-add").oninput = () => { this.#restockKey = crypto.randomUUID(); };
    at("pause").onclick = () => this.#command("pause", "Paused.");
    at("resume").onclick = () => this.#command("resume", "Resumed.");
    at("close-campaign").onclick = () => this.#close();
    at("export").onclick = () => this.#export();
    this.stock = null;
  }

  async look() {
    if (this.#open !== null && at("campaign").open) this.#show(await this.api.get(`/v1/campaigns/${this.#open.id}`));
    else await this.#list();
  }

  async #list() {
    const state = at("find-state").value;
    const after = this.#after;
    const page = await this.api.get(`/v1/campaigns?limit=${PAGE}&after=${after}${state ? `&state=${state}` : ""}`);
    if (after !== this.#after || state !== at("find-state").value) return;
    this.#nextAfter = page.next_after;
    // Whoever is about to press a button keeps it.
    const focused = document.activeElement?.dataset?.campaign;
    at("campaigns").replaceChildren(...page.campaigns.map((campaign) => this.#row(campaign)));
    if (focused !== undefined) at("campaigns").querySelector(`[data-campaign="${focused}"]`)?.focus();
    at("campaigns-none").hidden = page.campaigns.length > 0;
    at("campaigns-next").disabled = page.next_after === null;
    at("campaigns-first").disabled = after === 0;
  }

  #row(campaign) {
    const open = element("button", { type: "button", textContent: "Open", ariaLabel: `Open campaign ${campaign.id}`, onclick: () => this.#openOne(campaign.id) });
    open.dataset.campaign = campaign.id;
    const { id, name, state, issued, stock } = campaign;
    return row(String(id), element("bdi", { textContent: name }), state.replace("_", " "), count(issued), count(stock), time(campaign.starts_at), time(campaign.ends_at), open);
  }

  #page(after) {
    this.#after = after ?? 0;
    return this.#list();
  }

  async #find(event) {
    event.preventDefault();
    const id = at("find-id").value.trim();
    if (id === "") return this.#page(0);
    const wanted = Number(id);
    return this.#page(Number.isInteger(wanted) && wanted > 0 ? wanted - 1 : 0);
  }

  // ---- a new one

  #toggleForm() {
    at("create").hidden = !at("create").hidden;
    at("new-campaign").setAttribute("aria-expanded", String(!at("create").hidden));
    if (!at("create").hidden) at("f-name").focus();
  }

  #explain(error) {
    const form = at("create");
    const told = new Map(error?.errors.map(({ field, message }) => [field, message]));
    for (const place of form.querySelectorAll("[data-fault]")) {
      const input = form.querySelector(`[data-field="${place.dataset.fault}"]`);
      const message = told.get(place.dataset.fault);
      told.delete(place.dataset.fault);
      place.id ||= `${input.id}-fault`;
      place.textContent = message ?? "";
      input.setAttribute("aria-invalid", String(message !== undefined));
      input.setAttribute("aria-describedby", place.id);
    }
    const rest = [...told].map(([field, message]) => `${field} ${message}`);
    at("create-fault").textContent = error === null ? "" : [error.message, ...rest].join(" ");
    form.querySelector("[aria-invalid=true]")?.focus();
  }

  async #create(event) {
    event.preventDefault();
    const fields = Object.fromEntries([...at("create").querySelectorAll("[data-field]")].map((input) => [input.dataset.field, input.value]));
    try {
      const made = await this.api.post("/v1/campaigns", campaignOf(fields), this.#createKey);
      this.#explain(null);
      this.#createKey = crypto.randomUUID();
      at("create").reset();
      this.#toggleForm();
      if (made.id === undefined) return;
      await this.#openOne(made.id);
      at("campaign-done").textContent = "Created.";
    } catch (error) {
      this.#explain(error);
    }
  }

  // ---- one of them

  async #openOne(id) {
    at("campaign-fault").textContent = "";
    at("campaign-done").textContent = "";
    try {
      const campaign = await this.api.get(`/v1/campaigns/${id}`);
      this.stock = new Plot(at("plot-stock"), at("legend-stock"), "Coupons left", ["left", "issued"], { format: count });
      at("campaign").showModal();
      this.#show(campaign);
    } catch (error) {
      at("stale").hidden = false;
      at("stale").textContent = error.message;
    }
  }

  #show(campaign) {
    this.#open = campaign;
    const { id, name, state, policy } = campaign;
    at("campaign-title").replaceChildren(`Campaign ${id}: `, element("bdi", { textContent: name }));
    const discount = policy.discount ? `${policy.discount.value} ${policy.discount.type === "percent" ? "%" : policy.discount.currency ?? ""}` : "none";
    describe(at("campaign-facts"), [
      ["State", state.replace("_", " ")],
      ["Issued", `${count(campaign.issued)} of ${count(campaign.stock)}, ${count(campaign.remaining)} left`],
      ["From", time(campaign.starts_at)],
      ["To", time(campaign.ends_at)],
      ["Policy", `${policy.max_per_user ?? 1} a user, ${policy.code_format ?? "hangul"} code, discount ${discount}`],
      ["Created", time(campaign.created_at)],
    ]);
    const isOver = state === "closed";
    for (const id of ["pause", "resume", "close-campaign", "restock-add"]) at(id).disabled = isOver;
    at("pause").hidden = state === "paused";
    at("resume").hidden = state !== "paused";
    const second = Math.floor(Date.parse(campaign.server_time) / 1_000);
    this.stock.add(second, [campaign.remaining, campaign.issued]);
    this.stock.draw(second);
  }

  async #command(name, done, body, key) {
    at("campaign-fault").textContent = "";
    at("campaign-done").textContent = "";
    try {
      const after = await this.api.post(`/v1/campaigns/${this.#open.id}/${name}`, body, key);
      if (after.id !== undefined) this.#show(after);
      at("campaign-done").textContent = after.id === undefined ? "It stands in the queue and is not decided yet." : done;
      return true;
    } catch (error) {
      at("campaign-fault").textContent = [error.message, ...error.errors.map(({ field, message }) => `${field} ${message}`)].join(" ");
      return false;
    }
  }

  async #restock(event) {
    event.preventDefault();
    const add = number(at("restock-add").value);
    if (!(await this.#command("stock", "The stock is changed.", { add }, this.#restockKey))) return;
    this.#restockKey = crypto.randomUUID();
    at("restock-add").value = "";
  }

  async #close() {
    const { id, name } = this.#open;
    const isSure = await sure(`Close campaign ${id}?`, `Nobody gets a coupon of "${name}" any more. A closed campaign can never be opened again.`, "Close for ever");
    if (isSure) await this.#command("close", "Closed.");
  }

  async #export() {
    at("campaign-fault").textContent = "";
    try {
      const url = URL.createObjectURL(await this.api.file(`/v1/campaigns/${this.#open.id}/coupons`));
      element("a", { href: url, download: `coupons-${this.#open.id}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      at("campaign-fault").textContent = error.message;
    }
  }
}
