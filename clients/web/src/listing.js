// A playlist's items by the ops of its log: each names items, never positions.

/** What `op` makes of a playlist `{name, description, visibility, items: [{id, uri, by}]}`. */
export function applied(list, op) {
  switch (op.op) {
    case "add":
      return { ...list, items: placed(list.items, op.items.map((it) => ({ by: op.by, ...it })), op.place) };
    case "remove": {
      const gone = new Set(op.ids);
      return { ...list, items: list.items.filter((it) => !gone.has(it.id)) };
    }
    case "move": {
      const known = new Map(list.items.map((it) => [it.id, it]));
      const moved = op.ids.flatMap((id) => known.get(id) ?? []);
      const ids = new Set(op.ids);
      return { ...list, items: placed(list.items.filter((it) => !ids.has(it.id)), moved, op.place) };
    }
    case "set": {
      const { op: _op, by: _by, at: _at, nonce: _nonce, ...values } = op;
      return { ...list, ...values };
    }
    case "roles": {
      const roles = { ...list.roles, ...op.changes };
      return { ...list, roles: Object.fromEntries(Object.entries(roles).filter(([, role]) => role)) };
    }
    case "join":
      return { ...list, roles: { ...list.roles, [op.by]: op.role ?? "viewer" } };
    case "undo":
    case "redo":
      return (op.ops ?? []).reduce((before, it) => applied(before, { by: op.by, ...it }), list);
  }
  return list;
}

function placed(items, some, place = {}) {
  const at = anchor(items, place);
  return [...items.slice(0, at), ...some, ...items.slice(at)];
}

function anchor(items, { where = "last", item }) {
  if (where === "first") return 0;
  const at = items.findIndex((it) => it.id === item);
  if (where === "before" && at >= 0) return at;
  if (where === "after" && at >= 0) return at + 1;
  return items.length;
}

/** The op that moves item number `at` by one place, up (-1) or down (1); null at the ends. */
export function movedBy(items, at, by) {
  const other = items[at + by];
  if (!other) return null;
  return { op: "move", ids: [items[at].id], place: { where: by < 0 ? "before" : "after", item: other.id } };
}
