// Who the user is. docs/clients.md explains it for those who serve the page themselves.
//
// auth.mode trusted: the operator's front has authenticated the user and says so in <meta name="openrun-user" content="...">; where it says nothing
// the page invents a user and keeps it.
// auth.mode jwt: the sign-in page sends the user here with the token behind the address, /c/7#token=eyJ...: that part is sent to no server. It is
// kept for this tab only and taken out of the address at once.

const USER = "openrun:user";
export const TOKEN = "openrun:token";

// { userId, token }; null where nobody has signed in.
export function whoIsIt({ mode, named, tokenInAddress, storage, session, invent = () => `page-${randomName()}` }) {
  if (mode === "jwt") {
    if (tokenInAddress) session.setItem(TOKEN, tokenInAddress);
    const token = session.getItem(TOKEN);
    const userId = token && subjectOf(token);
    return userId ? { userId, token } : null;
  }
  if (named) return { userId: named, token: null };
  const userId = storage.getItem(USER) ?? invent();
  storage.setItem(USER, userId);
  return { userId, token: null };
}

// The token behind '#', and the address without it.
export function takeToken(address) {
  const url = new URL(address);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return { token: null, address };
  fragment.delete("token");
  url.hash = fragment.toString();
  return { token, address: url.href };
}

// `sub` of a token. Not verified, and it need not be: it only names what is kept on this device, so that two users of one browser don't meet.
export function subjectOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === "string" && sub !== "" ? sub : null;
  } catch {
    return null;
  }
}

// 128 random bits. Also without HTTPS, where there is no crypto.randomUUID.
export function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Storage that may be forbidden or full: then things are kept as long as the page.
export function safeStorage(open) {
  const kept = new Map();
  const attempt = (work) => {
    try {
      return work(open());
    } catch {
      return undefined;
    }
  };
  return {
    getItem: (name) => kept.get(name) ?? attempt((inner) => inner.getItem(name)) ?? null,
    setItem(name, value) {
      kept.set(name, String(value));
      attempt((inner) => {
        inner.setItem(name, value);
        kept.delete(name);
      });
    },
    removeItem(name) {
      kept.delete(name);
      attempt((inner) => inner.removeItem(name));
    },
  };
}
