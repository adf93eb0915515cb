// The calls of this page. The token lives in the tab's sessionStorage and goes nowhere but into the header.

const TOKEN = "openrun:admin-token";

export class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail ?? problem.title ?? `The gateway answered ${status}.`);
    Object.assign(this, { status, code: problem.code, errors: problem.errors ?? [] });
  }
}

export class Api {
  // signedOut: called when the token is no longer good.
  constructor({ storage = sessionStorage, fetch = (...call) => globalThis.fetch(...call), signedOut = () => {} } = {}) {
    Object.assign(this, { storage, fetch, signedOut });
  }

  get token() {
    return this.storage.getItem(TOKEN);
  }
  set token(token) {
    if (token === null) this.storage.removeItem(TOKEN);
    else this.storage.setItem(TOKEN, token);
  }

  async get(path) {
    return (await this.#call("GET", path)).json();
  }
  // A key of its own for each thing that is wanted: a call that is sent again changes nothing twice.
  async post(path, body, key = crypto.randomUUID()) {
    return (await this.#call("POST", path, body, { "Idempotency-Key": key })).json();
  }
  async file(path) {
    return (await this.#call("GET", path, undefined, { Accept: "text/csv" })).blob();
  }

  async #call(method, path, body, headers = {}) {
    const sent = { method, cache: "no-store", credentials: "omit", headers: { ...headers, Authorization: `Bearer ${this.token}` } };
    if (body !== undefined) {
      sent.headers["Content-Type"] = "application/json";
      sent.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await this.fetch(path, sent);
    } catch {
      throw new Refused({ detail: "The gateway cannot be reached." }, 0);
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    if (response.status === 401 || response.status === 403) this.signedOut();
    throw new Refused(problem, response.status);
  }
}
