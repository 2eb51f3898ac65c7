// The API on this page's own host.

const PATIENCE_MS = 30_000;

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
    return (await this.find(text, ["track"], limit, offset)).tracks;
  }

  /** What is found for `text`, by kind: `{ tracks: page, … }`, with a better spelling where there is one. */
  find(text, kinds, limit, offset = 0) {
    const query = new URLSearchParams({ q: text, type: kinds.join(","), limit, offset, include: "did_you_mean" });
    return this.#call("GET", `/v1/search?${query}`);
  }

  async suggestions(text) {
    const query = new URLSearchParams({ q: text, type: "artist,track,album,playlist", limit: 7 });
    return (await this.#call("GET", `/v1/search/suggestions?${query}`)).suggestions;
  }

  /** Shelves that suit the hour. */
  home(device) {
    return this.#call("GET", `/v1/me/home?hour=${new Date().getHours()}&device=${device}`);
  }

  taste() {
    return this.#call("GET", "/v1/me/taste");
  }

  chooseArtists(uris) {
    return this.#call("PUT", "/v1/me/taste", { artists: uris });
  }

  /** Never offer it again; or do, after all. */
  unwanted(uri, never = true) {
    return this.#call(never ? "PUT" : "DELETE", `/v1/me/not-interested?uris=${uri}`);
  }

  /** A station that never ends; `cursor` goes on where the last page stopped. */
  radio(kind, id, cursor = null) {
    return this.#call("GET", `/v1/radio/${kind}s/${id}?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  }

  /** What fits after `played`: `["ID:completed", …]`, the latest first. */
  nextUp(played) {
    return this.#call("GET", `/v1/me/next-up?limit=10${played.length ? `&played=${played.join(",")}` : ""}`);
  }

  recent() {
    return this.#call("GET", "/v1/me/player/recently-played?limit=50");
  }

  track(id) {
    return this.#call("GET", `/v1/tracks/${id}`);
  }

  lyrics(id) {
    return this.#call("GET", `/v1/tracks/${id}/lyrics`);
  }

  album(id) {
    return this.#call("GET", `/v1/albums/${id}`);
  }

  albumTracks(id, offset) {
    return this.#call("GET", `/v1/albums/${id}/tracks?limit=50&offset=${offset}`);
  }

  artist(id) {
    return this.#call("GET", `/v1/artists/${id}`);
  }

  artistAlbums(id) {
    return this.#call("GET", `/v1/artists/${id}/albums?limit=50`);
  }

  topTracks(id) {
    return this.#call("GET", `/v1/artists/${id}/top-tracks?market=from_token`);
  }

  relatedArtists(id) {
    return this.#call("GET", `/v1/artists/${id}/related-artists`);
  }

  /** A page of saved "tracks" or "albums". */
  saved(kinds, offset) {
    return this.#call("GET", `/v1/me/${kinds}?limit=50&offset=${offset}`);
  }

  contains(kinds, ids) {
    return this.#call("GET", `/v1/me/${kinds}/contains?ids=${ids.join(",")}`);
  }

  save(kinds, id, on) {
    return this.#call(on ? "PUT" : "DELETE", `/v1/me/${kinds}?ids=${id}`);
  }

  /** Those "artist" or "user" whom one follows. */
  async following(kind) {
    return (await this.#call("GET", `/v1/me/following?type=${kind}&limit=50`))[`${kind}s`].items;
  }

  follows(kind, ids) {
    return this.#call("GET", `/v1/me/following/contains?type=${kind}&ids=${ids.map(encodeURIComponent).join(",")}`);
  }

  follow(kind, id, on) {
    return this.#call(on ? "PUT" : "DELETE", `/v1/me/following?type=${kind}&ids=${encodeURIComponent(id)}`);
  }

  /** What friends play, the latest first. */
  async activity() {
    return (await this.#call("GET", "/v1/me/friends/activity")).items;
  }

  async feed() {
    return (await this.#call("GET", "/v1/me/feed")).items;
  }

  nowPlaying(trackId, playing) {
    return this.#call("PUT", "/v1/me/now-playing", { track_id: trackId, playing });
  }

  privacy() {
    return this.#call("GET", "/v1/me/privacy");
  }

  setPrivacy(changes) {
    return this.#call("PUT", "/v1/me/privacy", changes);
  }

  profile(id) {
    return this.#call("GET", `/v1/profiles/${encodeURIComponent(id)}`);
  }

  /** A user's public playlists. */
  async playlistsOf(id) {
    return (await this.#call("GET", `/v1/users/${encodeURIComponent(id)}/playlists?limit=50`)).items;
  }

  block(id, on) {
    return this.#call(on ? "PUT" : "DELETE", `/v1/me/blocks/${encodeURIComponent(id)}`);
  }

  /** A link to a thing; with `to`, for those users alone, and told in their feeds. */
  share(uri, to = [], message = "") {
    return this.#call("POST", "/v1/shares", { uri, to, message });
  }

  shared(id) {
    return this.#call("GET", `/v1/shares/${id}`);
  }

  /** What was done to a playlist, newest first. */
  async history(id) {
    return (await this.#call("GET", `/v1/playlists/${id}/history?limit=50`)).items;
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

  /** One's own that are deleted and can be had back. */
  async deletedPlaylists() {
    return (await this.#call("GET", "/v1/me/playlists/deleted?limit=50")).items;
  }

  restorePlaylist(id) {
    return this.#call("POST", `/v1/playlists/${id}/restore`, {});
  }

  /** Delete one's own; have another's no longer among one's playlists. */
  leavePlaylist(id) {
    return this.#call("DELETE", `/v1/playlists/${id}/followers`);
  }

  makePlaylist(name) {
    return this.#call("POST", "/v1/me/playlists", { name, public: false });
  }

  /** Ops of the playlist's log; what comes of them is heard on its channel. */
  edit(id, ops, nonce) {
    return this.#call("POST", `/v1/playlists/${id}/ops`, { ops, nonce });
  }

  /** Take back one's own last change, or the one that made `revision`. */
  undo(id, revision = null) {
    return this.#call("POST", `/v1/playlists/${id}/undo`, revision === null ? {} : { revision });
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

  // The player that all of one's devices share.

  addDevice(id, name, type) {
    return this.#call("PUT", `/v1/me/player/devices/${id}`, { name, type });
  }

  /** This device goes away; the request outlives the page. */
  removeDevice(id) {
    return this.#call("DELETE", `/v1/me/player/devices/${id}`, undefined, { keepalive: true });
  }

  async devices() {
    return (await this.#call("GET", "/v1/me/player/devices")).devices;
  }

  /** Go on playing on another device. */
  transfer(id) {
    return this.#call("PUT", "/v1/me/player", { device_ids: [id], play: true });
  }

  playerQueue() {
    return this.#call("GET", "/v1/me/player/queue");
  }

  /** Say that the device plays `uris`, the first of them at `position`. */
  playOn(id, uris, position) {
    return this.#call("PUT", `/v1/me/player/play?device_id=${id}`, { uris, position_ms: position });
  }

  /** Tell the other devices what order this one plays in: "shuffle" true or false, "repeat" off, context or track. */
  playerMode(mode, state, id) {
    return this.#call("PUT", `/v1/me/player/${mode}?state=${state}&device_id=${id}`);
  }

  pauseOn(id) {
    return this.#call("PUT", `/v1/me/player/pause?device_id=${id}`);
  }

  /** Have the device that plays "pause", or go to the "next" one. */
  remote(command) {
    return this.#call(command === "next" ? "POST" : "PUT", `/v1/me/player/${command}`);
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
    let answer, text;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, ...more });
      if (answer.ok) text = await answer.text();
    } catch {
      throw new ApiError(0, "OFFLINE", "no answer");
    }
    if (answer.ok) return text ? JSON.parse(text) : null;
    const error = (await answer.json().catch(() => null))?.error;
    throw new ApiError(answer.status, error?.reason ?? error?.code ?? "UNKNOWN", error?.message ?? "", error?.decision?.reason);
  }
}
