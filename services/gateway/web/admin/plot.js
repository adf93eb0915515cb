// Lines over time on a canvas: seconds to the right, values up from 0. Redrawn as a whole; a few hundred points are nothing.

const CLASSES = ["is-one", "is-two", "is-three", "is-four"];
const COLOURS = ["--one", "--two", "--three", "--four"];
const LEFT = 48;
const BELOW = 18;

// The next of 1, 2, 5, 10, ... that is not below.
export function niceTop(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value * 0.999) * power;
}

export class Plot {
  // lines: names in the order of the values.
  constructor(canvas, legend, title, lines, { format = String, spanSeconds = 300 } = {}) {
    Object.assign(this, { canvas, legend, title, lines, format, spanSeconds });
    this.points = []; // [second, value, ...], ascending
  }

  add(second, values) {
    if (this.points.length > 0 && this.points.at(-1)[0] >= second) return;
    this.points.push([second, ...values]);
    const oldest = second - 900;
    while (this.points[0][0] < oldest) this.points.shift();
  }

  draw(now) {
    const { canvas } = this;
    const scale = globalThis.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const ink = canvas.getContext("2d");
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const shown = this.points.filter(([second]) => second >= now - this.spanSeconds);
    const top = niceTop(Math.max(0, ...shown.flatMap(([, ...values]) => values.filter((value) => value !== null))));
    const x = (second) => LEFT + ((second - now + this.spanSeconds) / this.spanSeconds) * (width - LEFT - 4);
    const y = (value) => 6 + (1 - value / top) * (height - BELOW - 8);
    this.#grid(ink, style, { top, x, y, now, width });
    this.lines.forEach((_, line) => {
      ink.strokeStyle = style.getPropertyValue(COLOURS[line % COLOURS.length]);
      ink.lineWidth = 1.75;
      ink.beginPath();
      let last = null;
      for (const point of shown) {
        const value = point[line + 1];
        if (value === null) continue;
        // A pause is no line: nothing was seen in it.
        if (last === null || point[0] - last > 15) ink.moveTo(x(point[0]), y(value));
        else ink.lineTo(x(point[0]), y(value));
        last = point[0];
      }
      ink.stroke();
    });
    this.#tell(shown.at(-1));
  }

  #grid(ink, style, { top, x, y, now, width }) {
    ink.font = "11px system-ui, sans-serif";
    ink.fillStyle = style.getPropertyValue("--soft");
    ink.strokeStyle = style.getPropertyValue("--line");
    ink.lineWidth = 1;
    for (const part of [0, 0.5, 1]) {
      ink.beginPath();
      ink.moveTo(LEFT, y(top * part));
      ink.lineTo(width - 4, y(top * part));
      ink.stroke();
      ink.textAlign = "right";
      ink.textBaseline = "middle";
      ink.fillText(this.format(top * part), LEFT - 6, y(top * part));
    }
    ink.textBaseline = "top";
    ink.textAlign = "left";
    ink.fillText(`${Math.round(this.spanSeconds / 60)} min ago`, x(now - this.spanSeconds), y(0) + 4);
    ink.textAlign = "right";
    ink.fillText("now", x(now), y(0) + 4);
  }

  #tell(newest) {
    const told = this.lines.map((name, line) => `${name} ${this.format(newest?.[line + 1] ?? null)}`);
    this.canvas.setAttribute("aria-label", `${this.title}: ${told.join(", ")}`);
    this.legend.replaceChildren(...told.map((text, line) => Object.assign(document.createElement("span"), { textContent: text, className: CLASSES[line % CLASSES.length] })));
  }
}
