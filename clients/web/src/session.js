// The access token: it arrives in the link's fragment, which no server sees, and lives in this tab.

const KEY = "segue.token";

/** Move a token out of the address bar into the tab's session; gives the token or null. */
export function adoptToken(location, history, storage) {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    storage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given || storage.getItem(KEY);
}

export function forgetToken(storage) {
  storage.removeItem(KEY);
}
