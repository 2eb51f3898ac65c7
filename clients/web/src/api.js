// The API on this page's own host.

/** The API said no, or nobody answered: `status` 0 and reason OFFLINE. `decision` says why a licence failed. */
export class ApiError extends Error {
  constructor(status, reason, message, decision = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
    this.decision = decision;
  }
}

export class Api {
  #session;

  constructor(session) {
    this.#session = session;
  }

  me() {
    return this.#call("GET", "/v1/me");
  }

  tracks(limit, offset) {
    return this.#call("GET", `/v1/tracks?limit=${limit}&offset=${offset}`);
  }

  /** A page of the tracks that are found for `text`. */
  async search(text, limit, offset) {
    const query = new URLSearchParams({ q: text, type: "track", limit, offset });
    return (await this.#call("GET", `/v1/search?${query}`)).tracks;
  }

  /** A grant for the track; `more` says on which device, over which line, instead of what. */
  play(trackId, more = {}) {
    return this.#call("POST", "/v1/plays", { track_id: trackId, ...more });
  }

  /** How the edges did. */
  telemetry(edges) {
    return this.#call("POST", "/v1/plays/telemetry", { edges });
  }

  /** Tracks by id, fifty at most; null for those that are not there. */
  several(ids) {
    return this.#call("GET", `/v1/tracks?ids=${ids.join(",")}`);
  }

  user(id) {
    return this.#call("GET", `/v1/users/${encodeURIComponent(id)}`);
  }

  playlists() {
    return this.#call("GET", "/v1/me/playlists?limit=50");
  }

  makePlaylist(name) {
    return this.#call("POST", "/v1/me/playlists", { name, public: false });
  }

  /** Ops of the playlist's log; what comes of them is heard on its channel. */
  edit(id, ops, nonce) {
    return this.#call("POST", `/v1/playlists/${id}/ops`, { ops, nonce });
  }

  /** Take back one's own last change. */
  undo(id) {
    return this.#call("POST", `/v1/playlists/${id}/undo`, {});
  }

  /** A link that lets others edit. */
  invite(id) {
    return this.#call("POST", `/v1/playlists/${id}/invites`, { role: "editor" });
  }

  joinPlaylist(id, token) {
    return this.#call("POST", `/v1/playlists/${id}/join`, { token });
  }

  beginSession() {
    return this.#call("POST", "/v1/sessions", {});
  }

  joinSession(invite) {
    return this.#call("POST", "/v1/sessions/join", { invite });
  }

  session(id) {
    return this.#call("GET", `/v1/sessions/${id}`);
  }

  command(id, command) {
    return this.#call("POST", `/v1/sessions/${id}/commands`, command);
  }

  /** Report plays. `keepalive` lets the request outlive the page. */
  events(events, { keepalive = false } = {}) {
    return this.#call("POST", "/v1/events", { events }, { keepalive });
  }

  async #call(method, path, body, more = {}) {
    let token = this.#session.token;
    try {
      token ??= await this.#session.refresh();
    } catch {
      throw new ApiError(0, "OFFLINE", "no answer");
    }
    const headers = { Authorization: `Bearer ${token}` };
    if (body) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), ...more });
    } catch {
      throw new ApiError(0, "OFFLINE", "no answer");
    }
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const error = (await answer.json().catch(() => null))?.error;
    throw new ApiError(answer.status, error?.reason ?? error?.code ?? "UNKNOWN", error?.message ?? "", error?.decision?.reason);
  }
}
