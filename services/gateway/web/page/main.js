// The open-run page: which of the two pages this is, who the user is, and in which language. Plain modules, no build step: take them as they are
// for a page of your own. docs/clients.md tells the rest.

import { ServerClock } from "./clock.js";
import { TOKEN, safeStorage, takeToken, whoIsIt } from "./identity.js";
import { Screen } from "./screen.js";
import { Service } from "./service.js";
import { chooseLanguage, load, otherLanguage } from "./words.js";

const LANGUAGE = "openrun:language";

const storage = safeStorage(() => localStorage);
const session = safeStorage(() => sessionStorage);

const { token, address } = takeToken(location.href);
if (token !== null) history.replaceState(null, "", address);

const screen = new Screen(document);
const clock = new ServerClock();
const service = new Service({ clock, onReach: (isReached) => page.setReached(isReached) });

async function campaignPage(id) {
  const [{ CampaignPage }, { OpenrunClient }] = await Promise.all([import("./campaign.js"), import("./openrun-client.js")]);
  const user = whoIsIt({
    mode: document.documentElement.dataset.auth,
    named: document.querySelector("meta[name=openrun-user]")?.content,
    tokenInAddress: token,
    storage,
    session,
  });
  const headers = user?.token ? { Authorization: `Bearer ${user.token}` } : {};
  const client = new OpenrunClient({ storage, events: true, fetch: service.fetch, headers });
  return new CampaignPage({ id, user, client, screen, clock, service, storage, onSignedOut: () => session.removeItem(TOKEN) });
}

async function listPage() {
  const { ListPage } = await import("./list.js");
  return new ListPage({ screen, clock, service });
}

screen.speak(await load(chooseLanguage(storage.getItem(LANGUAGE), document.documentElement.lang)));
screen.onPress("language", async () => {
  const language = otherLanguage(screen.words.language);
  screen.speak(await load(language));
  storage.setItem(LANGUAGE, language);
  page.render();
});

const campaign = location.pathname.match(/^\/c\/([^/]+)$/)?.[1];
const page = await (campaign === undefined ? listPage() : campaignPage(campaign));
page.start();
