// Who is signed in, in this tab: by a link that carries a token, or by name at the sign-in page.
//
// The token of a link arrives in the fragment, which no server sees. Signing in is OAuth's
// authorization code with PKCE (RFC 7636), as the public client that comes with every deployment.

const KEY = "segue.token";
const SESSION = "segue.session";
const ASKED = "segue.asked";
const CLIENT = "web-player";
const SCOPE = [
  "streaming user-read-private user-read-recently-played user-library-read user-library-modify",
  "playlist-read-private playlist-modify-private playlist-modify-public user-follow-read user-follow-modify",
  "user-top-read user-read-playback-state user-modify-playback-state",
].join(" ");
const EARLY_MS = 60_000;

/** Move a token out of the address bar into the tab's session; gives the token or null. */
export function adoptToken(location, history, storage) {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    storage.removeItem(SESSION);
    storage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given || storage.getItem(KEY);
}

export class Session {
  #storage;
  #link;
  #tokens;
  #refreshing = null;

  constructor(storage, link = null) {
    this.#storage = storage;
    this.#link = link;
    this.#tokens = link ? null : JSON.parse(storage.getItem(SESSION) ?? "null");
  }

  /** Is there anything to listen with? */
  get exists() {
    return Boolean(this.#link || this.#tokens);
  }

  /** Is it a person who signed in, rather than a link? */
  get isPerson() {
    return Boolean(this.#tokens);
  }

  /** The access token if it is still good; else null, and `refresh` may help. */
  get token() {
    if (this.#link) return this.#link;
    return this.#tokens && Date.now() < this.#tokens.until - EARLY_MS ? this.#tokens.access : null;
  }

  /** A new access token, once for all who ask at the same time; null when the session is over. */
  refresh() {
    if (this.#link || !this.#tokens?.refresh) return Promise.resolve(null);
    this.#refreshing ??= this.#exchange({ grant_type: "refresh_token", refresh_token: this.#tokens.refresh }).finally(
      () => (this.#refreshing = null),
    );
    return this.#refreshing;
  }

  /** Leave for the sign-in page. */
  async signIn(location) {
    const verifier = random(48);
    const state = random(16);
    this.#storage.setItem(ASKED, JSON.stringify({ verifier, state }));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const query = new URLSearchParams({
      client_id: CLIENT,
      response_type: "code",
      redirect_uri: `${location.origin}/`,
      scope: SCOPE,
      state,
      code_challenge_method: "S256",
      code_challenge: base64url(new Uint8Array(digest)),
    });
    location.assign(`/authorize?${query}`);
  }

  /** Back from the sign-in page: take the code out of the address bar and exchange it. Gives whether there was one that worked. */
  async finish(location, history) {
    const query = new URLSearchParams(location.search);
    if (!query.has("code") && !query.has("error")) return false;
    history.replaceState(null, "", location.pathname);
    const asked = JSON.parse(this.#storage.getItem(ASKED) ?? "null");
    this.#storage.removeItem(ASKED);
    // Another's code would sign us in as another (RFC 9700 §4.7); another server's is not ours (RFC 9207).
    const ours = asked && query.get("state") === asked.state && (query.get("iss") ?? location.origin) === location.origin;
    if (!ours || !query.has("code")) return false;
    this.#storage.removeItem(KEY);
    this.#link = null;
    const token = await this.#exchange({
      grant_type: "authorization_code",
      code: query.get("code"),
      redirect_uri: `${location.origin}/`,
      code_verifier: asked.verifier,
    });
    return token !== null;
  }

  /** End the session, here and at the server. */
  async signOut() {
    const refresh = this.#tokens?.refresh;
    this.forget();
    if (refresh) await post("/oauth/revoke", { token: refresh }).catch(() => null);
  }

  forget() {
    this.#link = this.#tokens = null;
    for (const key of [KEY, SESSION, ASKED]) this.#storage.removeItem(key);
  }

  async #exchange(form) {
    const answer = await post("/api/token", form);
    if (!answer.ok) {
      if (answer.status < 500 && answer.status !== 429) this.forget();
      return null;
    }
    const got = await answer.json();
    this.#tokens = {
      access: got.access_token,
      refresh: got.refresh_token ?? this.#tokens?.refresh,
      until: Date.now() + got.expires_in * 1000,
    };
    this.#storage.setItem(SESSION, JSON.stringify(this.#tokens));
    return got.access_token;
  }
}

function post(path, form) {
  return fetch(path, { method: "POST", body: new URLSearchParams({ ...form, client_id: CLIENT }) });
}

function random(bytes) {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
