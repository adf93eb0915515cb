// How the page speaks: which language, and how numbers, times and spans are written. The words themselves stand in words-ko.js and words-en.js,
// of which the one that is needed is loaded.

export async function load(language) {
  return (await import(`./words-${language}.js`)).default;
}

// What was chosen here before, else the document's language, which the gateway has chosen by Accept-Language.
export function chooseLanguage(remembered, documentLanguage) {
  const known = [remembered, documentLanguage].map((wish) => wish?.toLowerCase().split("-")[0]);
  return known.find((language) => language === "ko" || language === "en") ?? "en";
}

export function otherLanguage(language) {
  return language === "ko" ? "en" : "ko";
}

export function number(value, { language }) {
  return new Intl.NumberFormat(language).format(value);
}

export function time(iso, { language }) {
  const when = new Date(iso);
  const options = { month: "long", day: "numeric", weekday: "short", hour: "numeric", minute: "2-digit" };
  if (when.getSeconds() !== 0) options.second = "2-digit";
  if (when.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return new Intl.DateTimeFormat(language, options).format(when);
}

// Coarse, and so that what shrinks is never told to grow: "3 min", "1 h 20 min".
export function span(milliseconds, { units, gap }) {
  const tell = (count, unit) => `${count}${gap}${units[unit]}`;
  const seconds = Math.ceil(milliseconds / 1_000);
  if (seconds < 60) return tell(seconds < 10 ? seconds : Math.ceil(seconds / 10) * 10, "second");
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return tell(minutes, "minute");
  if (minutes > 1_440) return tell(Math.ceil(minutes / 1_440), "day");
  const coarse = Math.ceil(minutes / 10) * 10;
  const hours = tell(Math.floor(coarse / 60), "hour");
  return coarse % 60 === 0 ? hours : `${hours} ${tell(coarse % 60, "minute")}`;
}

export function discount({ type, value, currency }, words) {
  if (type === "percent") return words.off(`${value}%`);
  try {
    return words.off(new Intl.NumberFormat(words.language, { style: "currency", currency, maximumFractionDigits: 0 }).format(value));
  } catch {
    return words.off(`${number(value, words)} ${currency}`);
  }
}
