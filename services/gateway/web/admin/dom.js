// Small helpers around the document.

export const at = (id) => document.getElementById(id);

// element("td", { className: "x" }, "text", child)
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// [[term, description], ...] as a description list; a description may be an element.
export function describe(list, facts) {
  list.replaceChildren(...facts.map(([term, fact]) => element("div", {}, element("dt", { textContent: term }), element("dd", {}, fact))));
}

export function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
export const count = (number) => (number === null || number === undefined ? "–" : grouped.format(number));

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

export function time(text) {
  return text === null ? "–" : new Date(text).toLocaleString("sv");
}

// Asks before what can't be undone.
export function sure(title, text, yes) {
  at("sure-title").textContent = title;
  at("sure-text").textContent = text;
  at("sure-yes").textContent = yes;
  at("sure").showModal();
  return new Promise((resolve) => {
    const end = (answer) => {
      at("sure").close();
      resolve(answer);
    };
    at("sure-yes").onclick = () => end(true);
    at("sure-no").onclick = () => end(false);
    at("sure").oncancel = () => resolve(false);
  });
}
