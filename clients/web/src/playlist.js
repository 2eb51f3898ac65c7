// Playlists: those one has, and one of them with whoever else edits it now.

import { showCover, artistsOf } from "./covers.js";
import { button, el } from "./dom.js";
import { ago, clock } from "./format.js";
import { applied, movedBy } from "./listing.js";
import { newId } from "./reports.js";

const FRESH_MS = 1600;

export class Playlists {
  #api;
  #live;
  #parts;
  #page;
  #me = null;
  #leave = null;
  #list = null;
  #id = null;
  #tracks;
  #rows = new Map();
  #names = new Map();

  /** `parts` are elements by name; `page` plays, and tells of what was done and of errors. */
  constructor(api, live, tracks, parts, page) {
    this.#api = api;
    this.#live = live;
    this.#tracks = tracks;
    this.#parts = parts;
    this.#page = page;
    parts.make.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#attempt(() => this.#make());
    });
    parts.name.addEventListener("change", () => this.#edit({ op: "set", name: parts.name.value }));
    parts.find.addEventListener("input", () => this.#attempt(() => this.#suggest()));
    parts.invite.addEventListener("click", () => this.#attempt(() => this.#invite()));
    parts.undo.addEventListener("click", () => this.#attempt(() => this.#api.undo(this.#id)));
    parts.play.addEventListener("click", () => this.#playFrom(null));
    parts.share.addEventListener("click", () => this.#attempt(() => page.share(`spotify:playlist:${this.#id}`)));
    parts.remove.addEventListener("click", () => this.#attempt(() => this.#remove()));
    parts.past.addEventListener("click", () => this.#attempt(() => this.#past()));
    live.addEventListener("change", () => this.#connection());
  }

  /** Show one's playlists. */
  async all() {
    this.close();
    this.#me ??= (await this.#api.me()).id;
    const [found, gone] = await Promise.all([this.#api.playlists(), this.#api.deletedPlaylists().catch(() => [])]);
    this.#parts.mine.replaceChildren(
      ...found.items.map((it) => {
        const link = document.createElement("a");
        link.href = `#/playlist/${it.id}`;
        link.textContent = it.name;
        const count = document.createElement("span");
        count.className = "quiet";
        count.textContent = it.tracks.total === 1 ? "1 track" : `${it.tracks.total} tracks`;
        const row = document.createElement("li");
        row.append(link, count);
        return row;
      }),
    );
    this.#parts.none.hidden = found.items.length > 0;
    this.#parts.gone.hidden = !gone.length;
    this.#parts.deleted.replaceChildren(
      ...gone.map((it) =>
        el(
          "li",
          {},
          el("span", {}, it.name, " ", el("span", { className: "quiet" }, ago(it.deleted_at))),
          button("Restore", () => this.#attempt(() => this.#restore(it)), { className: "plain", "aria-label": `Restore ${it.name}` }),
        ),
      ),
    );
  }

  async #restore({ id, name }) {
    await this.#api.restorePlaylist(id);
    this.#page.say(`“${name}” is back.`);
    this.#page.go(`#/playlist/${id}`);
  }

  /** Delete one's own, or have another's no longer; whoever slipped takes it back. */
  async #remove() {
    const id = this.#id;
    const { name, owner } = this.#list;
    await this.#api.leavePlaylist(id);
    this.#page.go("#/playlists");
    if (owner === this.#me) this.#page.say(`“${name}” is deleted.`, ["Undo", () => this.#restore({ id, name })]);
    else this.#page.say(`“${name}” is no longer among your playlists.`);
  }

  /** Show playlist `id`, live; `invite` is the secret of a link that lets one in. */
  async open(id, invite) {
    this.close();
    this.#me ??= (await this.#api.me()).id;
    if (invite) await this.#api.joinPlaylist(id, invite);
    this.#id = id;
    this.#leave = this.#live.subscribe(`playlist:${id}`, (change) => this.#hear(change));
    this.#connection();
  }

  /** Follow it no longer. */
  close() {
    this.#leave?.();
    this.#leave = this.#list = this.#id = null;
    this.#rows.clear();
    this.#parts.items.replaceChildren();
    this.#parts.people.replaceChildren();
    this.#parts.found.replaceChildren();
    this.#parts.find.value = "";
    this.#parts.link.textContent = "";
    this.#forget();
  }

  #hear(change) {
    if (change.kind === "reset") {
      this.#list = change.snapshot;
      this.#show(new Set());
    } else if (change.kind === "published" && this.#list) {
      const before = new Set(this.#list.items.map((it) => it.id));
      for (const op of change.payload.ops) this.#list = applied(this.#list, op);
      this.#show(new Set(this.#list.items.filter((it) => !before.has(it.id)).map((it) => it.id)));
    } else if (change.kind === "present") {
      this.#attempt(() => this.#present(change.users));
    } else if (change.kind === "ended") {
      this.#page.fail({ reason: change.code });
    }
  }

  /** The rows as the list is; what is there already stays the same element. */
  async #show(fresh) {
    const list = this.#list;
    const { name, items, total, empty } = this.#parts;
    if (document.activeElement !== name) name.value = list.name;
    total.textContent = list.items.length === 1 ? "1 track" : `${list.items.length} tracks`;
    empty.hidden = list.items.length > 0;
    const mine = list.owner === this.#me || list.roles?.[this.#me] === "editor" || list.collaborative;
    items.closest("section").classList.toggle("read-only", !mine);
    name.readOnly = !mine;
    // Who edits is seen by the others; who only looks is not.
    if (mine) this.#live.appear(`playlist:${this.#id}`);
    this.#parts.invite.hidden = list.owner !== this.#me;
    this.#parts.remove.textContent = list.owner === this.#me ? "Delete" : "Remove from my playlists";
    const rows = list.items.map((item) => this.#rows.get(item.id) ?? this.#row(item));
    for (const [id, row] of this.#rows) if (!rows.includes(row)) this.#rows.delete(id);
    items.replaceChildren(...rows);
    for (const id of fresh) {
      const row = this.#rows.get(id);
      row.classList.add("fresh");
      setTimeout(() => row.classList.remove("fresh"), FRESH_MS);
    }
    await this.#attempt(() => this.#fill(list.items));
  }

  #row(item) {
    const row = this.#parts.template.content.firstElementChild.cloneNode(true);
    row.dataset.item = item.id;
    const at = () => this.#list.items.findIndex((it) => it.id === item.id);
    const move = (by) => this.#edit(movedBy(this.#list.items, at(), by));
    row.querySelector(".up").addEventListener("click", () => move(-1));
    row.querySelector(".down").addEventListener("click", () => move(1));
    row.querySelector(".remove").addEventListener("click", () => this.#edit({ op: "remove", ids: [item.id] }));
    row.querySelector(".choose").addEventListener("click", () => this.#playFrom(item.id));
    row.querySelector(".more").addEventListener("click", (event) => {
      const track = this.#tracks.known(item.uri);
      if (track) this.#page.menu(event.currentTarget, track, row);
    });
    this.#rows.set(item.id, row);
    return row;
  }

  /** Play the list from the item `id` on, or from its beginning; those that are not known are passed over. */
  #playFrom(id) {
    const known = this.#list.items.filter((it) => this.#tracks.known(it.uri));
    const at = id === null ? 0 : known.findIndex((it) => it.id === id);
    if (known[at]) this.#page.play(known.map((it) => this.#tracks.known(it.uri)), at, { title: this.#list.name });
  }

  async #fill(items) {
    await this.#tracks.load(items.map((it) => it.uri));
    await this.#learn(items.map((it) => it.by));
    for (const item of items) {
      const row = this.#rows.get(item.id);
      const track = this.#tracks.known(item.uri);
      if (!row || row.dataset.filled) continue;
      row.querySelector(".title").textContent = track?.name ?? "Not in the library";
      row.querySelector(".artist").textContent = track ? artistsOf(track) : "";
      row.querySelector(".by").textContent = this.#names.get(item.by) ?? "";
      row.querySelector(".length").textContent = track ? clock(track.duration_ms / 1000) : "";
      if (track) showCover(row.querySelector(".cover"), track, 64);
      if (track) row.querySelector(".choose").dataset.track = track.id;
      row.querySelector(".more").setAttribute("aria-label", `More for ${track?.name ?? "this"}`);
      row.dataset.filled = "yes";
    }
  }

  async #present(users) {
    await this.#learn(users);
    this.#parts.people.replaceChildren(
      ...users.map((id) => {
        const chip = document.createElement("li");
        chip.textContent = id === this.#me ? "You" : this.#names.get(id);
        return chip;
      }),
    );
  }

  /** Learn what users are called. */
  async #learn(ids) {
    for (const id of new Set(ids)) {
      if (!id || this.#names.has(id)) continue;
      this.#names.set(id, id);
      const user = await this.#api.user(id).catch(() => null);
      if (user?.display_name) this.#names.set(id, user.display_name);
    }
  }

  async #suggest() {
    const text = this.#parts.find.value.trim();
    const found = text ? (await this.#api.search(text, 5, 0)).items : [];
    if (text !== this.#parts.find.value.trim()) return;
    this.#parts.found.replaceChildren(
      ...found.map((track) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `${track.name} – ${artistsOf(track)}`;
        button.addEventListener("click", () => {
          this.#tracks.learn(track);
          this.#edit({ op: "add", items: [{ uri: `spotify:track:${track.id}` }] });
        });
        const row = document.createElement("li");
        row.append(button);
        return row;
      }),
    );
  }

  /** Show what was done to the list, and who did it; or put it away again. */
  async #past() {
    const { past, history } = this.#parts;
    if (!history.hidden) return this.#forget();
    const id = this.#id;
    const done = await this.#api.history(id);
    await this.#learn(done.map((it) => it.by));
    await this.#tracks.load(done.flatMap((it) => it.change.items ?? []).map((it) => it.uri));
    if (id !== this.#id) return undefined;
    const mine = (it) => it.by === this.#me && !["undo", "redo", "create", "join"].includes(it.change.op);
    history.replaceChildren(
      ...done.map((it) =>
        el(
          "li",
          {},
          el("span", {}, el("b", {}, it.by === this.#me ? "You" : (this.#names.get(it.by) ?? it.by)), ` ${this.#deed(it.change)} `, el("span", { className: "quiet" }, ago(it.at))),
          mine(it) && button("Undo", () => this.#attempt(() => this.#takeBack(it)), { className: "plain" }),
        ),
      ),
    );
    history.hidden = false;
    past.setAttribute("aria-expanded", "true");
    return undefined;
  }

  async #takeBack({ revision }) {
    await this.#api.undo(this.#id, revision);
    this.#forget();
    this.#page.say("That is undone.");
  }

  #forget() {
    this.#parts.history.hidden = true;
    this.#parts.past.setAttribute("aria-expanded", "false");
  }

  /** An op in words. */
  #deed(change) {
    const names = (change.items ?? []).slice(0, 3).map((it) => this.#tracks.known(it.uri)?.name).filter(Boolean);
    const count = (change.items ?? change.ids ?? []).length;
    const some = names.length && names.length === count ? names.join(", ") : count === 1 ? "a track" : `${count} tracks`;
    switch (change.op) {
      case "create":
        return "made this playlist";
      case "add":
        return `added ${some}`;
      case "remove":
        return `removed ${some}`;
      case "move":
        return `moved ${some}`;
      case "set":
        return change.name ? `called it “${change.name}”` : "changed how it is described or shown";
      case "undo":
        return "undid a change";
      case "redo":
        return "did a change again";
      case "join":
        return "joined";
    }
    return "changed who may edit it";
  }

  /** Send an op. What comes of it is heard on the channel, by us as by everyone. */
  #edit(op) {
    if (!op) return undefined;
    const nonce = newId();
    return this.#attempt(() => this.#api.edit(this.#id, [op], nonce));
  }

  async #make() {
    const name = this.#parts.newName.value.trim();
    if (!name) return;
    const made = await this.#api.makePlaylist(name);
    this.#parts.newName.value = "";
    location.hash = `#/playlist/${made.id}`;
  }

  async #invite() {
    const made = await this.#api.invite(this.#id);
    this.#parts.link.textContent = made.url;
  }

  #connection() {
    this.#parts.state.textContent = this.#live.connected ? "Live" : "Connecting …";
    this.#parts.state.classList.toggle("on", this.#live.connected);
  }

  async #attempt(work) {
    try {
      await work();
    } catch (error) {
      this.#page.fail(error);
    }
  }
}
