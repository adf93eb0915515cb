// QR codes (ISO/IEC 18004): bytes in UTF-8, error correction level M, versions 1 to 10, which is up to 213 bytes. No dependencies.
//
//   const { size, dark } = qr("text");   // dark(x, y): without the quiet zone, 4 modules wide, that belongs around it

// By version, of level M: codewords in all, blocks, check codewords of a block, and where alignment patterns stand.
const VERSIONS = [
  null,
  [26, 1, 10, []], [44, 1, 16, [6, 18]], [70, 1, 26, [6, 22]], [100, 2, 18, [6, 26]], [134, 2, 24, [6, 30]],
  [172, 4, 16, [6, 34]], [196, 4, 18, [6, 22, 38]], [242, 4, 22, [6, 24, 42]], [292, 5, 22, [6, 26, 46]], [346, 5, 26, [6, 28, 50]],
];

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  const version = smallestVersion(bytes.length);
  const bits = withChecks(dataCodewords(bytes, version), version);
  let best = null;
  for (let mask = 0; mask < MASKS.length; ++mask) {
    const symbol = new Picture(version);
    symbol.place(bits, MASKS[mask]);
    symbol.drawFormat(mask);
    const penalty = symbol.penalty();
    if (best === null || penalty < best.penalty) best = { symbol, penalty };
  }
  const { size } = best.symbol;
  return { size, version, dark: (x, y) => best.symbol.get(x, y) };
}

// An SVG path of the dark modules, one unit each, shifted by the quiet zone.
export function qrPath({ size, dark }, quiet = 4) {
  let path = "";
  for (let y = 0; y < size; ++y) {
    for (let x = 0; x < size; ++x) {
      if (!dark(x, y)) continue;
      let end = x + 1;
      while (end < size && dark(end, y)) ++end;
      path += `M${x + quiet} ${y + quiet}h${end - x}v1h${x - end}z`;
      x = end;
    }
  }
  return path;
}

function room(version) {
  const [codewords, blocks, checks] = VERSIONS[version];
  return codewords - blocks * checks;
}

function countBits(version) {
  return version < 10 ? 8 : 16;
}

function smallestVersion(length) {
  const version = VERSIONS.findIndex((_, i) => i > 0 && 4 + countBits(i) + 8 * length <= 8 * room(i));
  if (version < 0) throw new RangeError(`${length} bytes are too many for a QR code of version 10`);
  return version;
}

// Mode, length, bytes, terminator, padding.
function dataCodewords(bytes, version) {
  const bits = [];
  const put = (value, width) => {
    for (let i = width - 1; i >= 0; --i) bits.push((value >>> i) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, countBits(version));
  for (const byte of bytes) put(byte, 8);
  const capacity = 8 * room(version);
  put(0, Math.min(4, capacity - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) put(pad, 8);
  const words = new Uint8Array(capacity / 8);
  bits.forEach((bit, i) => (words[i >> 3] |= bit << (7 - (i & 7))));
  return words;
}

// ---- Reed-Solomon over GF(256) with x^8 + x^4 + x^3 + x^2 + 1

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let i = 0, value = 1; i < 255; ++i) {
  EXP[i] = EXP[i + 255] = value;
  LOG[value] = i;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

function times(a, b) {
  return a && b ? EXP[LOG[a] + LOG[b]] : 0;
}

// Coefficients of (x - 1)(x - 2)(x - 4)... without the first, highest first.
function generator(degree) {
  let terms = [1];
  for (let i = 0; i < degree; ++i) {
    const next = [...terms, 0];
    terms.forEach((term, at) => (next[at + 1] ^= times(term, EXP[i])));
    terms = next;
  }
  return terms.slice(1);
}

function checksOf(words, terms) {
  const rest = new Uint8Array(terms.length);
  for (const word of words) {
    const factor = word ^ rest[0];
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    terms.forEach((term, i) => (rest[i] ^= times(term, factor)));
  }
  return rest;
}

// Blocks, the shorter ones first, taken turn by turn; as bits.
function withChecks(words, version) {
  const [, count, checks] = VERSIONS[version];
  const shorter = Math.floor(words.length / count);
  const terms = generator(checks);
  const blocks = [];
  for (let i = 0, at = 0; i < count; ++i) {
    const data = words.subarray(at, (at += shorter + (i >= count - (words.length % count) ? 1 : 0)));
    blocks.push({ data, checks: checksOf(data, terms) });
  }
  const out = [];
  for (let i = 0; i <= shorter; ++i) for (const { data } of blocks) if (i < data.length) out.push(data[i]);
  for (let i = 0; i < checks; ++i) for (const block of blocks) out.push(block.checks[i]);
  return out.flatMap((word) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (word >> shift) & 1));
}

// ---- the picture

// value, then what is left of it times x^(degree) by the polynomial.
function withRemainder(value, degree, polynomial) {
  let rest = value << degree;
  for (let bit = 31 - Math.clz32(rest); bit >= degree; --bit) if ((rest >>> bit) & 1) rest ^= polynomial << (bit - degree);
  return (value << degree) | rest;
}

class Picture {
  constructor(version) {
    this.version = version;
    this.size = 17 + 4 * version;
    this.modules = new Uint8Array(this.size * this.size);
    this.fixed = new Uint8Array(this.size * this.size);
    this.drawPatterns();
    this.drawFormat(0); // keeps its place free
    this.drawVersion();
  }

  get(x, y) {
    return this.modules[y * this.size + x] === 1;
  }

  draw(x, y, isDark) {
    this.modules[y * this.size + x] = isDark ? 1 : 0;
    this.fixed[y * this.size + x] = 1;
  }

  drawPatterns() {
    const { size } = this;
    for (let i = 0; i < size; ++i) {
      this.draw(6, i, i % 2 === 0);
      this.draw(i, 6, i % 2 === 0);
    }
    for (const [left, top] of [[0, 0], [size - 7, 0], [0, size - 7]]) this.drawFinder(left + 3, top + 3);
    const centres = VERSIONS[this.version][3];
    const last = centres.length - 1;
    centres.forEach((x, i) =>
      centres.forEach((y, j) => {
        const isFinder = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
        if (!isFinder) this.drawSquare(x, y, 2, (ring) => ring !== 1);
      }),
    );
  }

  drawFinder(x, y) {
    this.drawSquare(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  }

  drawSquare(x, y, radius, isDark) {
    for (let dy = -radius; dy <= radius; ++dy) {
      for (let dx = -radius; dx <= radius; ++dx) {
        const [at, down] = [x + dx, y + dy];
        if (at < 0 || down < 0 || at >= this.size || down >= this.size) continue;
        this.draw(at, down, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  }

  // Level M is 00.
  drawFormat(mask) {
    const bits = withRemainder(mask, 10, 0x537) ^ 0x5412;
    const bit = (i) => ((bits >> i) & 1) === 1;
    const { size } = this;
    for (let i = 0; i <= 5; ++i) this.draw(8, i, bit(i));
    this.draw(8, 7, bit(6));
    this.draw(8, 8, bit(7));
    this.draw(7, 8, bit(8));
    for (let i = 9; i < 15; ++i) this.draw(14 - i, 8, bit(i));
    for (let i = 0; i < 8; ++i) this.draw(size - 1 - i, 8, bit(i));
    for (let i = 8; i < 15; ++i) this.draw(8, size - 15 + i, bit(i));
    this.draw(8, size - 8, true);
  }

  drawVersion() {
    if (this.version < 7) return;
    const bits = withRemainder(this.version, 12, 0x1f25);
    for (let i = 0; i < 18; ++i) {
      const [near, far] = [Math.floor(i / 3), this.size - 11 + (i % 3)];
      this.draw(far, near, ((bits >> i) & 1) === 1);
      this.draw(near, far, ((bits >> i) & 1) === 1);
    }
  }

  // In columns of two from the right, up and down in turn; column 6 belongs to the timing pattern.
  place(bits, mask) {
    let next = 0;
    let isUp = true;
    for (let right = this.size - 1; right > 0; right -= 2, isUp = !isUp) {
      if (right === 6) right = 5;
      for (let i = 0; i < this.size; ++i) {
        const y = isUp ? this.size - 1 - i : i;
        for (const x of [right, right - 1]) {
          if (this.fixed[y * this.size + x]) continue;
          const bit = bits[next++] ?? 0;
          this.modules[y * this.size + x] = bit ^ (mask(x, y) ? 1 : 0);
        }
      }
    }
  }

  // How hard it is to read, by the rules of the standard.
  penalty() {
    const lines = Array.from({ length: 2 * this.size }, (_, i) =>
      Array.from({ length: this.size }, (_, j) => Number(i < this.size ? this.get(j, i) : this.get(i - this.size, j))).join(""),
    );
    const rows = lines.slice(0, this.size);
    let sum = lines.reduce((all, line) => all + linePenalty(line), 0);
    for (let y = 1; y < this.size; ++y) {
      for (let x = 1; x < this.size; ++x) {
        const square = rows[y - 1].slice(x - 1, x + 1) + rows[y].slice(x - 1, x + 1);
        if (square === "0000" || square === "1111") sum += 3;
      }
    }
    const dark = rows.join("").replaceAll("0", "").length;
    return sum + 10 * Math.floor(Math.abs((100 * dark) / this.size ** 2 - 50) / 5);
  }
}

function linePenalty(line) {
  const runs = (line.match(/0{5,}|1{5,}/g) ?? []).reduce((sum, run) => sum + run.length - 2, 0);
  const finders = line.match(/(?=00001011101|10111010000)/g) ?? [];
  return runs + 40 * finders.length;
}
